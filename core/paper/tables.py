"""The paper's tables: the ranks and group counts of Table 1, the run-time efficiencies of Table 2."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from core.board import Board, Metric
from core.ranking import GroupCounts, dense_ranks

TIMED_MODEL = "resnet18"  # Table 2 and what the paper says of speed are about it alone


@dataclass(frozen=True)
class Standings:
    """Where the reference unlearners stand: what the paper published, or what a pair of boards came to.

    Attributes:
        places: the settings, as `dataset/model`.
        counts: by metric, then unlearner: the groups over the settings; only those with a rank.
        efficiency: by unlearner, then dataset: retraining time over the method's, on ResNet18.
    """

    places: frozenset[str]
    counts: Mapping[Metric, Mapping[str, GroupCounts]]
    efficiency: Mapping[str, Mapping[str, float]]

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
        places=frozenset(f"{setting.dataset}/{setting.model}" for setting in any_board.settings),
        counts={
            metric: {row.method.unlearner: row.counts for row in rows if row.rank is not None}
            for metric, rows in cohort.items()
        },
        efficiency=efficiency,
    )


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("core.paper").joinpath(name).read_text(encoding="utf-8"))
    return found
