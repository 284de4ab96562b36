"""The `lethe` command: parse the arguments, call core, the worker or the API."""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from core.errors import DeploymentInvalid, LetheError
from core.settings import Settings

QUICK_SPEC = Path(__file__).parent / "core" / "specs" / "quick.json"
FORMATS = ("table", "csv", "json", "latex", "markdown")
METRICS = ("retention_deviation", "indiscernibility")
COHORTS = ("reference", "all")
READY_SECONDS = 60.0
ALIVE_BEATS = 6  # a process that missed this many beats is not at work

console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status. What users can mend is said in words, without a traceback."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.command(given, Settings()) or 0)
    except LetheError as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False, soft_wrap=True)
    except ValidationError as error:
        Console(stderr=True).print(f"A LETHE_ variable is wrong: {error}", markup=False)
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped.")
        return 130
    return 2


def serve(given: argparse.Namespace, settings: Settings) -> None:
    """Run the embedded service."""
    from core.logs import configure_logs
    from worker.supervisor import serve

    configure_logs()
    _follow_supervisor(given)
    serve(settings)


def api(given: argparse.Namespace, settings: Settings) -> None:
    """Run the API alone."""
    import uvicorn

    from api.main import create_app
    from core.logs import configure_logs
    from core.store.keys import require_key_beyond_loopback
    from core.store.session import Store
    from worker.supervisor import require_free_port

    configure_logs()
    _follow_supervisor(given)
    require_free_port(settings.host, settings.port)
    store = Store(settings.database)
    store.require_current()
    require_key_beyond_loopback(store, settings.host)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=3,  # or open event streams hold the shutdown up
        log_config=None,
        access_log=False,
    )


def scheduler(given: argparse.Namespace, settings: Settings) -> None:
    """Run the scheduler alone."""
    from core.logs import configure_logs
    from core.store.session import Store
    from worker.app import create_celery
    from worker.scheduler import schedule

    configure_logs()
    _follow_supervisor(given)
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: stopped.append(received))
    store = Store(settings.database)
    store.require_current()
    schedule(settings, store, create_celery(settings), is_stopped=lambda: bool(stopped))


def worker(given: argparse.Namespace, settings: Settings) -> None:
    """Run one worker."""
    from core.logs import configure_logs
    from core.store.session import Store
    from worker.app import create_celery
    from worker.tasks import serve_queue

    configure_logs()
    _follow_supervisor(given)
    store = Store(settings.database)
    store.require_current()
    serve_queue(settings, store, create_celery(settings), queues=given.queues.split(","))


def alive(given: argparse.Namespace, settings: Settings) -> None:
    """Check that a process of this var directory is at work; status 2 where it is not."""
    from core.pulse import require_pulse

    if given.process == "api":
        _require_answer(_url(settings))
    else:
        within = ALIVE_BEATS * max(settings.beat_seconds, settings.reap_seconds)
        require_pulse(settings.var_dir, given.process, within_seconds=within)


def _require_answer(url: str) -> None:
    import httpx

    try:
        httpx.get(f"{url}/healthz").raise_for_status()
    except httpx.HTTPError as error:
        raise DeploymentInvalid(f"The API at {url} does not answer: {error}.") from error


def migrate(_given: argparse.Namespace, settings: Settings) -> None:
    """Bring the database to the newest revision."""
    from core.store.session import Store

    Store(settings.database).migrate()
    console.print("The database is at the newest revision.")


def keys(given: argparse.Namespace, settings: Settings) -> None:
    """Make, list, end and replace the API's keys."""
    from core.store.keys import Scope, create_key, list_keys, revoke_key, rotate_key
    from core.store.session import Store
    from core.terminal import keys_table

    store = Store(settings.database)
    store.require_current()
    secret: str | None = None
    try:
        with store.write() as session:
            match given.action:
                case "create":
                    owner = given.owner or given.name
                    scope, days = Scope(given.scope), given.days or None
                    secret = create_key(
                        session,
                        name=given.name,
                        owner=owner,
                        scope=scope,
                        days=days,
                        device_seconds=given.device_seconds,
                    )
                case "rotate":
                    secret = rotate_key(session, given.id, overlap_seconds=given.overlap_hours * 3600)
                case "revoke":
                    revoke_key(session, given.id)
                    console.print(f"The key {given.id} is revoked.", markup=False, highlight=False)
                case _:
                    console.print(keys_table(list_keys(session)))
        if secret is not None:  # the transaction is over: a key that is shown is one that holds
            _show_once(secret)
    finally:
        store.close()


def _show_once(key: str) -> None:
    sys.stdout.write(f"{key}\n")
    Console(stderr=True).print("Keep it: it is not stored, and cannot be shown again.")


