"""The commands that are a client of a service: each asks the API, and prints what it says."""

import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.client import BoardFilters, Client
from api.log_schemas import LogLineAnswer
from api.schemas import JobAnswer
from core.export import as_csv
from core.store.states import FINAL_JOB, JobState, UnitState
from core.terminal import JobProgress, board_table, difference_tables, reported_table, snapshots_table

FOLLOW_SECONDS = 1.0
LISTED = 20
LOG_PAGE = 1000
LEVEL_STYLES = {"warning": "yellow", "error": "red", "critical": "red"}


def submit(client: Client, console: Console, spec: bytes, *, wait: bool) -> int:
    """Submit a job, and follow it where that is wanted; the exit status."""
    job = client.submit_job(spec)
    console.print(f"{job.id}  {client.url}/jobs/{job.id}", markup=False, soft_wrap=True)
    return follow(client, console, job.id) if wait else 0


def follow(client: Client, console: Console, job_id: str) -> int:
    """Show a job's progress until it ends; 0 if every unit succeeded, else 1 with what failed."""
    job = client.get_job(job_id)
    with JobProgress(console, total=job.units.total) as progress:  # its events begin with its submission
        for event in client.follow_job(job_id):
            progress.show(event.name, event.data)
    ended = client.get_job(job_id)
    if ended.state == JobState.SUCCEEDED:
        return 0
    console.print(f"The job ended {ended.state}.", style="red")
    for unit in client.list_job_units(job_id):
        if unit.state == UnitState.FAILED:
            reason = (unit.error or "").strip().splitlines()[-1:]
            console.print(f"  {unit.title} (seed {unit.model_seed}): {' '.join(reason)}", markup=False)
    return 1


def jobs(client: Client, console: Console) -> None:
    """Print the newest jobs."""
    table = Table("Job", "State", "Units", "Owner", "Label", box=None)
    for _, job in zip(range(LISTED), client.list_jobs(), strict=False):
        done = f"{job.units.done} of {job.units.total}"
        table.add_row(job.id, job.state, done, escape(job.owner), escape(job.label))
    console.print(table)


def results(client: Client, job_id: str) -> None:
    """Print a job's results as CSV, every metric a column."""
    rows = [result.model_dump(mode="json") for result in client.list_job_results(job_id)]
    sys.stdout.write(as_csv(rows) if rows else "")


def cancel(client: Client, console: Console, job_ids: Sequence[str]) -> int:
    """Stop jobs; 1 if one of them could not be stopped."""
    answer = client.cancel_jobs(job_ids)
    for job in answer.cancelled:
        _show_state(console, job)
    for refused in answer.refused:
        console.print(refused.detail, style="red", markup=False, soft_wrap=True)
    return 1 if answer.refused else 0


def retry(client: Client, console: Console, job_id: str) -> None:
    """Run what failed of a job again."""
    _show_state(console, client.retry_job(job_id))


def logs(
    client: Client, console: Console, job_id: str, *, unit_id: str | None, tail: int, is_followed: bool
) -> None:
    """Print the last lines that a job or one of its units logged, and go on until the job has ended."""
    last = 0
    while True:
        has_ended = client.get_job(job_id).state in FINAL_JOB  # before the lines: none is missed
        lines = _lines(client, job_id, unit_id, tail=tail, after=last)
        for line in lines:
            _show_line(console, line)
        last, tail = (lines[-1].id if lines else last), LOG_PAGE
        if not is_followed or (has_ended and not lines):
            return
        if not lines:
            time.sleep(FOLLOW_SECONDS)


def board(
    client: Client,
    console: Console,
    *,
    format: str,
    intervals: bool,
    snapshot: str | None,
    filters: BoardFilters,
) -> None:
    """Print the leaderboard, of today or as it was frozen."""
    if format != "table":
        sys.stdout.write(client.export_leaderboard(format, snapshot=snapshot, **filters))
        return
    document = client.get_leaderboard(snapshot=snapshot, **filters).model_dump(mode="json")
    if not intervals:
        console.print(board_table(document))
        return
    uncertainty = client.get_leaderboard_uncertainty(**filters).model_dump(mode="json")
    console.print(board_table(document, uncertainty))


