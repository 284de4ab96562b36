"""The tables. Migrations redeclare what they touch; a test proves that the two agree."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.store.schema import Table


class JobRow(Table):
    """A submitted job.

    Of the live ones the smallest `precedence` comes first; `is_sharing` says that others may need open units
    of it. Seconds are device-seconds; those used are the ones charged to it, by `key_id` where it has one.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_state", "state", "created_at"),
        Index(
            "ix_job_turn",
            "precedence",
            "id",
            sqlite_where=text("state IN ('queued', 'running')"),
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
    )

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    label: Mapped[str] = mapped_column(String(200))
    protocol: Mapped[str] = mapped_column(String(64))
    spec: Mapped[dict[str, Any]]
    spec_sha256: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(24))
    priority: Mapped[int]
    owner: Mapped[str] = mapped_column(String(64), server_default="local")
    duplicate_of: Mapped[str | None] = mapped_column(String(48))
    visibility: Mapped[str] = mapped_column(String(16), server_default="public")
    precedence: Mapped[float] = mapped_column(Double, default=0.0, server_default="0")
    estimated_seconds: Mapped[float | None]
    used_seconds: Mapped[float] = mapped_column(Double, default=0.0, server_default="0")
    is_sharing: Mapped[bool] = mapped_column(Boolean, default=False, server_default=true())
    key_id: Mapped[str | None] = mapped_column(String(16), index=True)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ApiKeyRow(Table):
    """A key of the API, without its secret. `device_seconds` is what it may use in all; None is no limit.
    `replaced_by` is the key that was made in its place.
    """

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(64))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    replaced_by: Mapped[str | None] = mapped_column(String(16))
    device_seconds: Mapped[float | None]
    used_seconds: Mapped[float] = mapped_column(Double, default=0.0, server_default="0")
    refunded_seconds: Mapped[float] = mapped_column(Double, default=0.0, server_default="0")


class OwnerUseRow(Table):
    """An owner's recent device-seconds as they counted at a moment, and those of short jobs."""

    __tablename__ = "owner_use"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    seconds: Mapped[float]
    short_seconds: Mapped[float]
    as_of: Mapped[datetime]


