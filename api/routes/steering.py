"""Jobs, once they are submitted: change, cancel, many at once, and retry."""

from fastapi import APIRouter

from api.access import SubmitterDep
from api.answers import job_answers, read_job
from api.dependencies import RequestIdDep, SettingsDep, StoreDep
from api.problems import DECLARED
from api.schemas import JobAnswer
from api.steering_schemas import BulkCancelAnswer, BulkCancelRequest, JobChange, RefusedAnswer
from core.errors import Conflict, Forbidden, NotFound
from core.store import jobs
from core.store.jobs import JobId
from core.store.keys import Scope

router = APIRouter(
    prefix="/jobs",
    tags=["jobs"],
    responses={status: DECLARED[status] for status in (401, 403, 422)},
)


@router.patch("/{job_id}", operation_id="changeJob", responses={404: DECLARED[404]})
def change_job(
    job_id: str,
    wanted: JobChange,
    store: StoreDep,
    caller: SubmitterDep,
    settings: SettingsDep,
    request_id: RequestIdDep,
) -> JobAnswer:
    """Change a job's label, priority or visibility; all three may change at any time."""
    if wanted.priority is not None and wanted.priority > 0 and Scope.ADMIN not in caller.scopes:
        raise Forbidden("Only administrators may give a job a priority above 0.")
    with store.write(request_id=request_id) as session:
        caller.require_control(jobs.get_job(session, job_id, caller.viewer))
        jobs.change(
            session,
            job_id,
            actor=str(caller.owner),
            label=wanted.label,
            priority=wanted.priority,
            visibility=wanted.visibility,
        )
    return read_job(store, settings, job_id)


@router.post("/cancel", status_code=202, operation_id="cancelJobs")
def cancel_jobs(
    wanted: BulkCancelRequest,
    store: StoreDep,
    caller: SubmitterDep,
    settings: SettingsDep,
    request_id: RequestIdDep,
) -> BulkCancelAnswer:
    """Stop many jobs; each that cannot be stopped says why, and does not keep the others from it."""
    to_cancel, refused = [], []
    with store.write(request_id=request_id) as session:
        found = {job.id: job for job in jobs.get_jobs(session, wanted.ids, caller.viewer)}
        for job_id in dict.fromkeys(wanted.ids):
            try:
                if (job := found.get(JobId(job_id))) is None:
                    raise NotFound("job", job_id)
                caller.require_control(job)
                jobs.require_open(job)
                to_cancel.append(job)
            except (NotFound, Forbidden, Conflict) as error:
                refused.append(RefusedAnswer(id=job_id, detail=str(error)))
        jobs.cancel_open(session, to_cancel, actor=str(caller.owner))
    with store.read() as session:
        cancelled = jobs.get_jobs(session, [job.id for job in to_cancel])
        return BulkCancelAnswer(cancelled=job_answers(session, settings, cancelled), refused=refused)


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    operation_id="cancelJob",
    responses={404: DECLARED[404], 409: DECLARED[409]},
)
def cancel_job(
    job_id: str, store: StoreDep, caller: SubmitterDep, settings: SettingsDep, request_id: RequestIdDep
) -> JobAnswer:
    """Stop a job; units that other jobs need go on."""
    with store.write(request_id=request_id) as session:
        caller.require_control(jobs.get_job(session, job_id, caller.viewer))
        jobs.cancel(session, job_id, actor=str(caller.owner))
    return read_job(store, settings, job_id)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    operation_id="retryJob",
    responses={404: DECLARED[404], 409: DECLARED[409]},
)
def retry_job(
    job_id: str, store: StoreDep, caller: SubmitterDep, settings: SettingsDep, request_id: RequestIdDep
) -> JobAnswer:
    """Run what failed or was cancelled of an ended job again; what is done stays."""
    with store.write(request_id=request_id) as session:
        caller.require_control(jobs.get_job(session, job_id, caller.viewer))
        jobs.retry(session, job_id, actor=str(caller.owner))
    return read_job(store, settings, job_id)