def create_snapshot(client: Client, console: Console, *, protocol: str | None, title: str | None) -> None:
    """Freeze a board."""
    made, is_new = client.create_snapshot(protocol=protocol, title=title)
    said = "frozen" if is_new else "was frozen before: the board has not changed since"
    console.print(f"{made.id}  {said}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"sha256 {made.sha256}", markup=False, highlight=False, soft_wrap=True)


def list_snapshots(client: Client, console: Console) -> None:
    """Print all snapshots."""
    console.print(snapshots_table([found.model_dump(mode="json") for found in client.list_snapshots()]))


def show_difference(
    client: Client, console: Console, before: str, after: str, *, protocol: str | None
) -> None:
    """Print what moved between two snapshots, and why."""
    found = client.get_snapshot_diff(before, after, protocol=protocol)
    for part in difference_tables(found.model_dump(mode="json")):
        console.print(part, soft_wrap=isinstance(part, str), highlight=False)


def import_results(client: Client, console: Console, table: bytes, about: dict[str, str | None]) -> None:
    """Import results that were measured elsewhere."""
    report = client.import_results(table, **about)
    console.print(reported_table(report.model_dump(mode="json")))
    console.print(f"Kept as {report.id}.", markup=False, highlight=False, soft_wrap=True)


def list_webhooks(client: Client, console: Console) -> None:
    """Print the key's owner's webhooks."""
    table = Table("Webhook", "Owner", "URL", "Events", box=None)
    for hook in client.list_webhooks().items:
        table.add_row(hook.id, escape(hook.owner), escape(hook.url), ", ".join(hook.events))
    console.print(table)


def add_webhook(client: Client, url: str, events: Sequence[str] | None) -> None:
    """Make a webhook; its secret is printed once."""
    made = client.create_webhook(url, events)
    sys.stdout.write(f"{made.id} {made.secret}\n")
    Console(stderr=True).print("Keep the secret: it verifies what arrives, and is not shown again.")


def delete_webhook(client: Client, console: Console, webhook_id: str) -> None:
    """End a webhook."""
    client.delete_webhook(webhook_id)
    console.print(f"The webhook {webhook_id} is deleted.", markup=False, highlight=False)


def test_webhook(client: Client, console: Console, webhook_id: str) -> None:
    """Send a webhook a message that tells of nothing."""
    sent = client.test_webhook(webhook_id)
    console.print(f"{sent.id} is to be sent; see `lethe webhooks log {webhook_id}`.", highlight=False)


def show_deliveries(client: Client, console: Console, webhook_id: str) -> None:
    """Print what was lately sent to a webhook, newest first."""
    table = Table("Message", "Event", "Job", "State", "Tries", "Last", box=None)
    for _, sent in zip(range(LISTED), client.list_deliveries(webhook_id), strict=False):
        last = (sent.tries[-1].error or f"answered {sent.tries[-1].status}") if sent.tries else ""
        table.add_row(sent.id, sent.event, sent.job_id or "", sent.state, str(len(sent.tries)), escape(last))
    console.print(table)


def _lines(client: Client, job_id: str, unit_id: str | None, *, tail: int, after: int) -> list[LogLineAnswer]:
    if unit_id is None:
        return client.get_job_logs(job_id, tail=tail, after=after).items
    return client.get_unit_logs(job_id, unit_id, tail=tail, after=after).items


def _show_line(console: Console, line: LogLineAnswer) -> None:
    more = {name: value for name, value in line.fields.items() if name not in ("logger", "traceback")}
    text = " ".join([line.text, *(f"{name}={value}" for name, value in more.items())])
    where = f"{line.at:%Y-%m-%dT%H:%M:%SZ} {line.unit_id[:8]} #{line.attempt}"
    trace = line.fields.get("traceback")
    shown = f"{where} {text}" + (f"\n{trace}" if trace else "")
    console.print(shown, style=LEVEL_STYLES.get(line.level), markup=False, highlight=False, soft_wrap=True)


def _show_state(console: Console, job: JobAnswer) -> None:
    console.print(f"{job.id} is {job.state}.", markup=False, highlight=False)
