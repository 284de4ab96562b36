"""The leaderboard: ranked by the server, never by the reader."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.caching import NOT_MODIFIED, IfNoneMatch, cached
from api.dependencies import CatalogueDep, StoreDep
from api.problems import DECLARED
from api.schemas import ForgetAnswer, LeaderboardAnswer, SettingAnswer, SettingsAnswer
from core.board import Metric
from core.catalog.protocols import Protocol
from core.catalog.registry import Catalogue, closest
from core.cohort import Cohort
from core.errors import SpecInvalid, SpecProblem
from core.export import FORMATS, ExportFormat, render
from core.store.boards import is_standard, load_board
from core.store.results import settings_of
from core.store.viewers import THE_PUBLIC

router = APIRouter(prefix="/leaderboard", tags=["leaderboard"], responses={422: DECLARED[422]})
DEFAULT_PROTOCOL = "quick/1.0"
TEXTS: dict[str, dict[str, str]] = {
    info.media_type: {} for export, info in FORMATS.items() if export is not ExportFormat.JSON
}
ProtocolQuery = Annotated[str, Query(description="Boards never mix protocols.")]
CohortQuery = Annotated[
    Cohort,
    Query(
        description="Whose results fix the cut points between groups: the eighteen reference unlearners, so "
        "that no newcomer moves anybody, or all; then `moved` says which rows differ for it."
    ),
]


@router.get(
    "",
    operation_id="getLeaderboard",
    response_model=LeaderboardAnswer,
    responses={200: {"content": TEXTS}, **NOT_MODIFIED, 404: DECLARED[404]},
)
def get_leaderboard(
    store: StoreDep,
    catalogue: CatalogueDep,
    protocol: ProtocolQuery = DEFAULT_PROTOCOL,
    metric: Metric = Metric.RETENTION_DEVIATION,
    dataset: str | None = None,
    model: str | None = None,
    setting: Annotated[str | None, Query(description="One setting, by id, standard or not.")] = None,
    cohort: CohortQuery = Cohort.REFERENCE,
    format: ExportFormat = ExportFormat.JSON,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Groups and ranks over the protocol's settings, or those that the filters leave."""
    rules = _protocol(protocol, catalogue)
    require_known("dataset", dataset, catalogue.datasets)
    require_known("model", model, catalogue.models)
    with store.read() as session:
        board = load_board(
            session,
            rules,
            metric,
            dataset=dataset,
            model=model,
            setting_id=setting,
            viewer=THE_PUBLIC,
            cohort=cohort,
        )
    content = render(board, format).encode()
    return cached(content, if_none_match, media_type=FORMATS[format].media_type, is_public=True)


@router.get("/settings", operation_id="listSettings")
def list_settings(
    store: StoreDep, catalogue: CatalogueDep, protocol: ProtocolQuery = DEFAULT_PROTOCOL
) -> SettingsAnswer:
    """The settings of a protocol that have results, and how many."""
    rules = _protocol(protocol, catalogue)
    with store.read() as session:
        found = settings_of(session, rules.id, THE_PUBLIC)
    return SettingsAnswer(
        items=[
            SettingAnswer(
                id=setting.id,
                dataset=setting.dataset,
                model=setting.model,
                forget=ForgetAnswer.model_validate(setting.forget),
                precision=setting.precision,
                results=count,
                is_standard=is_standard(setting, rules),
            )
            for setting, count in found
        ]
    )


def _protocol(name: str, catalogue: Catalogue) -> Protocol:
    require_known("protocol", name, catalogue.protocols)
    return catalogue.protocols[name]


def require_known(parameter: str, name: str | None, known: Iterable[str]) -> None:
    """Refuse a query parameter that names nothing.

    Raises:
        SpecInvalid: `name` is given, but not among `known`.
    """
    if name is not None and name not in known:
        detail = f"There is no {parameter} {name!r}; there are {', '.join(sorted(known))}."
        raise SpecInvalid(
            [SpecProblem(f"#/query/{parameter}", f"unknown_{parameter}", detail, closest(name, known))]
        )
