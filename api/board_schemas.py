"""The API's answers about the leaderboard."""

from typing import Annotated

from pydantic import ConfigDict, Field

from api.schemas import Answer, AttackFiguresAnswer, ForgetAnswer, RunSeedAnswer
from core.board import CellState, Metric
from core.cohort import Cohort
from core.ranking import Group
from core.tier import Tier


class BoardSetting(Answer):
    """A column of the board. `is_ambiguous`: a tie left the cut between its groups open."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "set_0123456789abcdef",
                "dataset": "digits",
                "model": "resnet18",
                "forget": {"rule": "random", "fraction": 0.1, "seed": 0},
                "precision": "fp32",
                "run_seed": 123,
                "cuts": [0.12, 0.48],
                "is_frozen": True,
                "is_ambiguous": False,
                "indiscernibility_floor": 0.98,
            }
        }
    )

    id: str
    dataset: str
    model: str
    forget: ForgetAnswer
    precision: str
    run_seed: RunSeedAnswer = 123  # of every board that was frozen before boards told it
    cuts: Annotated[
        list[float],
        Field(description="Between G1 and G2 and between G2 and G3; empty without three groups."),
    ]
    is_frozen: Annotated[bool, Field(description="Whether the reference unlearners alone fixed the cuts.")]
    is_ambiguous: bool
    indiscernibility_floor: Annotated[
        float | None,
        Field(
            description="One in twenty models that left no trace is below it by chance: above it, nothing is "
            "told from 1. Null on a board by retention deviation, where the forget set is no random draw of "
            "its classes, for which it does not hold, and where no result says it. Of listed samples it is "
            "what it would be, had they been drawn."
        ),
    ] = None


class BoardCell(Answer):
    """One method in one setting. `group` is null while models are missing."""

    setting: str
    dataset: str
    model: str
    forget: ForgetAnswer
    precision: str
    run_seed: RunSeedAnswer = 123  # of every board that was frozen before boards told it
    group: Group | None
    state: CellState
    mean: float | None
    sd: float | None
    seeds: int
    usable_seeds: int
    required_seeds: int
    runtime_efficiency: float | None
    attacks: dict[str, AttackFiguresAnswer] = Field(
        {}, description="What attacks on single samples found of the method, by attack; they rank nothing."
    )


class BoardRow(Answer):
    """One method. `rank` is null where it is provisional, and for the references."""

    rank: int | None
    is_provisional: bool
    unlearner: str
    variant: str | None
    label: str
    g1: int
    g2: int
    g3: int
    failed: int
    coverage: str
    cells: list[BoardCell]


class CellMoveAnswer(Answer):
    """A cell whose group differs; null is no group."""

    setting: str
    before: Group | None
    after: Group | None


class RowMoveAnswer(Answer):
    """A row whose rank or groups differ."""

    label: str
    rank_before: int | None
    rank_after: int | None
    cells: list[CellMoveAnswer]


class LeaderboardAnswer(Answer):
    """The leaderboard: ranked rows by rank, then the provisional ones; the references apart."""

    protocol: str
    metric: Metric
    higher_is_better: bool
    tier: Annotated[Tier, Field(description="Where the numbers come from; no board mixes tiers.")]
    snapshot: Annotated[str | None, Field(description="The snapshot that this board is of.")] = None
    cohort: Cohort
    settings: list[BoardSetting]
    rows: list[BoardRow]
    references: list[BoardRow]
    moved: Annotated[
        list[RowMoveAnswer],
        Field(
            description="With `cohort=all`: the rows that stand elsewhere than with the frozen cut points."
        ),
    ]
