"""Jobs: submit, follow, steer."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from api.access import CallerDep, SubmitterDep
from api.dependencies import (
    CatalogueDep,
    CursorDep,
    LimitDep,
    PositionDep,
    RawBodyDep,
    SettingsDep,
    StoreDep,
    next_cursor,
)
from api.problems import DECLARED
from api.schemas import (
    JobAnswer,
    JobLinks,
    JobPage,
    ResultAnswer,
    ResultPage,
    UnitAnswer,
    UnitCounts,
    UnitPage,
)
from core.catalog.registry import Catalogue
from core.errors import DatasetMissing, SpecInvalid, SpecProblem
from core.plan import plan
from core.settings import Settings
from core.spec.canonical import content_hash
from core.spec.job import JobSpec, parse_job_spec
from core.spec.resolve import ResolvedJob, resolve
from core.store import idempotency, jobs, results, units, workers
from core.store.jobs import JobRecord
from core.store.session import Store
from core.store.states import OPEN_JOB, UnitState
from core.store.units import UnitRecord
from core.store.viewers import EVERYTHING, Viewer

router = APIRouter(prefix="/jobs", tags=["jobs"], responses={401: DECLARED[401], 422: DECLARED[422]})
EXAMPLE = {
    "label": "FT and CT on digits",
    "settings": [{"dataset": "digits", "model": "resnet18"}],
    "unlearners": ["ft", {"id": "ct", "hyperparameters": {"learning_rate": 0.01}}],
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/JobSpec"}, "example": EXAMPLE}
        },
    }
}
ONLINE_BEATS = 3
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Sent again with the same spec, it answers the job that the first request made.",
    ),
]
REPLAYED = {
    "description": "Accepted",
    "headers": {
        "Location": {"description": "Where the job is.", "schema": {"type": "string"}},
        "Idempotency-Replayed": {
            "description": "`true` where an earlier request with this key made the job.",
            "schema": {"type": "string"},
        },
    },
}


@router.post(
    "",
    status_code=202,
    operation_id="submitJob",
    openapi_extra=BODY,
    responses={202: REPLAYED, 403: DECLARED[403], 409: DECLARED[409]},
)
def submit_job(
    body: RawBodyDep,
    response: Response,
    store: StoreDep,
    caller: SubmitterDep,
    settings: SettingsDep,
    catalogue: CatalogueDep,
    idempotency_key: IdempotencyKey = None,
) -> JobAnswer:
    """Submit a job spec. It is refused whole, or stored whole; its units are shared with other jobs."""
    spec = parse_job_spec(body)
    resolved = resolve(spec, catalogue)
    if settings.is_embedded:  # elsewhere the data are where the workers are
        _require_data(resolved, settings, catalogue)
    planned = plan(resolved)
    fingerprint, owner = content_hash(spec.model_dump(mode="json")), str(caller.owner)
    with store.write() as session:
        known = idempotency_key and idempotency.recall(session, owner, idempotency_key, fingerprint)
        job_id = known or jobs.submit(session, spec, resolved, planned, actor=owner, owner=owner)
        if idempotency_key and not known:
            seconds = settings.idempotency_seconds
            idempotency.remember(session, owner, idempotency_key, fingerprint, job_id, seconds=seconds)
    if known:
        response.headers["Idempotency-Replayed"] = "true"
    response.headers["Location"] = f"/api/v1/jobs/{job_id}"
    return _job(store, settings, job_id)


@router.get("", operation_id="listJobs")
def list_jobs(
    store: StoreDep, caller: CallerDep, settings: SettingsDep, cursor: CursorDep, limit: LimitDep = 50
) -> JobPage:
    """Jobs, newest first."""
    with store.read() as session:
        found = jobs.list_jobs(session, limit=limit + 1, before=cursor, viewer=caller.viewer)
    more = next_cursor(found[limit - 1].id) if len(found) > limit else None
    return JobPage(
        items=[job_answer(record, _reason(store, settings, record)) for record in found[:limit]],
        next_cursor=more,
    )


@router.get("/{job_id}", operation_id="getJob", responses={404: DECLARED[404]})
def get_job(job_id: str, store: StoreDep, caller: CallerDep, settings: SettingsDep) -> JobAnswer:
    """One job as it is now."""
    return _job(store, settings, job_id, caller.viewer)


@router.get("/{job_id}/units", operation_id="listJobUnits", responses={404: DECLARED[404]})
def list_job_units(
    job_id: str, store: StoreDep, caller: CallerDep, position: PositionDep, limit: LimitDep = 100
) -> UnitPage:
    """The job's units, in the order of its plan."""
    with store.read() as session:
        jobs.get_job(session, job_id, caller.viewer)
        found = units.job_units(session, job_id, limit=limit + 1, after=position)
    more = next_cursor(found[limit - 1][0]) if len(found) > limit else None
    return UnitPage(items=[unit_answer(record) for _, record in found[:limit]], next_cursor=more)


