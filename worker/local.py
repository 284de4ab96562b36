"""Run a job here, with no service: the same plan, store, claim, runner and publish as in the fleet."""

import time
from collections.abc import Sequence, Set
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from sqlalchemy.orm import Session

from core.board_tables import BoardTables
from core.catalog.protocols import PROTOCOLS
from core.catalog.registry import installed
from core.errors import DeploymentInvalid
from core.estimate import measured_rates, weights_by_unit
from core.export import board_document
from core.foreign_text import last_words
from core.job_board import unranked
from core.outcome import Progress
from core.plan import PlannedUnit, plan
from core.settings import Settings
from core.spec.job import JobSpec, parse_job_spec
from core.spec.resolve import ResolvedJob, resolve
from core.spec.units import UnitId
from core.store import attacks, events, jobs, units
from core.store.job_boards import load_job_boards
from core.store.jobs import QUEUE, JobId, JobRecord
from core.store.measurements import done_units, recent_measurements
from core.store.resumption import earlier_job, release_held
from core.store.session import Store
from core.store.states import FINAL_JOB, LIVE_JOB, JobState
from core.store.units import Lease
from core.terminal import JobProgress, Weights, attacks_table
from worker.listener import Listener
from worker.outputs import MANIFEST, write_outputs
from worker.work import Worker

RETRY_LOOK_SECONDS = 0.5
MAX_JOBS = 1_000
ACTOR = "lethe run"


def run_here(document: bytes, settings: Settings, *, out: Path, console: Console) -> int:
    """Run a job spec to its end and write the board and the results under `out`; 0 if every unit succeeded.

    A run that was stopped goes on where it was when it is started again with the same `out`.

    Raises:
        SpecInvalid: the spec is not valid; nothing was written.
        DatasetMissing: a dataset's files are absent.
        ArtifactsFull: the disk is full; what is done stays.
        DeploymentInvalid: `out` cannot be written, another run is using it, or it is a service's.
    """
    spec = parse_job_spec(document)
    job = resolve(spec, installed())
    for cell in job.cells:
        installed().datasets[cell.setting.dataset].require_files(settings.data)
    here = settings.model_copy(
        update={"var_dir": out, "database_url": "", "artifacts_url": str(out / "artifacts")}
    )
    here = here.model_copy(update={"data_dir": settings.data, "cache_dir": settings.cache})
    if here.service_lock.exists():  # the run would cancel what its users have submitted
        raise DeploymentInvalid(f"{out.absolute()} is a Lethe service's. Choose another --out.")
    store = Store(here.database)
    try:
        with FileLock(out / "run.lock", timeout=0):
            store.migrate()
            planned = plan(job)
            job_id = _take_over(store, spec, job, planned)
            _work(here, store, job_id, planned, console)
            return _report(store, job_id, spec, job, planned, out, console)
    except Timeout:
        raise DeploymentInvalid(
            f"Another run is using {out.absolute()}. Wait for it, or choose another --out."
        ) from None


def _take_over(store: Store, spec: JobSpec, job: ResolvedJob, planned: Sequence[PlannedUnit]) -> JobId:
    """Make the spec's job the only one that wants units; what other runs left behind waits for theirs."""
    with store.write() as session:
        release_held(session, actor=ACTOR)  # this process has the lock: who held them is gone
        job_id = _submit_or_resume(session, spec, job, planned)
        for other in jobs.list_jobs(session, limit=MAX_JOBS, states=LIVE_JOB):
            if other.id != job_id:  # its units that this job shares stay queued
                jobs.cancel(session, other.id, actor=ACTOR)
        return job_id


def _submit_or_resume(
    session: Session, spec: JobSpec, job: ResolvedJob, planned: Sequence[PlannedUnit]
) -> JobId:
    """The job of an earlier run with the same spec, what it has not done queued again; or a new one."""
    record = earlier_job(session, job.sha256, planned)
    if record is None:
        return jobs.submit(session, spec, job, planned, actor=ACTOR)
    if record.state in FINAL_JOB and record.state != JobState.SUCCEEDED:
        jobs.retry(session, record.id, actor=ACTOR)
    return record.id


