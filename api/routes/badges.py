"""An unlearner's place on the board as a small picture, for pages elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from api.boards import DEFAULT_PROTOCOL, ProtocolQuery, protocol_named
from api.dependencies import CatalogueDep, StoreDep
from api.problems import DECLARED
from core.board import Board, Metric
from core.errors import NotFound
from core.store.boards import load_board
from core.store.viewers import THE_PUBLIC

router = APIRouter(prefix="/badges", tags=["leaderboard"])
templates = Environment(
    loader=PackageLoader("api", "pages"),
    autoescape=select_autoescape(["html", "svg"]),
    undefined=StrictUndefined,
)
CHARACTER = 6.2  # the width in pixels that a character is given; with 7 the letters stand apart
RANKED, UNRANKED = "#1d4f7c", "#565f6e"
HEADERS = {
    "Cache-Control": "public, max-age=300",
    "Cross-Origin-Resource-Policy": "cross-origin",  # it is made to be shown on other sites
}


@router.get(
    "/{unlearner}.svg",
    operation_id="getBadge",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}, 404: DECLARED[404], 422: DECLARED[422]},
)
def get_badge(
    unlearner: str,
    store: StoreDep,
    catalogue: CatalogueDep,
    protocol: ProtocolQuery = DEFAULT_PROTOCOL,
    metric: Metric = Metric.RETENTION_DEVIATION,
    variant: Annotated[str | None, Query(description="The published one without it.")] = None,
) -> Response:
    """Name and rank by one metric; it says so where there is no rank yet."""
    rules = protocol_named(protocol, catalogue)
    if unlearner not in catalogue.unlearners:
        raise NotFound("unlearner", unlearner)
    with store.read() as session:
        board = load_board(session, rules, metric, viewer=THE_PUBLIC)
    title = catalogue.unlearners[unlearner].title
    name = f"{title} ({variant})" if variant else title
    rank = _rank(board, unlearner, variant)
    text = f"{metric.replace('_', ' ')}, {protocol}: {rank or 'not ranked yet'}"
    picture = templates.get_template("badge.svg").render(
        name=name,
        text=text,
        left=_width(name),
        right=_width(text),
        fill=RANKED if rank else UNRANKED,
    )
    return Response(picture, media_type="image/svg+xml", headers=HEADERS)


def _rank(board: Board, unlearner: str, variant: str | None) -> str | None:
    """Its rank, how many ranks there are, and how many methods share them; None without."""
    ranks = {row.method: row.rank for row in board.rows if row.rank is not None}
    wanted = {variant} if variant else {None, "official"}
    mine = [
        rank for method, rank in ranks.items() if method.unlearner == unlearner and method.variant in wanted
    ]
    return f"rank {min(mine)} of {max(ranks.values())}, {len(ranks)} methods" if mine else None


def _width(text: str) -> int:
    return round(CHARACTER * len(text)) + 12
