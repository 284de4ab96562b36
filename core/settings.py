"""Configuration: the only reader of the environment. Entry points instantiate `Settings` and pass values
down.
"""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

GIGABYTE = 10**9
SECRETS_DIR = Path("/run/secrets")  # where Compose, Swarm and Kubernetes' manifests put them


class Settings(BaseSettings):
    """Every knob, from `LETHE_*` variables, else from files of the same names in lower case in the secrets
    directory. The defaults are the embedded deployment under `./var`.
    """

    model_config = SettingsConfigDict(env_prefix="LETHE_", env_ignore_empty=True, frozen=True, extra="ignore")

    var_dir: Path = Field(Path("var"), description="Where the embedded deployment keeps everything.")
    database_url: str = Field("", description="SQLAlchemy URL; empty = SQLite under var_dir.")
    database_password: SecretStr = Field(SecretStr(""), description="The password, for a URL without one.")
    secrets_dir: Path = Field(SECRETS_DIR, description="Where files hold what should not be a variable.")
    broker_url: str = Field("", description="Celery broker URL; empty = files under var_dir.")
    artifacts_url: str = Field(
        "", description="Weights and logits: a directory or s3://…; empty = var_dir/artifacts."
    )
    artifacts_cache_gb: float = Field(
        10.0, ge=0, description="How much a worker's cache_dir keeps of artifacts from an object store."
    )
    artifacts_budget_gb: float | None = Field(
        None, gt=0, description="Above this, artifacts used longest ago are deleted; empty = never."
    )
    min_free_gb: float = Field(
        1.0, ge=0, description="A worker takes no unit while its artifact directory has less space than this."
    )
    data_dir: Path | None = Field(None, description="Datasets in torchvision's layout; empty = var_dir/data.")
    cache_dir: Path | None = Field(None, description="Decoded images; empty = var_dir/cache.")
    page_dir: Path = Field(
        Path(__file__).parent.parent / "frontend" / "dist", description="The built page that the API serves."
    )
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on.")
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Proxies whose X-Forwarded-For names the client; addresses or networks, comma-separated.",
    )
    key: SecretStr = Field(SecretStr(""), description="The key that the command line sends to a service.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N.")
    slots_per_device: int = Field(1, ge=1, description="How many workers may share a GPU or a CPU.")
    lease_seconds: float = Field(
        60.0, gt=0, description="A unit, or a message, whose process is silent this long goes to another."
    )
    beat_seconds: float = Field(5.0, gt=0, description="How often a worker renews its lease.")
    stall_seconds: float = Field(
        1800.0, gt=0, description="A unit without progress for this long is stopped."
    )
    reap_seconds: float = Field(5.0, gt=0, description="How often the scheduler looks for expired leases.")
    ring_seconds: float = Field(0.5, gt=0, description="How often the scheduler rings for ready work.")

    idempotency_seconds: float = Field(
        86400.0, gt=0, description="How long a submission's Idempotency-Key is remembered."
    )

    webhook_backoff_seconds: float = Field(
        10.0, gt=0, description="The wait before a webhook's second try; each later one is six times as long."
    )
    webhook_loopback: bool = Field(
        False, description="Whether webhooks may go to this machine itself: for development and tests."
    )

    reads_per_minute: int = Field(1200, gt=0, description="How often one address may read the API.")
    writes_per_minute: int = Field(120, gt=0, description="How often one address may change something.")

    @model_validator(mode="after")
    def _beat_within_lease(self) -> Self:
        if self.beat_seconds * 2 > self.lease_seconds:
            raise ValueError(
                f"beat_seconds ({self.beat_seconds}) must be at most half of lease_seconds "
                f"({self.lease_seconds}), or one late beat loses the lease."
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is no such file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its directory would have to exist
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before variables before secret files."""
        directory = Path(os.environ.get("LETHE_SECRETS_DIR", SECRETS_DIR))
        secrets = SecretsSettingsSource(settings_cls, secrets_dir=directory) if directory.is_dir() else None
        return (init_settings, env_settings, *((secrets,) if secrets else ()))

    @property
    def database(self) -> str:
        """The database URL in force, with its password."""
        password = self.database_password.get_secret_value()
        if self.database_url and password:
            from sqlalchemy import make_url  # slow to load, and seldom needed

            url = make_url(self.database_url)
            if url.password is None:
                return url.set(password=password).render_as_string(hide_password=False)
        return self.database_url or f"sqlite:///{(self.var_dir / 'lethe.db').absolute()}"

    @property
    def artifacts(self) -> str:
        """The place of artifacts in force: a path, or a URL."""
        return self.artifacts_url or str((self.var_dir / "artifacts").absolute())

    @property
    def artifacts_budget_bytes(self) -> int | None:
        """How large all artifacts together may be; None = as large as they get."""
        return None if self.artifacts_budget_gb is None else int(self.artifacts_budget_gb * GIGABYTE)

    @property
    def service_lock(self) -> Path:
        """Held by the embedded service that has the var directory, and left there when it ends."""
        return self.var_dir / "service.lock"

    @property
    def data(self) -> Path:
        """The data directory in force."""
        return (self.data_dir or self.var_dir / "data").absolute()

    @property
    def cache(self) -> Path:
        """The cache directory in force; all in it can be made again."""
        return (self.cache_dir or self.var_dir / "cache").absolute()

    @property
    def broker(self) -> str:
        """The broker URL in force; a file system one keeps its messages under the var directory."""
        return self.broker_url or "filesystem://localhost"

    @property
    def url(self) -> str:
        """Where the API answers on this machine."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_embedded(self) -> bool:
        """Whether everything runs on this machine with no server."""
        return self.database.startswith("sqlite")
