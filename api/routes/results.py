"""Results, over all jobs."""

from fastapi import APIRouter, Response

from api.access import CallerDep
from api.caching import NOT_MODIFIED, IfNoneMatch, cached
from api.dependencies import PAGED, CursorDep, LimitDep, NextCursorDep, StoreDep
from api.problems import DECLARED
from api.result_answers import result_fields
from api.schemas import ResultAnswer, ResultDetail, ResultPage
from core.store import jobs, results

router = APIRouter(prefix="/results", tags=["results"], responses={401: DECLARED[401], 422: DECLARED[422]})


@router.get("", operation_id="listResults", responses=PAGED)
def list_results(
    store: StoreDep,
    caller: CallerDep,
    cursor: CursorDep,
    next_cursor: NextCursorDep,
    setting: str | None = None,
    unlearner: str | None = None,
    limit: LimitDep = 100,
) -> ResultPage:
    """Results, newest first."""
    with store.read() as session:
        page = results.list_results(
            session,
            limit=limit + 1,
            before=cursor,
            setting_id=setting,
            unlearner=unlearner,
            viewer=caller.viewer,
        )
        rows = result_fields(session, page[:limit], caller.viewer)
    more = next_cursor(page[limit - 1].id) if len(page) > limit else None
    return ResultPage(items=[ResultAnswer(**row) for row in rows], next_cursor=more)


@router.get(
    "/{result_id}",
    operation_id="getResult",
    response_model=ResultDetail,
    responses={**NOT_MODIFIED, 404: DECLARED[404]},
)
def get_result(
    result_id: str, store: StoreDep, caller: CallerDep, if_none_match: IfNoneMatch = None
) -> Response:
    """One result with its provenance."""
    with store.read() as session:
        record = results.get_result(session, result_id, caller.viewer)
        mine = jobs.jobs_with_unit(session, record.unit_id, caller.viewer)
        (row,) = result_fields(session, [record], caller.viewer)
    answer = ResultDetail(jobs=mine, **row)
    return cached(answer.model_dump_json().encode(), if_none_match, is_public=False)