def submit(given: argparse.Namespace, settings: Settings) -> int:
    """Submit a job spec to a running service."""
    from api import commands

    spec = _read_spec(given.spec)
    with _client(given, settings) as client:
        return commands.submit(client, console, spec, wait=given.wait)


def jobs(given: argparse.Namespace, settings: Settings) -> None:
    """List a running service's newest jobs."""
    from api import commands

    with _client(given, settings) as client:
        commands.jobs(client, console)


def follow(given: argparse.Namespace, settings: Settings) -> int:
    """Show a job's progress until it ends."""
    from api import commands

    with _client(given, settings) as client:
        return commands.follow(client, console, given.job)


def results(given: argparse.Namespace, settings: Settings) -> None:
    """Print a job's results as CSV."""
    from api import commands

    with _client(given, settings) as client:
        commands.results(client, given.job)


def logs(given: argparse.Namespace, settings: Settings) -> None:
    """Print what a job's units logged."""
    from api import commands

    with _client(given, settings) as client:
        commands.logs(
            client, console, given.job, unit_id=given.unit, tail=given.tail, is_followed=given.follow
        )


def cancel(given: argparse.Namespace, settings: Settings) -> int:
    """Stop jobs."""
    from api import commands

    with _client(given, settings) as client:
        return commands.cancel(client, console, given.jobs)


def retry(given: argparse.Namespace, settings: Settings) -> None:
    """Run what failed or was cancelled of a job again."""
    from api import commands

    with _client(given, settings) as client:
        commands.retry(client, console, given.job)


def webhooks(given: argparse.Namespace, settings: Settings) -> None:
    """Make, list, test and delete webhooks, and see what was sent."""
    from api import commands

    with _client(given, settings) as client:
        match given.action:
            case "add":
                commands.add_webhook(client, given.to, given.events)
            case "delete":
                commands.delete_webhook(client, console, given.id)
            case "test":
                commands.test_webhook(client, console, given.id)
            case "log":
                commands.show_deliveries(client, console, given.id)
            case _:
                commands.list_webhooks(client, console)


def board(given: argparse.Namespace, settings: Settings) -> None:
    """Print the leaderboard of a running service."""
    from api import commands

    if given.intervals and given.format != "table":
        raise DeploymentInvalid(
            "--intervals goes with the table; GET /api/v1/leaderboard/uncertainty has all."
        )
    if given.snapshot and given.intervals:
        raise DeploymentInvalid(
            "--intervals goes with the board of today; GET /api/v1/snapshots/ID has those of a snapshot."
        )
    filters: Any = {
        name: getattr(given, name) for name in ("protocol", "metric", "dataset", "model", "cohort")
    }
    with _client(given, settings) as client:
        commands.board(
            client,
            console,
            format=given.format,
            intervals=given.intervals,
            snapshot=given.snapshot,
            filters=filters,
        )


def snapshot(given: argparse.Namespace, settings: Settings) -> None:
    """Freeze a running service's board, list what was frozen, and say what has moved since."""
    from api import commands

    with _client(given, settings) as client:
        match given.action:
            case "create":
                commands.create_snapshot(client, console, protocol=given.protocol, title=given.title)
            case "diff":
                commands.show_difference(client, console, given.before, given.after, protocol=given.protocol)
            case _:
                commands.list_snapshots(client, console)


def import_results(given: argparse.Namespace, settings: Settings) -> None:
    """Import results that were measured elsewhere, as a CSV table; they are shown apart, and never ranked."""
    from api import commands

    table = _read(given.table, "table")
    names = ("protocol", "origin", "link", "contact", "measured_on")
    about = {name: getattr(given, name) for name in names}
    with _client(given, settings) as client:
        commands.import_results(client, console, table, about)


