"""What a job's units logged, attempt by attempt: our lines, plug-ins' and libraries'."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.access import Caller, CallerDep
from api.dependencies import StoreDep
from api.log_schemas import LogAnswer, LogLineAnswer
from api.problems import DECLARED
from core.store import jobs, unit_logs
from core.store.session import Store

router = APIRouter(
    prefix="/jobs", tags=["jobs"], responses={status: DECLARED[status] for status in (401, 404, 422)}
)
TailDep = Annotated[int, Query(ge=1, le=1000, description="How many of the last lines at most.")]
AfterDep = Annotated[int, Query(ge=0, lt=2**63, description="Only lines behind the one with this id.")]


@router.get("/{job_id}/logs", operation_id="getJobLogs")
def get_job_logs(
    job_id: str, store: StoreDep, caller: CallerDep, tail: TailDep = 200, after: AfterDep = 0
) -> LogAnswer:
    """The last lines of all units of a job, in the order in which they were stored."""
    return _read(store, caller, job_id, None, tail, after)


@router.get("/{job_id}/units/{unit_id}/logs", operation_id="getUnitLogs")
def get_unit_logs(
    job_id: str, unit_id: str, store: StoreDep, caller: CallerDep, tail: TailDep = 200, after: AfterDep = 0
) -> LogAnswer:
    """The last lines of one unit, over all its attempts; those of the last ninety days are kept."""
    return _read(store, caller, job_id, unit_id, tail, after)


def _read(store: Store, caller: Caller, job_id: str, unit_id: str | None, tail: int, after: int) -> LogAnswer:
    with store.read() as session:
        jobs.job_state(session, job_id, caller.viewer)
        found = unit_logs.last_lines(session, job_id, unit_id=unit_id, tail=tail, after=after)
    return LogAnswer(items=[LogLineAnswer.model_validate(line) for line in found])
