"""The leaderboard: ranked by the server, never by the reader."""

from fastapi import APIRouter, Response

from api.boards import DEFAULT_PROTOCOL, BoardRequestDep, CohortQuery, ProtocolQuery, protocol_named
from api.caching import NOT_MODIFIED, IfNoneMatch, cached
from api.dependencies import CatalogueDep, StoreDep
from api.problems import DECLARED
from api.schemas import ForgetAnswer, LeaderboardAnswer, SettingAnswer, SettingsAnswer
from core.board import Metric
from core.cohort import Cohort
from core.export import FORMATS, ExportFormat, forget_document, render
from core.store.boards import is_standard
from core.store.results import settings_of
from core.store.viewers import THE_PUBLIC

router = APIRouter(prefix="/leaderboard", tags=["leaderboard"], responses={422: DECLARED[422]})
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
    metric: Metric = Metric.RETENTION_DEVIATION,
    cohort: CohortQuery = Cohort.REFERENCE,
    format: ExportFormat = ExportFormat.JSON,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Groups and ranks over the protocol's settings, or those that the filters leave."""

    def make() -> bytes:
        (data,) = request.load(store, metric)
        return render(data.board(cohort), format).encode()

    content = request.answer(store, ("board", metric, cohort, format), make)
    return cached(content, if_none_match, media_type=FORMATS[format].media_type, is_public=True)


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
                results=count,
                is_standard=is_standard(setting, rules),
            )
            for setting, count in found
        ]
    )
