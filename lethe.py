"""The `lethe` command: parse the arguments, call core, the worker or the API.

What a command needs is imported when it runs: most need little of it, and none but the worker needs torch.
"""

import logging
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError
from rich.console import Console

from api.commands import boards, jobs, webhooks
from api.commands.asking import SpecFile, client_of, command_group, console, read_file
from core.errors import DeploymentInvalid, LetheError
from core.settings import Settings

if TYPE_CHECKING:
    from core.store.session import Store

QUICK_SPEC = Path(__file__).parent / "core" / "specs" / "quick.json"
INTERRUPTED = 130  # what Typer makes of Ctrl-C
ALIVE_BEATS = 6  # a process that missed this many beats is not at work

app = command_group("An open leaderboard for machine unlearning.")
SupervisedBy = Annotated[int | None, typer.Option(metavar="PID", hidden=True)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status. What users can mend is said in words, without a traceback."""
    try:
        app(arguments, prog_name="lethe")
    except SystemExit as ended:
        status = int(ended.code or 0)
        if status == INTERRUPTED:
            Console(stderr=True).print("Stopped.")
        return status
    except LetheError as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False, soft_wrap=True)
    except ValidationError as error:
        Console(stderr=True).print(f"A LETHE_ variable is wrong: {error}", markup=False)
    return 2


@app.command()
def serve(supervised_by: SupervisedBy = None) -> None:
    """Run the embedded service."""
    from worker.supervisor import serve

    _begin_process(supervised_by)
    serve(Settings())


@app.command()
def api(supervised_by: SupervisedBy = None) -> None:
    """Run the API alone."""
    import uvicorn

    from api.main import create_app
    from core.store.keys import require_key_beyond_loopback
    from core.store.session import Store
    from worker.supervisor import require_free_port

    _begin_process(supervised_by)
    settings = Settings()
    require_free_port(settings.host, settings.port)
    store = Store(settings.database)
    store.require_current()
    require_key_beyond_loopback(store, settings.host)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=3,  # or open event streams hold the shutdown up
        log_config=None,
        access_log=False,
    )


@app.command()
def scheduler(supervised_by: SupervisedBy = None) -> None:
    """Run the scheduler alone."""
    from core.store.session import Store
    from worker.app import create_celery
    from worker.scheduler import schedule

    _begin_process(supervised_by)
    settings = Settings()
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: stopped.append(received))
    store = Store(settings.database)
    store.require_current()
    schedule(settings, store, create_celery(settings), is_stopped=lambda: bool(stopped))


@app.command()
def worker(supervised_by: SupervisedBy = None) -> None:
    """Run one worker."""
    from core.store.session import Store
    from worker.app import create_celery
    from worker.tasks import answer_bells

    _begin_process(supervised_by)
    settings = Settings()
    store = Store(settings.database)
    store.require_current()
    answer_bells(settings, store, create_celery(settings))


@app.command()
def alive(process: Annotated[Literal["api", "scheduler", "worker"], typer.Argument()]) -> None:
    """Check that a process of this var directory is at work; status 2 where it is not."""
    from core.pulse import require_pulse

    settings = Settings()
    if process == "api":
        _require_answer(settings.url)
    else:
        within = ALIVE_BEATS * max(settings.beat_seconds, settings.reap_seconds)
        require_pulse(settings.var_dir, process, within_seconds=within)


@app.command()
def migrate() -> None:
    """Bring the database to the newest revision."""
    from core.store.session import Store

    Store(Settings().database).migrate()
    console.print("The database is at the newest revision.")


@app.command()
def openapi() -> None:
    """Print the API's OpenAPI document."""
    import json

    from api.main import openapi_document

    sys.stdout.write(json.dumps(openapi_document(), indent=2))


@app.command()
def demo(
    exit: Annotated[bool, typer.Option("--exit", help="End after the board.")] = False,
    spec: Annotated[Path, typer.Option(metavar="SPEC.json", help="Another job than this one.")] = QUICK_SPEC,
) -> None:
    """Serve, run the bundled job through the API, print the board, keep serving."""
    from api.commands.following import follow_to_end
    from worker.background import background_service

    started = time.monotonic()
    settings = Settings()
    with background_service(settings), client_of(settings.url) as client:
        job = client.submit_job(read_file(spec, "job spec"))
        console.print(
            f"[bold]Lethe[/bold] runs the quick job; watch it at {settings.url}/jobs/{job.id}", soft_wrap=True
        )
        status = follow_to_end(client, job.id)
        for metric in ("retention_deviation", "indiscernibility"):
            boards.show_board(client, {"protocol": "quick/1.0", "metric": metric})
        took = time.monotonic() - started
        console.print(f"Done in {took:.0f} s. The board is at {settings.url}/", soft_wrap=True)
        if not exit:
            console.print("Ctrl-C stops the service.")
            with suppress(KeyboardInterrupt):
                signal.pause()
    raise typer.Exit(status)


@app.command()
def run(spec: SpecFile, out: Annotated[Path, typer.Option()] = Path("var/run")) -> None:
    """Run a job spec here, with no service."""
    from core.logs import configure_logs
    from worker.local import run_here

    configure_logs(logging.WARNING)  # the progress bar tells the rest
    raise typer.Exit(run_here(read_file(spec, "job spec"), Settings(), out=out, console=console))


@app.command()
def estimate(
    spec: SpecFile,
    out: Annotated[
        Path | None,
        typer.Option(help="Rest on what this `lethe run` has measured, not on the service's store."),
    ] = None,
) -> None:
    """Say what a job spec would cost, from what this installation has measured."""
    from core.catalog.registry import installed
    from core.class_sizes import forgotten_classes
    from core.estimate import estimate, measured_rates
    from core.plan import plan
    from core.spec.job import parse_job_spec
    from core.spec.resolve import resolve
    from core.store.measurements import done_units, recent_measurements
    from core.store.session import Store
    from core.terminal import estimate_table

    catalogue, settings = installed(), Settings()
    units = plan(resolve(parse_job_spec(read_file(spec, "job spec")), catalogue))
    store = Store(f"sqlite:///{(out / 'lethe.db').absolute()}" if out else settings.database)
    done, measured = set(), []
    if store.is_there():
        with store.read() as session:
            done, measured = done_units(session, units), recent_measurements(session)
    rates, sizes = measured_rates(measured), forgotten_classes(units, catalogue, settings.data)
    found = estimate(units, done, rates, catalogue, sizes)
    console.print(estimate_table(found))
    for line in found.rests_on:
        console.print(line, markup=False, soft_wrap=True)


app.add_typer(jobs.app)
app.add_typer(boards.app)
app.add_typer(webhooks.app, name="webhooks")

keys = command_group("Make, list, end and replace the API's keys.")
app.add_typer(keys, name="keys")
KeyId = Annotated[str, typer.Argument(metavar="ID")]


def _name(text: str) -> str:
    if not 0 < len(text) <= 64:
        raise typer.BadParameter("a name has 1 to 64 characters")
    return text


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.", callback=_name)],
    owner: Annotated[
        str, typer.Option(help="Whose jobs are submitted with it; by default NAME.", show_default=False)
    ] = "",
    scope: Annotated[Literal["read", "submit", "admin"], typer.Option()] = "submit",
    days: Annotated[float, typer.Option(min=0, help="How long it holds; 0 = for good.")] = 90.0,
    device_seconds: Annotated[
        float | None,
        typer.Option(min=0, metavar="N", help="What its jobs may use in all; by default any number."),
    ] = None,
) -> None:
    """Make a key; it is shown once."""
    from core.store.keys import Scope, create_key

    with _store() as store:
        with store.write() as session:
            key = create_key(
                session,
                name=name,
                owner=_name(owner or name),
                scope=Scope(scope),
                days=days or None,
                device_seconds=device_seconds,
            )
        _show_once(key)


