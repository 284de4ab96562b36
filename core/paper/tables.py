"""The paper's tables: the ranks and group counts of Table 1, the run-time efficiencies of Table 2."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from core.attack_figures import ALWAYS_TOLD, AttackFigures
from core.board import Board, Metric
from core.ranking import GroupCounts, dense_ranks
from core.spec.setting import Setting

TIMED_MODEL = "resnet18"  # Table 2 and what the paper says of speed are about it alone
ATTACKED_PLACE = "cifar10/resnet18"  # where the paper ran U-LiRA (Figure 1)


@dataclass(frozen=True)
class Standings:
    """Where the reference unlearners stand: what the paper published, or what a pair of boards came to.

    Attributes:
        places: the settings, as `dataset/model`.
        counts: by metric, then unlearner: the groups over the settings; only those with a rank.
        efficiency: by unlearner, then dataset: retraining time over the method's, on ResNet18.
        attacked: by unlearner or reference: U-LiRA's accuracy on CIFAR-10 and ResNet18, where it has an
            interval. The paper drew its own without printing it.
    """

    places: frozenset[str]
    counts: Mapping[Metric, Mapping[str, GroupCounts]]
    efficiency: Mapping[str, Mapping[str, float]]
    attacked: Mapping[str, AttackFigures] = field(default_factory=dict)

    def ranks(self, metric: Metric) -> dict[str, int]:
        """Dense ranks among the reference unlearners."""
        return dense_ranks(self.counts[metric])


@cache
def published() -> Standings:
    """The paper's own standings, over its nine settings."""
    table, times = _read("table1.json"), _read("table2.json")
    return Standings(
        places=frozenset(published_settings()),
        counts={
            metric: {
                row["unlearner"]: GroupCounts(row["g1"], row["g2"], row["g3"], row["failed"])
                for row in table[metric.value]
            }
            for metric in Metric
        },
        efficiency={row["unlearner"]: row["runtime_efficiency"] for row in times["rows"]},
    )


def published_ranks(metric: Metric) -> dict[str, int]:
    """The ranks as printed, by unlearner."""
    return {row["unlearner"]: row["rank"] for row in _read("table1.json")[metric.value]}


def published_settings() -> tuple[str, ...]:
    """The nine settings of Table 1, as `dataset/model`."""
    return tuple(_read("table1.json")["settings"])


def published_averages() -> dict[str, float]:
    """The average run-time efficiencies as printed, by unlearner."""
    return {row["unlearner"]: row["average"] for row in _read("table2.json")["rows"]}


def standings(boards: Mapping[Metric, Board]) -> Standings:
    """The reference unlearners' standings on boards of both metrics over the same settings."""
    cohort = {
        metric: [row for row in board.rows if row.method.is_in_cohort] for metric, board in boards.items()
    }
    efficiency: dict[str, dict[str, float]] = {}
    any_board = boards[Metric.RETENTION_DEVIATION]
    for row in cohort[Metric.RETENTION_DEVIATION]:
        for setting, cell in zip(any_board.settings, row.cells, strict=True):
            measured = cell.summary.runtime_efficiency if cell.summary else None
            if measured is not None and setting.model == TIMED_MODEL:
                efficiency.setdefault(row.method.unlearner, {})[setting.dataset] = measured
    return Standings(
        places=frozenset(map(_place, any_board.settings)),
        counts={
            metric: {row.method.unlearner: row.counts for row in rows if row.rank is not None}
            for metric, rows in cohort.items()
        },
        efficiency=efficiency,
        attacked=_attacked(any_board),
    )


def _attacked(board: Board) -> dict[str, AttackFigures]:
    here = {setting.id for setting in board.settings if _place(setting) == ATTACKED_PLACE}
    told = {
        method.unlearner: figures[ALWAYS_TOLD]
        for (setting, method), figures in board.attacks.items()
        if setting in here and method.variant in (None, "official") and ALWAYS_TOLD in figures
    }
    return {name: found for name, found in told.items() if found.low is not None}


def _place(setting: Setting) -> str:
    return f"{setting.dataset}/{setting.model}"


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("core.paper").joinpath(name).read_text(encoding="utf-8"))
    return found