def estimate(given: argparse.Namespace, settings: Settings) -> None:
    """Say what a job spec would cost, from what this installation has measured."""
    from core.catalog.registry import installed
    from core.estimate import estimate
    from core.plan import plan
    from core.spec.job import parse_job_spec
    from core.spec.resolve import resolve
    from core.store import measurements
    from core.store.session import Store
    from core.terminal import estimate_table

    catalogue = installed()
    units = plan(resolve(parse_job_spec(_read_spec(given.spec)), catalogue))
    store = Store(f"sqlite:///{(given.out / 'lethe.db').absolute()}" if given.out else settings.database)
    done, measured = set(), []
    if store.is_ready():
        with store.read() as session:
            done, measured = (
                measurements.done_units(session, units),
                measurements.recent_measurements(session),
            )
    found = estimate(units, done, measured, catalogue)
    console.print(estimate_table(found))
    for line in found.rests_on:
        console.print(line, markup=False, soft_wrap=True)


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Run a job spec here, with no service."""
    from core.logs import configure_logs
    from worker.local import run_here

    configure_logs(logging.WARNING)  # the progress bar tells the rest
    return run_here(_read_spec(given.spec), settings, out=given.out, console=console)


def demo(given: argparse.Namespace, settings: Settings) -> int:
    """Serve, run the bundled job through the API, print the board, keep serving."""
    from api import commands
    from api.client import Client

    started = time.monotonic()
    with _service(settings) as url, Client(url, settings.key.get_secret_value()) as client:
        job = client.submit_job(_read_spec(given.spec or QUICK_SPEC))
        console.print(
            f"[bold]Lethe[/bold] runs the quick job; watch it at {url}/jobs/{job.id}", soft_wrap=True
        )
        status = commands.follow(client, console, job.id)
        for metric in METRICS:
            filters: Any = {"protocol": "quick/1.0", "metric": metric}
            commands.board(client, console, format="table", intervals=False, snapshot=None, filters=filters)
        console.print(f"Done in {time.monotonic() - started:.0f} s. The board is at {url}/", soft_wrap=True)
        if not given.exit:
            console.print("Ctrl-C stops the service.")
            with suppress(KeyboardInterrupt):
                signal.pause()
        return status


def openapi(_given: argparse.Namespace, _settings: Settings) -> None:
    """Print the API's OpenAPI document."""
    import json

    from api.main import openapi_document

    sys.stdout.write(json.dumps(openapi_document(), indent=2))


@contextmanager
def _service(settings: Settings) -> Iterator[str]:
    """The embedded service as a child of this process, ready to answer; its URL."""
    log_path = settings.var_dir / "service.log"
    try:
        settings.var_dir.mkdir(parents=True, exist_ok=True)
        log_file = log_path.open("wb")
    except OSError as error:
        raise DeploymentInvalid(
            f"The directory {settings.var_dir.absolute()} cannot be written ({error.strerror}). "
            "Set LETHE_VAR_DIR."
        ) from error
    command = [sys.executable, "-m", "lethe", "serve", "--supervised-by", str(os.getpid())]
    with log_file:
        # A session of its own: Ctrl-C is for this process, which then ends the service in good order.
        process = subprocess.Popen(command, stdout=log_file, stderr=log_file, start_new_session=True)  # noqa: S603
    try:
        _await_ready(process, _url(settings), log_path)
        yield _url(settings)
    finally:
        process.terminate()
        process.wait()


def _await_ready(process: "subprocess.Popen[bytes]", url: str, log_path: Path) -> None:
    import httpx

    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log_path.read_text(errors="replace").strip()
            raise DeploymentInvalid(said or f"The service ended with status {process.returncode}.")
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").is_success:
                return
        time.sleep(0.2)
    raise DeploymentInvalid(
        f"The service did not get ready in {READY_SECONDS:.0f} s; see {log_path.absolute()}."
    )


def _client(given: argparse.Namespace, settings: Settings) -> Any:  # noqa: ANN401 - imported late
    """A client of the service that is meant."""
    from api.client import Client

    return Client(given.url or _url(settings), settings.key.get_secret_value())


def _follow_supervisor(given: argparse.Namespace) -> None:
    """End with the process that supervises this one."""
    if given.supervised_by:
        from worker.lifeline import die_with_parent

        die_with_parent(signal.SIGTERM, given.supervised_by)


def _read_spec(path: Path) -> bytes:
    return _read(path, "job spec")


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DeploymentInvalid(f"The {what} {path} cannot be read: {error.strerror}.") from error


