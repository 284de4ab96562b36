"""Jobs: submit and read."""

import asyncio
import time
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool

from api.access import CallerDep, SubmitterDep
from api.answers import job_answers, read_job, unit_answer
from api.attack_answers import AttacksAnswer, attack_answer
from api.boards import require_known
from api.caching import NOT_MODIFIED, IfNoneMatch, cached
from api.dependencies import (
    PAGED,
    CatalogueDep,
    CursorDep,
    EstimatorDep,
    LimitDep,
    NextCursorDep,
    PositionDep,
    RawBodyDep,
    RequestIdDep,
    SettingsDep,
    StoreDep,
)
from api.problems import DECLARED
from api.result_answers import result_fields
from api.schemas import (
    EstimateAnswer,
    JobAnswer,
    JobPage,
    ResultAnswer,
    ResultPage,
    TrialAnswer,
    TrialPage,
    UnitPage,
)
from core.catalog.registry import Catalogue
from core.errors import DatasetMissing, Forbidden, SpecInvalid, SpecProblem
from core.estimate import estimate_document
from core.plan import plan
from core.settings import Settings
from core.spec.canonical import content_hash
from core.spec.job import JobSpec, parse_job_spec
from core.spec.resolve import ResolvedJob, resolve
from core.store import attacks, idempotency, jobs, results, trials, units
from core.store.keys import Scope
from core.store.places import placed
from core.store.session import Store
from core.store.states import FINAL_JOB, JobState, UnitState
from core.store.viewers import PUBLIC, Viewer

log = structlog.get_logger()
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
POLL_SECONDS = 0.25
LOOK_AGAIN_SECONDS = 5  # soon enough to see a job begin
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
        "Retry-After": {"description": "Seconds until it pays to look.", "schema": {"type": "integer"}},
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
    estimator: EstimatorDep,
    request_id: RequestIdDep,
    idempotency_key: IdempotencyKey = None,
) -> JobAnswer:
    """Submit a job spec. It is refused whole, or stored whole; its units are shared with other jobs."""
    spec = parse_job_spec(body)
    if spec.priority > 0 and Scope.ADMIN not in caller.scopes:
        raise Forbidden("Only administrators may submit with a priority above 0.")
    resolved = resolve(spec, catalogue)
    if settings.is_embedded:  # elsewhere the data are where the workers are
        _require_data(resolved, settings, catalogue)
    planned = plan(resolved)
    fingerprint, owner = content_hash(spec.model_dump(mode="json")), str(caller.owner)
    seconds = estimator.of(planned, catalogue).seconds
    with store.write(request_id=request_id) as session:
        known = idempotency.recall(session, owner, idempotency_key, fingerprint) if idempotency_key else None
        job_id = known or jobs.submit(
            session,
            spec,
            resolved,
            planned,
            actor=owner,
            owner=owner,
            key_id=caller.key_id,
            estimated_seconds=seconds.p50 if seconds else None,
        )
        if idempotency_key and not known:
            kept = settings.idempotency_seconds
            idempotency.remember(session, owner, idempotency_key, fingerprint, job_id, seconds=kept)
    log.info("job_submitted", job=job_id, owner=owner, is_replayed=known is not None)
    if known:
        response.headers["Idempotency-Replayed"] = "true"
    response.headers["Location"] = f"/api/v1/jobs/{job_id}"
    response.headers["Retry-After"] = str(LOOK_AGAIN_SECONDS)
    return read_job(store, settings, job_id)


@router.post(
    "/estimate",
    operation_id="estimateJob",
    openapi_extra=BODY,
)
def estimate_job(body: RawBodyDep, catalogue: CatalogueDep, estimator: EstimatorDep) -> EstimateAnswer:
    """What a job spec would cost, from what this installation has measured; nothing is submitted."""
    units = plan(resolve(parse_job_spec(body), catalogue))
    return EstimateAnswer.model_validate(estimate_document(estimator.of(units, catalogue)))


@router.get("", operation_id="listJobs", responses=PAGED)
def list_jobs(
    store: StoreDep,
    caller: CallerDep,
    settings: SettingsDep,
    catalogue: CatalogueDep,
    cursor: CursorDep,
    next_cursor: NextCursorDep,
    state: Annotated[list[JobState] | None, Query(description="In one of these; without it, in any.")] = None,
    owner: str | None = None,
    protocol: str | None = None,
    limit: LimitDep = 50,
) -> JobPage:
    """Jobs, newest first."""
    require_known("protocol", protocol, catalogue.protocols)
    with store.read() as session:
        found = jobs.list_jobs(
            session,
            limit=limit + 1,
            before=cursor,
            states=state or (),
            owner=owner,
            protocol=protocol,
            viewer=caller.viewer,
        )
        items = job_answers(session, settings, found[:limit])
    more = next_cursor(found[limit - 1].id) if len(found) > limit else None
    return JobPage(items=items, next_cursor=more)