def _work(
    settings: Settings, store: Store, job_id: JobId, planned: Sequence[PlannedUnit], console: Console
) -> None:
    """Run the job's units until it has ended."""
    worker = Worker(settings, store)
    try:
        with store.read() as session:
            done = done_units(session, planned)
            weights = job_weights(session, job_id, planned, done)
        with JobProgress(console, total=len(planned), done=len(done), weights=weights) as progress:
            news = News(store, job_id)

            def show(lease: Lease, progressed: Progress | None) -> None:
                news.tell(progress)
                progress.describe(lease.unit.model_seed, lease.title, progressed.text if progressed else None)
                fraction = progressed.fraction if progressed else None
                progress.advance_within(lease.unit_id, lease.unit.kind, fraction)

            listener = Listener(show, lambda _: news.tell(progress))
            while _job(store, job_id).state not in FINAL_JOB:
                if not worker.work(QUEUE, listener):
                    worker.require_space()
                    time.sleep(RETRY_LOOK_SECONDS)  # a unit that failed for the machine's sake waits a moment
            news.tell(progress)
    finally:
        worker.close()


def job_weights(
    session: Session, job_id: JobId, planned: Sequence[PlannedUnit], done: Set[UnitId]
) -> Weights:
    """What a job's units take by what was measured here; `done` of them are."""
    failed = {unit.id for unit in units.failed_units(session, job_id)}
    work = weights_by_unit(planned, measured_rates(recent_measurements(session)), installed())
    return Weights(
        total=sum(weight for unit, weight in work.items() if unit not in failed),
        done=sum(work[unit] for unit in done),
        of=lambda unit, _kind: work[unit],
    )


class News:
    """The job's events that have not been told yet."""

    def __init__(self, store: Store, job_id: JobId) -> None:
        self._store, self._job_id = store, job_id
        with store.read() as session:
            self._last = events.last_event_id(session)

    def tell(self, progress: JobProgress) -> None:
        """Show what has happened since the last time."""
        with self._store.read() as session:
            found = events.job_events(session, self._job_id, after=self._last)
        for event in found:
            self._last = event.id
            told = {"text": event.text, "unit_id": event.unit_id, "kind": event.kind}
            told_of = "state" if event.job_id else "unit"
            progress.show(told_of, {**event.data, **told, "reason": event.reason})


def _report(
    store: Store,
    job_id: JobId,
    spec: JobSpec,
    job: ResolvedJob,
    planned: Sequence[PlannedUnit],
    out: Path,
    console: Console,
) -> int:
    """Print the boards, write what there is to know; the exit status."""
    phrases = unranked(job, PROTOCOLS[job.protocol])
    with store.read() as session:
        boards = load_job_boards(session, job_id, job, planned)
        attacked = attacks.job_attacks(session, job_id)
        failed = units.failed_units(session, job_id)
    for board in boards.values():
        console.print(BoardTables(board_document(board)))
    if phrases:
        told = "; ".join(phrases)
        console.print(
            f"This is the board of this run alone. That of {job.protocol} does not rank: {told}.",
            markup=False,
            soft_wrap=True,
        )
    if attacked:
        console.print(attacks_table(attacked))
    written = write_outputs(out, store, job_id, spec, job, planned, boards, phrases)
    console.print(
        f"{len(written)} files are in {out.absolute()}: boards, results and {MANIFEST}, which lists them.",
        markup=False,
        soft_wrap=True,
    )
    for unit in failed:
        console.print(f"Failed to {unit.title}: {last_words(unit.error)}", markup=False)
    return 0 if _job(store, job_id).state == JobState.SUCCEEDED else 1


def _job(store: Store, job_id: JobId) -> JobRecord:
    with store.read() as session:
        return jobs.get_job(session, job_id)