def _url(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lethe", description="An open leaderboard for machine unlearning.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, function: Any) -> argparse.ArgumentParser:  # noqa: ANN401 - one of the functions above
        command = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        command.set_defaults(command=function)
        return command

    for name, function in (("serve", serve), ("api", api), ("scheduler", scheduler), ("worker", worker)):
        add(name, function).add_argument("--supervised-by", type=int, metavar="PID", help=argparse.SUPPRESS)
    commands.choices["worker"].add_argument("--queues", default="gpu", help="comma-separated (default: gpu)")
    add("alive", alive).add_argument("process", choices=("api", "scheduler", "worker"), metavar="PROCESS")
    add("migrate", migrate)
    add("openapi", openapi)
    _add_keys(add("keys", keys))
    demo_parser = add("demo", demo)
    demo_parser.add_argument("--exit", action="store_true", help="end after the board")
    demo_parser.add_argument("--spec", type=Path, help="another job than the bundled one")
    submit_parser = add("submit", submit)
    submit_parser.add_argument("spec", type=Path, metavar="SPEC.json")
    submit_parser.add_argument(
        "--wait", action="store_true", help="follow the job; status 1 if a unit failed"
    )
    estimate_parser = add("estimate", estimate)
    estimate_parser.add_argument("spec", type=Path, metavar="SPEC.json")
    estimate_parser.add_argument(
        "--out", type=Path, help="rest on what this `lethe run` has measured, not on the service's store"
    )
    run_parser = add("run", run)
    run_parser.add_argument("spec", type=Path, metavar="SPEC.json")
    run_parser.add_argument("--out", type=Path, default=Path("var/run"), help="default: var/run")
    board_parser = add("board", board)
    board_parser.add_argument("--format", choices=FORMATS, default="table")
    board_parser.add_argument("--metric", choices=METRICS, default=METRICS[0])
    board_parser.add_argument("--intervals", action="store_true", help="how sure the ranks are, beside them")
    board_parser.add_argument(
        "--cohort",
        choices=COHORTS,
        help="whose results fix the groups (default: reference)",
    )
    for name in ("protocol", "dataset", "model"):
        board_parser.add_argument(f"--{name}")
    board_parser.add_argument("--snapshot", metavar="ID", help="as it was frozen, whole; paper: the paper's")
    snapshot_parser = add("snapshot", snapshot)
    _add_snapshots(snapshot_parser)
    import_parser = add("import", import_results)
    import_parser.add_argument("table", type=Path, metavar="FILE.csv", help="a line per model")
    import_parser.add_argument("--origin", required=True, help="who measured: a group, or a paper")
    import_parser.add_argument("--link", required=True, help="to the code or the paper")
    import_parser.add_argument("--measured-on", required=True, metavar="YYYY-MM-DD")
    import_parser.add_argument("--contact", help="whom to ask; it is shown to everybody")
    import_parser.add_argument("--protocol", default="quick/1.0", help="default: quick/1.0")
    asking = [submit_parser, board_parser, snapshot_parser, import_parser, add("jobs", jobs)]
    hooks_parser = add("webhooks", webhooks)
    for command in (*asking, *_add_job_commands(add), *_add_webhooks(hooks_parser)):
        command.add_argument("--url", help="the service (default: the embedded one's address)")
    return parser


def _add_job_commands(add: Callable[..., argparse.ArgumentParser]) -> list[argparse.ArgumentParser]:
    found = {function: add(function.__name__, function) for function in (follow, results, logs, retry)}
    for parser in found.values():
        parser.add_argument("job", metavar="JOB")
    found[logs].add_argument("--unit", metavar="ID", help="of one unit only")
    found[logs].add_argument("--tail", type=int, default=200, help="how many lines at first (default: 200)")
    found[logs].add_argument("-f", "--follow", action="store_true", help="go on until the job has ended")
    cancel_parser = add("cancel", cancel)
    cancel_parser.add_argument("jobs", nargs="+", metavar="JOB")
    return [*found.values(), cancel_parser]


def _add_webhooks(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("add", help="make a webhook; its secret is shown once")
    create.add_argument("to", metavar="URL", help="where to send")
    create.add_argument("--events", nargs="+", metavar="EVENT", help="which, as job.failed (default: all)")
    said = {"test": "send a test message", "log": "what was sent lately", "delete": "end a webhook"}
    named = [actions.add_parser(name, help=text) for name, text in said.items()]
    for command in named:
        command.add_argument("id", metavar="ID")
    return [create, *named, actions.add_parser("list", help="list webhooks, without their secrets")]


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key; it is shown once")
    create.add_argument("name", metavar="NAME", help="what it is for", type=_name)
    create.add_argument("--owner", help="whose jobs are submitted with it (default: NAME)", type=_name)
    create.add_argument("--scope", choices=("read", "submit", "admin"), default="submit")
    create.add_argument(
        "--days", type=float, default=90.0, help="how long it holds; 0 = for good (default: 90)"
    )
    create.add_argument(
        "--device-seconds", type=float, metavar="N", help="what its jobs may use in all (default: any number)"
    )
    actions.add_parser("list", help="list all keys, without their secrets")
    revoke = actions.add_parser("revoke", help="end a key now")
    rotate = actions.add_parser("rotate", help="make a key in place of another, which ends after the overlap")
    rotate.add_argument("--overlap-hours", type=float, default=24.0, help="default: 24")
    for command in (revoke, rotate):
        command.add_argument("id", metavar="ID")


def _add_snapshots(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="freeze a protocol's board, by both metrics, for ever")
    create.add_argument("--protocol", help="default: quick/1.0")
    create.add_argument("--title", help="default: the protocol and the date")
    actions.add_parser("list", help="list all snapshots; `paper` are the paper's tables")
    diff = actions.add_parser("diff", help="what moved between two snapshots, and why")
    diff.add_argument("before", metavar="FROM", help="a snapshot's id, or paper")
    diff.add_argument(
        "after", metavar="TO", nargs="?", default="now", help="another; default: now, the board"
    )
    diff.add_argument("--protocol", help="whose board, from paper to now (default: quick/1.0)")


def _name(text: str) -> str:
    if not 0 < len(text) <= 64:
        raise argparse.ArgumentTypeError("a name has 1 to 64 characters")
    return text


if __name__ == "__main__":
    sys.exit(main())
