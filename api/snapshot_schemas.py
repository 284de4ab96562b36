"""The API's answers about frozen boards."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.board_schemas import LeaderboardAnswer
from api.boards import DEFAULT_PROTOCOL
from api.honesty_schemas import UncertaintyAnswer
from api.schemas import Answer
from core.board import Metric
from core.ranking import Group
from core.snapshots.reasons import Why
from core.tier import Tier


class SnapshotRequest(Answer):
    """Which board to freeze."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"protocol": "quick/1.0", "title": "As submitted"}}
    )

    protocol: str = DEFAULT_PROTOCOL
    title: Annotated[
        str | None, Field(min_length=1, max_length=200, description="Without one: the protocol and the date.")
    ] = None


class SnapshotAnswer(Answer):
    """A frozen board, without its content."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "snp_0192f3c1-7a40-7c2e-9d11-5b0a7c1e44d2",
                "title": "Quick, 2026-11-25",
                "protocol": "quick/1.0",
                "tier": "run_here",
                "sha256": "9b1e" * 16,
                "num_results": 120,
                "owner": "local",
                "created_at": "2026-11-25T12:00:00Z",
            }
        }
    )

    id: str
    title: str
    protocol: str
    tier: Tier
    sha256: Annotated[str, Field(description="Of the content's canonical JSON (RFC 8785), in hex.")]
    num_results: int
    owner: Annotated[str | None, Field(description="Who froze it; null for the paper's tables.")]
    created_at: datetime | None


class SnapshotPage(Answer):
    """Snapshots, newest first; the paper's tables come last."""

    items: list[SnapshotAnswer]
    next_cursor: str | None


class SnapshotResult(Answer):
    """A result that a snapshot rests on."""

    id: str
    sha256: Annotated[
        str,
        Field(
            description="Of the canonical JSON of what `GET /results/{id}` answers but `attack_accuracy`, "
            "`attacks`, `created_at`, `dataset`, `forget`, `forget_reading`, `is_superseded`, `jobs`, "
            "`model`, `precision`, `run_seed` and, of its `reasons`, `forget_reading`."
        ),
    ]
    setting: str
    label: str
    model_seed: int
    is_usable: bool
    retention_deviation: float | None
    indiscernibility: float | None
    unit_id: str
    unlearner_revision: int | None
    code_revision: int
    git_revision: str | None
    hyperparameters_sha256: str


class SnapshotContent(Answer):
    """What is frozen. What is hashed is this very document, in canonical form, no field more or less."""

    format: str
    tier: Tier
    source: str | None
    protocol: str
    rules_sha256: Annotated[str | None, Field(description="Of the protocol's definition.")]
    places: Annotated[list[str], Field(description="The settings, as `dataset/model`.")]
    settings: Annotated[dict[str, Any], Field(description="By id, all that defines each.")]
    boards: Annotated[dict[Metric, LeaderboardAnswer], Field(description="As `GET /leaderboard` gave them.")]
    uncertainty: Annotated[
        dict[Metric, UncertaintyAnswer],
        Field(description="As `GET /leaderboard/uncertainty` gave it; none of the paper."),
    ]
    runtime_efficiency: Annotated[
        dict[str, dict[str, float]], Field(description="On ResNet18, by unlearner and dataset.")
    ]
    results: list[SnapshotResult]


class SnapshotDetail(SnapshotAnswer):
    """A frozen board."""

    content: SnapshotContent


class StandingChange(Answer):
    """A row's rank and its settings by group."""

    rank: int | None
    g1: int
    g2: int
    g3: int
    failed: int


class CauseAnswer(Answer):
    """Why something moved."""

    code: Why
    text: str


class CellChangeAnswer(Answer):
    """A cell whose group is another one; null is no group."""

    dataset: str
    model: str
    before: Group | None
    after: Group | None
    mean_before: float | None
    mean_after: float | None
    causes: list[CauseAnswer]


class RowChangeAnswer(Answer):
    """A row whose rank or groups are others: `before` is null for a new one, `after` for one that is gone."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "example": {
                "label": "msg",
                "before": {"rank": 2, "g1": 0, "g2": 1, "g3": 0, "failed": 0},
                "after": {"rank": 1, "g1": 1, "g2": 0, "g3": 0, "failed": 0},
                "is_within_interval": True,
                "causes": [
                    {
                        "code": "more_seeds",
                        "text": "digits/resnet18: 3 → 10 model seeds: 3, 4, 5, 6, 7, 8, 9 came to it",
                    }
                ],
                "cells": [],
            }
        },
    )

    label: str
    before: StandingChange | None
    after: StandingChange | None
    is_within_interval: Annotated[
        bool | None,
        Field(description="Whether the new rank lies in the interval over seeds that the older one gave."),
    ]
    causes: list[CauseAnswer]
    cells: list[CellChangeAnswer]


class AgreementAnswer(Answer):
    """How many of the things that both sides have are the same."""

    same: int
    shared: int


class BoardChangeAnswer(Answer):
    """What moved on the boards by one metric."""

    metric: Metric
    moved: list[RowChangeAnswer]
    updated: Annotated[
        list[str], Field(description="Rows that rest on other results and stand where they stood.")
    ]
    unchanged: int
    ranks: AgreementAnswer
    counts: Annotated[AgreementAnswer, Field(description="Of the four group counts of rows that both rank.")]
    groups: Annotated[AgreementAnswer, Field(description="Of the cells that both have a group in.")]


class SpeedChangeAnswer(Answer):
    """A runtime efficiency that both sides have."""

    unlearner: str
    dataset: str
    before: float
    after: float


class SnapshotDifference(Answer):
    """What moved from one snapshot to another, and why."""

    before: SnapshotAnswer
    after: Annotated[SnapshotAnswer | None, Field(description="Null: the board as it is now.")]
    notes: Annotated[list[str], Field(description="How far the two can be compared at all.")]
    boards: list[BoardChangeAnswer]
    speeds: list[SpeedChangeAnswer]
