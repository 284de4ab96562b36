"""The leaderboard: ranked by the server, never by the reader."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.board_schemas import LeaderboardAnswer
from api.boards import DEFAULT_PROTOCOL, BoardRequestDep, CohortQuery, ProtocolQuery, protocol_named
from api.caching import NOT_MODIFIED, Content, IfNoneMatch, cached
from api.dependencies import CatalogueDep, StoreDep
from api.problems import DECLARED
from api.schemas import ForgetAnswer, SettingAnswer, SettingsAnswer
from core.board import Metric
from core.cohort import Cohort
from core.errors import SpecInvalid, SpecProblem
from core.export import FORMATS, ExportFormat, render, render_document
from core.places import forget_document
from core.store.results import settings_of
from core.store.session import Store
from core.store.snapshots import snapshot_content
from core.store.viewers import THE_PUBLIC

router = APIRouter(prefix="/leaderboard", tags=["leaderboard"], responses={422: DECLARED[422]})
FILTERS = ("protocol", "dataset", "model", "setting", "cohort")
TEXTS: dict[str, dict[str, str]] = {
    info.media_type: {} for export, info in FORMATS.items() if export is not ExportFormat.JSON
}


@router.get(
    "",
    operation_id="getLeaderboard",
    response_model=LeaderboardAnswer,
    responses={200: {"content": TEXTS}, **NOT_MODIFIED, 404: DECLARED[404]},
)
def get_leaderboard(
    store: StoreDep,
    request: BoardRequestDep,
    http: Request,
    metric: Metric = Metric.RETENTION_DEVIATION,
    cohort: CohortQuery = Cohort.REFERENCE,
    snapshot: Annotated[
        str | None,
        Query(
            description="The board as this snapshot froze it, whole: only `metric` and `format` go with it."
        ),
    ] = None,
    format: ExportFormat = ExportFormat.JSON,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Groups and ranks over the protocol's settings, or those that the filters leave."""
    if snapshot is not None:
        _refuse_filters(http)
        content = Content(render_document(_frozen(store, snapshot, metric), format).encode())
    else:

        def make() -> bytes:
            (data,) = request.load(store, metric)
            return render(data.board(cohort), format).encode()

        content = request.answer(store, ("board", metric, cohort, format), make)
    return cached(content, if_none_match, media_type=FORMATS[format].media_type, is_public=True)


def _frozen(store: Store, snapshot: str, metric: Metric) -> dict[str, Any]:
    with store.read() as session:
        content = snapshot_content(session, snapshot)
    return {**content["boards"][metric], "snapshot": snapshot}


def _refuse_filters(request: Request) -> None:
    """A snapshot is of a whole board.

    Raises:
        SpecInvalid: a parameter asks for less, or for another board.
    """
    given = [name for name in FILTERS if name in request.query_params]
    if given:
        raise SpecInvalid(
            [
                SpecProblem(f"#/query/{name}", "snapshot_is_whole", f"{name} does not go with a snapshot.")
                for name in given
            ]
        )


@router.get("/settings", operation_id="listSettings")
def list_settings(
    store: StoreDep, catalogue: CatalogueDep, protocol: ProtocolQuery = DEFAULT_PROTOCOL
) -> SettingsAnswer:
    """The settings of a protocol that have results, and how many."""
    rules = protocol_named(protocol, catalogue)
    with store.read() as session:
        found = settings_of(session, rules.id, THE_PUBLIC)
    return SettingsAnswer(
        items=[
            SettingAnswer(
                id=setting.id,
                dataset=setting.dataset,
                model=setting.model,
                forget=ForgetAnswer.model_validate(forget_document(setting.forget)),
                precision=setting.precision,
                run_seed=setting.run_seed,
                results=count,
                is_standard=setting.is_standard(rules),
            )
            for setting, count in found
        ]
    )
