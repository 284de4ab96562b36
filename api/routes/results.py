"""Results, over all jobs."""

from fastapi import APIRouter, Response

from api.access import CallerDep
from api.caching import NOT_MODIFIED, IfNoneMatch, cached
from api.dependencies import CursorDep, LimitDep, StoreDep, next_cursor
from api.problems import DECLARED
from api.schemas import ResultAnswer, ResultPage
from core.store import results

router = APIRouter(prefix="/results", tags=["results"], responses={401: DECLARED[401], 422: DECLARED[422]})


@router.get("", operation_id="listResults")
def list_results(
    store: StoreDep,
    caller: CallerDep,
    cursor: CursorDep,
    setting: str | None = None,
    unlearner: str | None = None,
    limit: LimitDep = 100,
) -> ResultPage:
    """Results, newest first."""
    with store.read() as session:
        found = results.list_results(
            session,
            limit=limit + 1,
            before=cursor,
            setting_id=setting,
            unlearner=unlearner,
            viewer=caller.viewer,
        )
    more = next_cursor(found[limit - 1].id) if len(found) > limit else None
    return ResultPage(
        items=[ResultAnswer.model_validate(record) for record in found[:limit]], next_cursor=more
    )


@router.get(
    "/{result_id}",
    operation_id="getResult",
    response_model=ResultAnswer,
    responses={**NOT_MODIFIED, 404: DECLARED[404]},
)
def get_result(
    result_id: str, store: StoreDep, caller: CallerDep, if_none_match: IfNoneMatch = None
) -> Response:
    """One result with its provenance."""
    with store.read() as session:
        answer = ResultAnswer.model_validate(results.get_result(session, result_id, caller.viewer))
    return cached(answer.model_dump_json().encode(), if_none_match, is_public=False)
