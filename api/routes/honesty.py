"""How far to trust a board: how sure its ranks are, what they hang on, which of the paper's claims hold."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from api.board_schemas import RowMoveAnswer
from api.boards import BoardRequest, BoardRequestDep, CohortQuery
from api.caching import NOT_MODIFIED, IfNoneMatch, cached
from api.dependencies import StoreDep
from api.honesty_schemas import (
    AlternativeAnswer,
    ClaimAnswer,
    ClaimsAnswer,
    PaperAnswer,
    PaperRankAnswer,
    PaperSpeedAnswer,
    SeedsCellAnswer,
    SensitivityAnswer,
    StandingAnswer,
    UncertaintyAnswer,
)
from api.problems import DECLARED
from core.board import Metric
from core.cohort import Cohort
from core.export import row_move, summary_document, uncertainty_document
from core.paper.claims import ledger
from core.paper.tables import Standings, published, standings
from core.sensitivity import sensitivity
from core.store.session import Store
from core.uncertainty import bootstrap

router = APIRouter(
    prefix="/leaderboard", tags=["leaderboard"], responses={404: DECLARED[404], 422: DECLARED[422]}
)


@router.get(
    "/uncertainty",
    operation_id="getLeaderboardUncertainty",
    response_model=UncertaintyAnswer,
    responses=NOT_MODIFIED,
)
def get_uncertainty(
    store: StoreDep,
    request: BoardRequestDep,
    metric: Metric = Metric.RETENTION_DEVIATION,
    cohort: CohortQuery = Cohort.REFERENCE,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Rank intervals, the probability of each group, and the rows that cannot be told apart."""

    def make() -> bytes:
        return _uncertainty(store, request, metric, cohort).model_dump_json().encode()

    content = request.answer(store, ("uncertainty", metric, cohort), make)
    return cached(content, if_none_match, is_public=True)


@router.get(
    "/sensitivity",
    operation_id="getLeaderboardSensitivity",
    response_model=SensitivityAnswer,
    responses=NOT_MODIFIED,
)
def get_sensitivity(
    store: StoreDep,
    request: BoardRequestDep,
    metric: Metric = Metric.RETENTION_DEVIATION,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The same results ranked otherwise, and which rows that moves."""

    def make() -> bytes:
        return _sensitivity(store, request, metric).model_dump_json().encode()

    content = request.answer(store, ("sensitivity", metric), make)
    return cached(content, if_none_match, is_public=True)


@router.get("/claims", operation_id="listLeaderboardClaims")
def list_claims(store: StoreDep, request: BoardRequestDep) -> ClaimsAnswer:
    """The claims of Deep Unlearn, tested on the board: each holds, fails, or lacks runs."""
    loaded = request.load(store, *Metric)
    here = ledger(standings({data.metric: data.board() for data in loaded}))
    return ClaimsAnswer(
        protocol=loaded[0].protocol.id,
        settings=[setting.id for setting in loaded[0].settings],
        claims=[
            ClaimAnswer(
                id=finding.claim.id,
                text=finding.claim.text,
                source=finding.claim.source,
                check=finding.claim.check,
                verdict=finding.verdict,
                evidence=finding.evidence,
                missing=list(finding.missing),
                missing_settings=list(finding.missing_places),
                verdict_on_paper=original.verdict,
                evidence_on_paper=original.evidence,
            )
            for finding, original in zip(here, ledger(published()), strict=True)
        ],
    )


@router.get("/paper", operation_id="getLeaderboardPaper")
def get_paper(store: StoreDep, request: BoardRequestDep) -> PaperAnswer:
    """The ranks, group counts and runtime efficiencies that Deep Unlearn printed, beside the board's."""
    loaded = request.load(store, *Metric)
    here, paper = standings({data.metric: data.board() for data in loaded}), published()
    return PaperAnswer(
        protocol=loaded[0].protocol.id,
        ranks=[
            PaperRankAnswer(
                unlearner=unlearner,
                metric=metric,
                paper=standing,
                here=_standings(here, metric).get(unlearner),
            )
            for metric in Metric
            for unlearner, standing in _standings(paper, metric).items()
        ],
        speeds=[
            PaperSpeedAnswer(
                unlearner=unlearner,
                dataset=dataset,
                paper=efficiency,
                here=here.efficiency.get(unlearner, {}).get(dataset),
            )
            for unlearner, efficiencies in paper.efficiency.items()
            for dataset, efficiency in efficiencies.items()
        ],
    )


def _uncertainty(store: Store, request: BoardRequest, metric: Metric, cohort: Cohort) -> UncertaintyAnswer:
    (data,) = request.load(store, metric)
    found = bootstrap(data.board(cohort), data.values, data.protocol.model_seeds)
    return UncertaintyAnswer.model_validate(uncertainty_document(found, data.protocol.model_seeds))


def _sensitivity(store: Store, request: BoardRequest, metric: Metric) -> SensitivityAnswer:
    (data,) = request.load(store, metric)
    found = sensitivity(data.protocol.id, metric, data.settings, data.values, data.protocol.model_seeds)
    return SensitivityAnswer(
        protocol=data.protocol.id,
        metric=metric,
        ranks={row.method.label: row.rank for row in data.board().rows},
        alternatives=[
            AlternativeAnswer(
                id=other.id,
                title=other.title,
                ranks=other.ranks,
                moved=[RowMoveAnswer.model_validate(row_move(move)) for move in other.moved],
                cells=[SeedsCellAnswer.model_validate(summary_document(cell)) for cell in other.summaries],
            )
            for other in found
        ],
    )


def _standings(found: Standings, metric: Metric) -> dict[str, StandingAnswer]:
    ranks = found.ranks(metric)
    return {
        unlearner: StandingAnswer(rank=ranks[unlearner], **asdict(counts))
        for unlearner, counts in found.counts[metric].items()
    }