class LedgerRow(Table):
    """An attempt at a unit, and what it used a device for; those not charged are refunded."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ix_ledger_key", "key_id", "id"),
        Index("ix_ledger_reason", "reason", "device_seconds"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"))
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    owner: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(32))
    is_charged: Mapped[bool]
    device_seconds: Mapped[float]
    created_at: Mapped[datetime]


class IdempotencyKeyRow(Table):
    """A submission that may be sent again; `fingerprint` is the SHA-256 of what was sent with the key."""

    __tablename__ = "idempotency_key"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class UnitRow(Table):
    """A unit of work; shared by all jobs that link to it. `payload` is the whole of it; the id is its hash.

    A ready one is claimed in the turn of its lead, one of the jobs that need it; of those the smallest
    `position` first. `losses` are those of its attempts that ended with their worker. `artifact_size_bytes`
    is None unless the unit is done and its artifact there.
    """

    __tablename__ = "unit"
    __table_args__ = (
        Index(
            "ix_unit_ready",
            "queue",
            "lead_job_id",
            "position",
            "id",
            sqlite_where=text("state = 'ready'"),
            postgresql_where=text("state = 'ready'"),
        ),
        Index(
            "ix_unit_lease",
            "lease_until",
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index(
            "ix_unit_lease_owner",
            "lease_owner",
            sqlite_where=text("lease_owner IS NOT NULL"),
            postgresql_where=text("lease_owner IS NOT NULL"),
        ),
        Index(
            "ix_unit_lead",
            "lead_job_id",
            sqlite_where=text("state IN ('waiting', 'ready')"),
            postgresql_where=text("state IN ('waiting', 'ready')"),
        ),
        Index("ix_unit_state", "state"),
        Index(
            "ix_unit_artifact",
            "artifact_used_at",
            "artifact_size_bytes",
            sqlite_where=text("artifact_size_bytes IS NOT NULL"),
            postgresql_where=text("artifact_size_bytes IS NOT NULL"),
        ),
        Index(
            "ix_unit_evicted",
            "evicted_bytes",
            sqlite_where=text("evicted_bytes > 0"),
            postgresql_where=text("evicted_bytes > 0"),
        ),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200))
    payload: Mapped[dict[str, Any]]
    tuning: Mapped[str | None] = mapped_column(String(16))
    queue: Mapped[str] = mapped_column(String(32))
    lead_job_id: Mapped[str | None] = mapped_column(String(48))
    position: Mapped[float] = mapped_column(Double)
    state: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    losses: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    max_attempts: Mapped[int] = mapped_column(Integer, default=3)
    not_before: Mapped[datetime]
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(Integer, default=0)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    failure_class: Mapped[str | None] = mapped_column(String(24))
    error: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[float | None]
    progress_text: Mapped[str | None] = mapped_column(String(200))
    artifact: Mapped[dict[str, Any] | None]
    artifact_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    artifact_used_at: Mapped[datetime | None]
    evicted_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    runtime_seconds: Mapped[float | None]
    is_timed_beside: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class UnitDependencyRow(Table):
    """`unit_id` cannot start before `depends_on` is done."""

    __tablename__ = "unit_dependency"
    __table_args__ = (Index("ix_unit_dependency_depends_on", "depends_on"),)

    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    depends_on: Mapped[str] = mapped_column(ForeignKey("unit.id"), primary_key=True)


class JobUnitRow(Table):
    """A job needs a unit, the `position`-th of its plan."""

    __tablename__ = "job_unit"
    __table_args__ = (
        Index("ix_job_unit_unit_id", "unit_id"),
        Index("ix_job_unit_position", "job_id", "position"),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    position: Mapped[int]


class SettingRow(Table):
    """A cell of the board, with all that defines it.

    `version` grows with every change of its results; `public_results` is how many of them the public sees.
    """

    __tablename__ = "setting"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    protocol: Mapped[str] = mapped_column(String(64), index=True)
    dataset: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(64))
    definition: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    public_results: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class ResultRow(Table):
    """The metrics of one model: of an unlearner, or of a reference (`original`, `retrained`).

    `is_public` says whether a public job needs its unit.
    """

    __tablename__ = "result"
    __table_args__ = (
        Index("ix_result_place", "setting_id", "tuning", "unlearner", "variant"),
        Index(
            "ix_result_shown",
            "setting_id",
            "tuning",
            sqlite_where=text("is_public AND NOT is_superseded"),
            postgresql_where=text("is_public AND NOT is_superseded"),
        ),
    )

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), unique=True)
    setting_id: Mapped[str] = mapped_column(ForeignKey("setting.id"))
    unlearner: Mapped[str] = mapped_column(String(64))
    variant: Mapped[str | None] = mapped_column(String(32))
    tuning: Mapped[str | None] = mapped_column(String(16))
    hyperparameters: Mapped[dict[str, Any]]
    model_seed: Mapped[int]
    is_usable: Mapped[bool]
    is_superseded: Mapped[bool] = mapped_column(Boolean, default=False)
    is_public: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    retention_deviation: Mapped[float | None]
    indiscernibility_test: Mapped[float | None]
    runtime_efficiency: Mapped[float | None]
    metrics: Mapped[dict[str, Any]]
    reasons: Mapped[dict[str, Any]]
    provenance: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class TrialRow(Table):
    """One attempt at a trial of a sweep. `score` is None where it has none that is finite.

    `work` is None unless the attempt was completed, by a method that declares it; rows of earlier versions
    have neither that nor `provenance`.
    """

    __tablename__ = "trial"
    __table_args__ = (
        Index("ix_trial_sweep", "setting_id", "unlearner", "sweep_seed", "index"),
        Index(
            "ix_trial_measured",
            "setting_id",
            "unlearner",
            "created_at",
            "unit_id",
            "attempt",
            sqlite_where=text("work IS NOT NULL"),
            postgresql_where=text("work IS NOT NULL"),
        ),
    )

    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    setting_id: Mapped[str] = mapped_column(ForeignKey("setting.id"))
    unlearner: Mapped[str] = mapped_column(String(64))
    sweep_seed: Mapped[int]
    index: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    hyperparameters: Mapped[dict[str, Any]]
    objectives: Mapped[dict[str, Any] | None]
    score: Mapped[float | None]
    metrics: Mapped[dict[str, Any] | None]
    runtime_seconds: Mapped[float | None]
    reason: Mapped[str | None] = mapped_column(Text)
    work: Mapped[dict[str, Any] | None]
    provenance: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]


class AttackRow(Table):
    """An attack on single samples; where it could not be run, `findings` is empty and `reason` says why."""

    __tablename__ = "attack_result"
    __table_args__ = (Index("ix_attack_result_place", "setting_id", "subject"),)

    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    setting_id: Mapped[str] = mapped_column(ForeignKey("setting.id"))
    attack: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    variant: Mapped[str | None] = mapped_column(String(32))
    tuning: Mapped[str | None] = mapped_column(String(16))
    hyperparameters: Mapped[dict[str, Any]]
    out: Mapped[str] = mapped_column(String(16))
    splits: Mapped[int]
    forget_sets: Mapped[int]
    is_calibration: Mapped[bool]
    mean_accuracy: Mapped[float | None]
    findings: Mapped[dict[str, Any]]
    samples: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)  # a megabyte at full size
    reason: Mapped[str | None] = mapped_column(Text)
    provenance: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class SnapshotRow(Table):
    """A frozen board. `content` is canonical JSON, `sha256` its hash; triggers refuse every change."""

    __tablename__ = "snapshot"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    protocol: Mapped[str] = mapped_column(String(64), index=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    content: Mapped[str] = mapped_column(Text)
    num_results: Mapped[int]
    owner: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class SelfReportRow(Table):
    """Results that were measured elsewhere, by whoever `report` names; nothing is ranked with them."""

    __tablename__ = "self_report"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    protocol: Mapped[str] = mapped_column(String(64), index=True)
    report: Mapped[dict[str, Any]]
    owner: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class EventRow(Table):
    """Append-only: what happened, who did it, and why, in words. Ids grow in the order of commits."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_job", "job_id", "id"),
        Index("ix_event_unit", "unit_id", "id"),
    )

    # SQLite only numbers a column of exactly this type by itself.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("job.id"))
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("unit.id"))
    actor: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class TallyRow(Table):
    """How often something has happened, by a label of few values, and the seconds that it took altogether."""

    __tablename__ = "tally"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    label: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]


