"""The API's answers about how far a board can be trusted."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.board_schemas import RowMoveAnswer
from api.schemas import Answer
from core.board import Metric
from core.cohort import Cohort
from core.paper.claims import Verdict
from core.ranking import Group


def _example(**example: Any) -> ConfigDict:  # noqa: ANN401 - any JSON
    return ConfigDict(json_schema_extra={"example": example})


class RankIntervalAnswer(Answer):
    """The ranks from `low`, the best, to `high`."""

    low: int
    high: int


class CellUncertaintyAnswer(Answer):
    """One method in one setting."""

    setting: str
    group: Group | None
    probabilities: Annotated[
        dict[Group, float], Field(description="Share of the draws in each group; empty without a group.")
    ]
    standard_error: Annotated[
        float | None, Field(description="Of the mean over model seeds; null with fewer than two models.")
    ]


class RowUncertaintyAnswer(Answer):
    """How sure one row's rank is."""

    model_config = _example(
        label="msg",
        rank=1,
        over_seeds={"low": 1, "high": 2},
        over_settings={"low": 1, "high": 4},
        not_distinguishable=["ft"],
        cells=[
            {
                "setting": "set_0123456789abcdef",
                "group": "G1",
                "probabilities": {"G1": 0.97, "G2": 0.03, "G3": 0.0, "F": 0.0},
                "standard_error": 0.004,
            }
        ],
    )

    label: str
    rank: int | None
    over_seeds: Annotated[
        RankIntervalAnswer | None, Field(description="With model seeds redrawn; null for a provisional row.")
    ]
    over_settings: Annotated[
        RankIntervalAnswer | None,
        Field(description="With settings redrawn as well; null on a board of a single setting."),
    ]
    not_distinguishable: Annotated[
        list[str],
        Field(description="Ranked rows that are neither strictly ahead nor behind in `level` of the draws."),
    ]
    cells: list[CellUncertaintyAnswer]


class UncertaintyAnswer(Answer):
    """How sure the ranks of a board are, by a paired bootstrap over its model seeds."""

    protocol: str
    metric: Metric
    cohort: Cohort
    draws: int
    level: float
    model_seeds: list[int]
    rows: list[RowUncertaintyAnswer]


class SeedsCellAnswer(Answer):
    """One method in one setting, over some of the model seeds."""

    setting: str
    label: str
    mean: float | None
    sd: float | None
    seeds: int
    usable_seeds: int


class AlternativeAnswer(Answer):
    """The same results, ranked otherwise. `moved`: rows whose rank or groups then differ."""

    model_config = _example(
        id="linkage:single",
        title="Single linkage",
        ranks={"msg": 1, "ft": 1, "ga": 2},
        moved=[{"label": "ft", "rank_before": 2, "rank_after": 1, "cells": []}],
        cells=[],
    )

    id: str
    title: str
    ranks: dict[str, int | None]
    moved: list[RowMoveAnswer]
    cells: Annotated[
        list[SeedsCellAnswer],
        Field(description="Means over the model seeds that are left, for `seeds:` alone; else empty."),
    ]


class SensitivityAnswer(Answer):
    """What a board's ranks hang on."""

    protocol: str
    metric: Metric
    ranks: Annotated[dict[str, int | None], Field(description="The board's own.")]
    alternatives: list[AlternativeAnswer]


class ClaimAnswer(Answer):
    """A claim of the paper, tested on the board and on the paper's own tables."""

    model_config = _example(
        id="msg_first_in_both",
        text="MSG ranks first in retention deviation and in indiscernibility.",
        source="§5, on newly proposed methods",
        check="rank 1 by both",
        verdict="not_enough_runs",
        evidence="msg 1 and 1",
        missing=["bt", "iu"],
        missing_settings=["utkface/resnet18"],
        verdict_on_paper="holds",
        evidence_on_paper="msg 1 and 1",
    )

    id: str
    text: str
    source: str
    check: Annotated[str, Field(description="What is tested, where the claim's words leave it open.")]
    verdict: Verdict
    evidence: Annotated[
        str, Field(description="Ranks by retention deviation and indiscernibility, or speed.")
    ]
    missing: Annotated[list[str], Field(description="Reference unlearners that still need runs.")]
    missing_settings: Annotated[
        list[str], Field(description="The paper's settings that still need runs, as `dataset/model`.")
    ]
    verdict_on_paper: Verdict
    evidence_on_paper: str


class ClaimsAnswer(Answer):
    """The paper's claims on a board."""

    protocol: str
    settings: list[str]
    claims: list[ClaimAnswer]


class StandingAnswer(Answer):
    """Where an unlearner stands among the reference unlearners: its dense rank, and its settings by group."""

    rank: int
    g1: int
    g2: int
    g3: int
    failed: int


class PaperRankAnswer(Answer):
    """An unlearner in the paper's Table 1, and on the board; null there while it has no rank."""

    model_config = _example(
        unlearner="msg",
        metric="retention_deviation",
        paper={"rank": 1, "g1": 9, "g2": 0, "g3": 0, "failed": 0},
        here=None,
    )

    unlearner: str
    metric: Metric
    paper: StandingAnswer
    here: StandingAnswer | None


class PaperSpeedAnswer(Answer):
    """A runtime efficiency of the paper's Table 2 (ResNet18), and on the board; null where not measured."""

    unlearner: str
    dataset: str
    paper: float
    here: float | None


class PaperAnswer(Answer):
    """The paper's tables beside a board; ranks are among the eighteen reference unlearners."""

    protocol: str
    ranks: Annotated[list[PaperRankAnswer], Field(description="By metric, then in the paper's order.")]
    speeds: list[PaperSpeedAnswer]
