"""Jobs from a terminal: `lethe submit`, `jobs`, `follow`, `export`, `logs`, `cancel`, `retry`."""

import json
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.asking import JobId, SpecFile, Url, client_of, command_group, console, read_file
from core.store.states import FINAL_JOB, JobState

if TYPE_CHECKING:
    from pydantic import BaseModel

    from api.client import Client
    from api.log_schemas import LogLineAnswer
    from api.schemas import JobAnswer

FOLLOW_SECONDS = 1.0
LISTED = 20
LOG_PAGE = 1000
LEVEL_STYLES = {"warning": "yellow", "error": "red", "critical": "red"}

app = command_group("Jobs.")


@app.command()
def submit(
    spec: SpecFile,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job; status 1 if a unit failed.")] = False,
    url: Url = None,
) -> None:
    """Submit a job spec to a running service."""
    from api.commands.following import follow_to_end

    document = read_file(spec, "job spec")
    with client_of(url) as client:
        job = client.submit_job(document)
        console.print(f"{job.id}  {client.url}/jobs/{job.id}", markup=False, soft_wrap=True)
        if wait:
            raise typer.Exit(follow_to_end(client, job.id))


@app.command()
def jobs(
    state: Annotated[
        list[JobState] | None, typer.Option(help="In this state; again for another. By default in any.")
    ] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    protocol: Annotated[str | None, typer.Option(metavar="ID")] = None,
    url: Url = None,
) -> None:
    """List a running service's newest jobs."""
    table = Table("Job", "State", "Units", "Owner", "Label", box=None)
    with client_of(url) as client:
        found = client.list_jobs(state=state or (), owner=owner, protocol=protocol)
        for _, job in zip(range(LISTED), found, strict=False):
            done = f"{job.units.done} of {job.units.total}"
            table.add_row(job.id, job.state, done, escape(job.owner), escape(job.label))
    console.print(table)


@app.command()
def follow(job: JobId, url: Url = None) -> None:
    """Show a job's progress until it ends."""
    from api.commands.following import follow_to_end

    with client_of(url) as client:
        raise typer.Exit(follow_to_end(client, job))


@app.command()
def export(
    job: JobId,
    what: Annotated[Literal["results", "trials", "attacks"], typer.Option()] = "results",
    format: Annotated[Literal["csv", "json"], typer.Option()] = "csv",
    url: Url = None,
) -> None:
    """Print a job's results, its sweeps' trials or what its attacks found."""
    from core.export import as_csv

    with client_of(url) as client:
        rows = [found.model_dump(mode="json") for found in _exported(client, job, what)]
    if format == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        sys.stdout.write(as_csv(rows) if rows else "")


@app.command()
def logs(
    job: JobId,
    unit: Annotated[str | None, typer.Option(metavar="ID", help="Of one unit only.")] = None,
    tail: Annotated[int, typer.Option(help="How many lines at first.")] = 200,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    url: Url = None,
) -> None:
    """Print what a job's units logged."""
    last = 0
    with client_of(url) as client:
        while True:
            has_ended = client.get_job(job).state in FINAL_JOB  # before the lines: none is missed
            lines = _lines(client, job, unit, tail=tail, after=last)
            for line in lines:
                _show_line(line)
            last, tail = (lines[-1].id if lines else last), LOG_PAGE
            if not follow or (has_ended and not lines):
                return
            if not lines:
                time.sleep(FOLLOW_SECONDS)


@app.command()
def cancel(jobs: Annotated[list[str], typer.Argument(metavar="JOB...")], url: Url = None) -> None:
    """Stop jobs; status 1 if one of them could not be stopped."""
    with client_of(url) as client:
        answer = client.cancel_jobs(jobs)
    for job in answer.cancelled:
        _show_state(job)
    for refused in answer.refused:
        console.print(refused.detail, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1 if answer.refused else 0)


@app.command()
def retry(job: JobId, url: Url = None) -> None:
    """Run what failed or was cancelled of a job again."""
    with client_of(url) as client:
        _show_state(client.retry_job(job))


def _exported(client: "Client", job_id: str, what: str) -> "Iterable[BaseModel]":
    match what:
        case "trials":
            return client.list_job_trials(job_id)
        case "attacks":
            return client.list_job_attacks(job_id).items
        case _:
            return client.list_job_results(job_id)


def _lines(
    client: "Client", job_id: str, unit_id: str | None, *, tail: int, after: int
) -> "list[LogLineAnswer]":
    if unit_id is None:
        return client.get_job_logs(job_id, tail=tail, after=after).items
    return client.get_unit_logs(job_id, unit_id, tail=tail, after=after).items


def _show_line(line: "LogLineAnswer") -> None:
    more = {name: value for name, value in line.fields.items() if name not in ("logger", "traceback")}
    text = " ".join([line.text, *(f"{name}={value}" for name, value in more.items())])
    where = f"{line.at:%Y-%m-%dT%H:%M:%SZ} {line.unit_id[:8]} #{line.attempt}"
    trace = line.fields.get("traceback")
    shown = f"{where} {text}" + (f"\n{trace}" if trace else "")
    console.print(shown, style=LEVEL_STYLES.get(line.level), markup=False, highlight=False, soft_wrap=True)


def _show_state(job: "JobAnswer") -> None:
    console.print(f"{job.id} is {job.state}.", markup=False, highlight=False)