class UnitLogRow(Table):
    """A line that an attempt at a unit logged. Ids grow in the order of commits."""

    __tablename__ = "unit_log"
    __table_args__ = (Index("ix_unit_log_unit_id", "unit_id", "id"), Index("ix_unit_log_at", "at"))

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    attempt: Mapped[int]
    at: Mapped[datetime]
    level: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    fields: Mapped[dict[str, Any]]


class WebhookRow(Table):
    """Where an owner wants to be told of their jobs. The secret signs, so it cannot be kept as a hash."""

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    url: Mapped[str] = mapped_column(String(2083))
    events: Mapped[list[str]]
    secret: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class DeliveryRow(Table):
    """A message for a webhook, stored with what it tells of. `fence` counts who took it in hand; `body` is
    what is sent, to the byte, at every try.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index(
            "ix_webhook_delivery_due",
            "due_at",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_webhook_delivery_webhook_id", "webhook_id", "id"),
        Index("ix_webhook_delivery_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhook.id"))
    job_id: Mapped[str | None] = mapped_column(ForeignKey("job.id"))
    event: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    tries: Mapped[list[dict[str, Any]]]
    fence: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class WorkerRow(Table):
    """A worker process, as it last described itself; `device_key` is the device that it has a slot on."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    queues: Mapped[list[str]]
    device: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    unit_id: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    device_key: Mapped[str | None] = mapped_column(String(80), index=True)
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    is_drained: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
