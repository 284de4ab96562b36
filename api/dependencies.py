"""What routes depend on. Those that read nothing are coroutines: FastAPI sends every other to a thread."""

import base64
from collections.abc import Callable
from typing import Annotated, Any, cast

from fastapi import Depends, Query, Request, Response

from api.caching import KeptAnswers
from api.estimates import Estimator
from api.problems import request_id
from core.catalog.registry import Catalogue, installed
from core.errors import SpecInvalid, SpecProblem
from core.settings import Settings
from core.store.session import Store

MAX_PAGE = 200
PAGED: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "Link": {
                "description": 'Where the next page is (`rel="next"`); not on the last one.',
                "schema": {"type": "string"},
            }
        }
    }
}


async def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


async def _settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


async def _kept_answers(request: Request) -> KeptAnswers:
    return cast(KeptAnswers, request.app.state.kept_answers)


async def _estimator(request: Request) -> Estimator:
    return cast(Estimator, request.app.state.estimator)


async def _catalogue() -> Catalogue:
    return installed()


async def _request_id(request: Request) -> str:
    """The id that the events of what the request does will name."""
    return request_id(request)


async def _raw_body(request: Request) -> bytes:
    """The body as it came, whatever it says it is: its own parser reads it, and finds all that is wrong."""
    return await request.body()


async def _cursor(
    cursor: Annotated[str | None, Query(description="`next_cursor` of the previous page.")] = None,
) -> str | None:
    """The position that a cursor stands for.

    Raises:
        SpecInvalid: it is not one of ours.
    """
    if cursor is None:
        return None
    try:
        kind, _, position = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except ValueError:
        kind, position = "", ""
    if kind != "after" or not position:
        detail = "The cursor is not one that this service gave out; start again without it."
        raise SpecInvalid([SpecProblem("#/query/cursor", "invalid_cursor", detail)])
    return position


async def _position(cursor: Annotated[str | None, Depends(_cursor)]) -> int:
    """The position in a job's plan that a cursor stands for; before the first without one."""
    if cursor is None:
        return -1
    if not cursor.isdecimal() or len(cursor) > 9:
        detail = "The cursor is not one that this service gave out for this list; start again without it."
        raise SpecInvalid([SpecProblem("#/query/cursor", "invalid_cursor", detail)])
    return int(cursor)


async def _next_cursor(request: Request, response: Response) -> Callable[[str | int], str]:
    """What makes the cursor that goes on behind a position, and links to the page there."""

    def behind(position: str | int) -> str:
        cursor = base64.urlsafe_b64encode(f"after:{position}".encode()).decode()
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return cursor

    return behind


RequestIdDep = Annotated[str, Depends(_request_id)]
StoreDep = Annotated[Store, Depends(_store)]
SettingsDep = Annotated[Settings, Depends(_settings)]
KeptAnswersDep = Annotated[KeptAnswers, Depends(_kept_answers)]
EstimatorDep = Annotated[Estimator, Depends(_estimator)]
CatalogueDep = Annotated[Catalogue, Depends(_catalogue)]
RawBodyDep = Annotated[bytes, Depends(_raw_body)]
CursorDep = Annotated[str | None, Depends(_cursor)]
NextCursorDep = Annotated[Callable[[str | int], str], Depends(_next_cursor)]
PositionDep = Annotated[int, Depends(_position)]
LimitDep = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")]