@router.get(
    "/{job_id}",
    operation_id="getJob",
    response_model=JobAnswer,
    responses={**NOT_MODIFIED, 404: DECLARED[404]},
)
async def get_job(
    job_id: str,
    store: StoreDep,
    caller: CallerDep,
    settings: SettingsDep,
    wait: Annotated[
        float, Query(ge=0, le=60, description="Answer when its state changes, or after so long.")
    ] = 0,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One job as it is now, or once its state has changed."""
    if wait:
        await _state_changed(store, job_id, caller.viewer, wait)
    job = await run_in_threadpool(read_job, store, settings, job_id, caller.viewer)
    return cached(job.model_dump_json().encode(), if_none_match, is_public=job.visibility == PUBLIC)


@router.get("/{job_id}/units", operation_id="listJobUnits", responses={**PAGED, 404: DECLARED[404]})
def list_job_units(
    job_id: str,
    store: StoreDep,
    caller: CallerDep,
    position: PositionDep,
    next_cursor: NextCursorDep,
    state: Annotated[
        list[UnitState] | None, Query(description="In one of these; without it, in any.")
    ] = None,
    limit: LimitDep = 100,
) -> UnitPage:
    """The job's units, in the order of its plan."""
    with store.read() as session:
        jobs.job_state(session, job_id, caller.viewer)  # 404 for whom it is not there
        found = units.job_units(session, job_id, limit=limit + 1, after=position, states=state or ())
    more = next_cursor(found[limit - 1][0]) if len(found) > limit else None
    return UnitPage(items=[unit_answer(record) for _, record in found[:limit]], next_cursor=more)


@router.get("/{job_id}/results", operation_id="listJobResults", responses={**PAGED, 404: DECLARED[404]})
def list_job_results(
    job_id: str,
    store: StoreDep,
    caller: CallerDep,
    position: PositionDep,
    next_cursor: NextCursorDep,
    limit: LimitDep = 100,
) -> ResultPage:
    """The job's results so far, in the order of its plan."""
    with store.read() as session:
        jobs.job_state(session, job_id, caller.viewer)  # 404 for whom it is not there
        page = results.job_results(session, job_id, limit=limit + 1, after=position)
        records = [record for _, record in page[:limit]]
        rows = result_fields(session, records, caller.viewer)
    more = next_cursor(page[limit - 1][0]) if len(page) > limit else None
    return ResultPage(items=[ResultAnswer(**row) for row in rows], next_cursor=more)


@router.get("/{job_id}/attacks", operation_id="listJobAttacks", responses={404: DECLARED[404]})
def list_job_attacks(job_id: str, store: StoreDep, caller: CallerDep) -> AttacksAnswer:
    """The job's attacks on single samples so far, in the order of its plan."""
    with store.read() as session:
        jobs.job_state(session, job_id, caller.viewer)  # 404 for whom it is not there
        rows = placed(session, attacks.job_attacks(session, job_id))
    return AttacksAnswer(items=[attack_answer(row) for row in rows])


@router.get("/{job_id}/trials", operation_id="listJobTrials", responses={**PAGED, 404: DECLARED[404]})
def list_job_trials(
    job_id: str,
    store: StoreDep,
    caller: CallerDep,
    position: PositionDep,
    next_cursor: NextCursorDep,
    limit: LimitDep = 100,
) -> TrialPage:
    """What the job's sweeps have tried so far, in the order of its plan; the limit counts trials, not
    attempts.
    """
    with store.read() as session:
        jobs.job_state(session, job_id, caller.viewer)  # 404 for whom it is not there
        found = trials.job_trials(session, job_id, limit=limit + 1, after=position)
        rows = placed(session, [attempt for _, attempts in found[:limit] for attempt in attempts])
    more = next_cursor(found[limit - 1][0]) if len(found) > limit else None
    return TrialPage(items=[TrialAnswer.model_validate(row) for row in rows], next_cursor=more)


async def _state_changed(store: Store, job_id: str, viewer: Viewer, seconds: float) -> None:
    """Wait until the job's state changes, for so long at most; an ended one's never does."""

    def look() -> JobState:
        with store.read() as session:
            return jobs.job_state(session, job_id, viewer)

    deadline = time.monotonic() + seconds
    state = before = await run_in_threadpool(look)
    while state == before and state not in FINAL_JOB and time.monotonic() < deadline:
        await asyncio.sleep(min(POLL_SECONDS, seconds))
        state = await run_in_threadpool(look)


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