@router.get("/{job_id}/results", operation_id="listJobResults", responses={404: DECLARED[404]})
def list_job_results(
    job_id: str, store: StoreDep, caller: CallerDep, position: PositionDep, limit: LimitDep = 100
) -> ResultPage:
    """The job's results so far, in the order of its plan."""
    with store.read() as session:
        jobs.get_job(session, job_id, caller.viewer)
        found = results.job_results(session, job_id, limit=limit + 1, after=position)
    more = next_cursor(found[limit - 1][0]) if len(found) > limit else None
    return ResultPage(
        items=[ResultAnswer.model_validate(record) for _, record in found[:limit]], next_cursor=more
    )


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    operation_id="cancelJob",
    responses={403: DECLARED[403], 404: DECLARED[404], 409: DECLARED[409]},
)
def cancel_job(job_id: str, store: StoreDep, caller: SubmitterDep, settings: SettingsDep) -> JobAnswer:
    """Stop a job; units that other jobs need go on."""
    with store.write() as session:
        caller.require_control(jobs.get_job(session, job_id, caller.viewer))
        jobs.cancel(session, job_id, actor=str(caller.owner))
    return _job(store, settings, job_id)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    operation_id="retryJob",
    responses={403: DECLARED[403], 404: DECLARED[404], 409: DECLARED[409]},
)
def retry_job(job_id: str, store: StoreDep, caller: SubmitterDep, settings: SettingsDep) -> JobAnswer:
    """Run what failed or was cancelled of an ended job again; what is done stays."""
    with store.write() as session:
        caller.require_control(jobs.get_job(session, job_id, caller.viewer))
        jobs.retry(session, job_id, actor=str(caller.owner))
    return _job(store, settings, job_id)


def unit_answer(record: UnitRecord) -> UnitAnswer:
    """A unit as the API shows it."""
    setting: dict[str, Any] = record.payload["setting"]
    return UnitAnswer(
        id=record.id,
        kind=record.kind,
        title=record.title,
        dataset=setting["dataset"],
        model=setting["model"],
        model_seed=record.payload["model_seed"],
        unlearner=record.payload.get("unlearner"),
        state=record.state,
        attempt=record.attempt,
        max_attempts=record.max_attempts,
        worker=record.lease_owner,
        progress=record.progress,
        progress_text=record.progress_text,
        runtime_seconds=record.runtime_seconds,
        failure_class=record.failure_class,
        error=record.error,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
    )


def job_answer(record: JobRecord, waiting_reason: str | None) -> JobAnswer:
    """A job as the API shows it."""
    here = f"/api/v1/jobs/{record.id}"
    counts = {state.value: count for state, count in record.units.items()}
    return JobAnswer(
        id=record.id,
        state=record.state,
        label=record.label,
        protocol=record.protocol,
        spec=record.spec,
        spec_sha256=record.spec_sha256,
        owner=record.owner,
        duplicate_of=record.duplicate_of,
        visibility=record.visibility,
        units=UnitCounts(total=sum(counts.values()), **counts),
        waiting_reason=waiting_reason,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        links=JobLinks(
            self=here,
            events=f"{here}/events",
            units=f"{here}/units",
            results=f"{here}/results",
            page=f"/jobs/{record.id}",
        ),
    )


def _job(store: Store, settings: Settings, job_id: str, viewer: Viewer = EVERYTHING) -> JobAnswer:
    with store.read() as session:
        record = jobs.get_job(session, job_id, viewer)
    return job_answer(record, _reason(store, settings, record))


def _reason(store: Store, settings: Settings, record: JobRecord) -> str | None:
    """Why nothing of an open job is running."""
    if record.state not in OPEN_JOB or record.units[UnitState.RUNNING]:
        return None
    with store.read() as session:
        online = [
            worker
            for worker in workers.list_workers(session)
            if worker.silent_seconds < ONLINE_BEATS * settings.beat_seconds
        ]
        running = units.count_by_state(session)[UnitState.RUNNING]
    if not online:
        return "No worker is online."
    if running:
        return f"All {len(online)} worker(s) are busy with units that came first."
    return "A worker is about to take its first unit."


def _require_data(resolved: ResolvedJob, settings: Settings, catalogue: Catalogue) -> None:
    found = []
    for index, cell in enumerate(resolved.cells):
        try:
            catalogue.datasets[cell.setting.dataset].require_files(settings.data)
        except DatasetMissing as error:
            found.append(SpecProblem(f"#/settings/{index}/dataset", "dataset_missing", str(error)))
    if found:
        raise SpecInvalid(found)


JOB_SPEC_SCHEMA = JobSpec.model_json_schema(ref_template="#/components/schemas/{model}")
