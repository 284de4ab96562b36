"""What every command that asks a service shares: where it is, and where to print what it says.

These modules are loaded with the `lethe` command, whatever it is to do; the client is loaded where one asks.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from core.errors import DeploymentInvalid
from core.settings import Settings

if TYPE_CHECKING:
    from api.client import Client

console = Console()

JobId = Annotated[str, typer.Argument(metavar="JOB")]
SpecFile = Annotated[Path, typer.Argument(metavar="SPEC.json")]
Url = Annotated[
    str | None, typer.Option(metavar="URL", help="The service; by default the embedded one's address.")
]


def command_group(help: str) -> typer.Typer:
    """Commands with plain help, whose errors are `lethe.main`'s to tell."""
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def client_of(url: str | None) -> "Client":
    """A client of the service that is meant."""
    from api.client import Client

    settings = Settings()
    return Client(url or settings.url, settings.key.get_secret_value())


def read_file(path: Path, what: str) -> bytes:
    """What a file holds.

    Raises:
        DeploymentInvalid: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DeploymentInvalid(f"The {what} {path} cannot be read: {error.strerror}.") from error