@keys.command("list")
def list_keys() -> None:
    """List all keys, without their secrets."""
    from core.store.keys import list_keys
    from core.terminal import keys_table

    with _store() as store, store.read() as session:
        console.print(keys_table(list_keys(session)))


@keys.command("revoke")
def revoke_key(id: KeyId) -> None:
    """End a key now."""
    from core.store.keys import revoke_key

    with _store() as store, store.write() as session:
        hooks = revoke_key(session, id)
    told = f" It was its owner's last; {hooks} webhook(s) went with it." if hooks else ""
    console.print(f"The key {id} is revoked.{told}", markup=False, highlight=False)


@keys.command("rotate")
def rotate_key(
    id: KeyId,
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="How long the old one holds beside the new.")
    ] = 24.0,
) -> None:
    """Make a key in place of another, which ends after the overlap."""
    from core.store.keys import rotate_key

    with _store() as store:
        with store.write() as session:
            key = rotate_key(session, id, overlap_seconds=overlap_hours * 3600)
        _show_once(key)


def _show_once(key: str) -> None:
    """Print a key; the transaction is over: one that is shown is one that holds."""
    sys.stdout.write(f"{key}\n")
    Console(stderr=True).print("Keep it: it is not stored, and cannot be shown again.")


def _begin_process(supervised_by: int | None) -> None:
    """Log, and end with the process that supervises this one."""
    from core.logs import configure_logs
    from worker.lifeline import die_with_parent

    configure_logs()
    if supervised_by:
        die_with_parent(signal.SIGTERM, supervised_by)


@contextmanager
def _store() -> Iterator["Store"]:
    """The store that the settings name, at the newest revision."""
    from core.store.session import Store

    store = Store(Settings().database)
    try:
        store.require_current()
        yield store
    finally:
        store.close()


def _require_answer(url: str) -> None:
    import httpx

    try:
        httpx.get(f"{url}/healthz").raise_for_status()
    except httpx.HTTPError as error:
        raise DeploymentInvalid(f"The API at {url} does not answer: {error}.") from error


if __name__ == "__main__":
    sys.exit(main())
