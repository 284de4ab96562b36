"""The leaderboard: groups and ranks over a set of summarised results. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, TypeAlias

from core.attack_figures import AttackFigures
from core.cohort import REFERENCE_UNLEARNERS, Cohort
from core.ranking import Group, GroupCounts, Grouping, Linkage, count_groups, dense_ranks, group_values
from core.spec.forget import chooses_by_loss
from core.spec.setting import Setting, SettingId

REFERENCES = ("retrained", "original")  # rows of the board, but never ranked
FLOOR = "indiscernibility_floor_test"  # the result's metric that the board tells of each setting


class Metric(StrEnum):
    """What a board ranks by."""

    RETENTION_DEVIATION = "retention_deviation"
    INDISCERNIBILITY = "indiscernibility"

    @property
    def higher_is_better(self) -> bool:
        """The metric's direction."""
        return self is Metric.INDISCERNIBILITY

    @property
    def column(self) -> str:
        """The result's metric behind it; indiscernibility is that of the test set (protocol §5.3)."""
        return "indiscernibility_test" if self is Metric.INDISCERNIBILITY else "retention_deviation"


@dataclass(frozen=True)
class Method:
    """What a row of the board is about: an unlearner, in one of its variants where it has them."""

    unlearner: str
    variant: str | None = None

    @property
    def label(self) -> str:
        """The unlearner's id, with any variant but the official one in brackets."""
        return (
            f"{self.unlearner} ({self.variant})" if self.variant not in (None, "official") else self.unlearner
        )

    @property
    def is_in_cohort(self) -> bool:
        """Whether it is one of the reference cohort's methods: those of the paper, as released."""
        return self.unlearner in REFERENCE_UNLEARNERS and self.variant in (None, "official")


@dataclass(frozen=True)
class CellSummary:
    """The results of one method in one setting, over model seeds.

    Attributes:
        mean: of the board's metric over usable models; None where there is none.
        sd: sample standard deviation over them; None with fewer than two.
        seeds: models that ran to an end, usable or not.
        usable: those of them that have a value.
        runtime_efficiency: mean over usable models; None where it was not measurable.
        undefined: models that are usable, but for which the metric does not exist (protocol §10: of a class
            that the retrained models have never seen, retention is a ratio to 0).
    """

    setting: SettingId
    method: Method
    mean: float | None
    sd: float | None
    seeds: int
    usable: int
    runtime_efficiency: float | None
    undefined: int = 0


CellState: TypeAlias = Literal["complete", "failed", "incomplete", "missing", "undefined"]


@dataclass(frozen=True)
class Cell:
    """One method in one setting: its group, or why it has none."""

    setting: SettingId
    group: Group | None
    state: CellState
    required_seeds: int
    summary: CellSummary | None


@dataclass(frozen=True)
class Row:
    """One method: rank and counts over the settings. `rank` is None while a cell has no group."""

    rank: int | None
    method: Method
    counts: GroupCounts
    cells: tuple[Cell, ...]

    @property
    def is_provisional(self) -> bool:
        """Whether a cell is incomplete or missing, or has no value to be grouped by."""
        return self.rank is None

    @property
    def covered(self) -> int:
        """Settings in which the method has a group."""
        return sum(cell.group is not None for cell in self.cells)


@dataclass(frozen=True)
class CellMove:
    """A cell whose group is another one on the second of two boards; None is no group."""

    setting: SettingId
    before: Group | None
    after: Group | None


@dataclass(frozen=True)
class RowMove:
    """A row whose rank or groups differ between two boards."""

    method: Method
    rank_before: int | None
    rank_after: int | None
    cells: tuple[CellMove, ...]


Attacks: TypeAlias = Mapping[tuple[SettingId, Method], Mapping[str, AttackFigures]]


@dataclass(frozen=True)
class Board:
    """Ranked rows first, by rank; then the provisional.

    Attributes:
        cohort: whose values fixed the cut points, where the cohort has enough of them.
        groupings: by setting, keyed by the labels of the methods that have a value there.
        moved: rows that the frozen cut points would place elsewhere; empty where they are in force.
        attacks: by setting and method, what attacks on single samples found, by attack; they rank nothing.
        floors: by setting, the indiscernibility that one in twenty models without a trace falls below; only
            on boards by indiscernibility, and where it is known and holds.
    """

    protocol: str
    metric: Metric
    settings: tuple[Setting, ...]
    rows: tuple[Row, ...]
    references: tuple[Row, ...]
    cohort: Cohort
    groupings: Mapping[SettingId, Grouping]
    moved: tuple[RowMove, ...] = ()
    attacks: Attacks = field(default_factory=dict)
    floors: Mapping[SettingId, float] = field(default_factory=dict)

    @property
    def ambiguous(self) -> frozenset[SettingId]:
        """Settings with a tied cut."""
        return frozenset(setting for setting, found in self.groupings.items() if found.is_ambiguous)


def floors_by_setting(
    settings: Iterable[Setting], told: Iterable[tuple[str, float | None]]
) -> dict[SettingId, float]:
    """A board's `floors`; none where samples are chosen by loss, of which earlier versions have stored some.

    The sizes of its sets decide a setting's, so that what its retrained models say holds for all; the least
    of it, where they differ.

    Args:
        settings: the board's.
        told: by retrained model its setting and `FLOOR`, None where it is not usable.
    """
    at_random = {setting.id for setting in settings if not chooses_by_loss(setting.forget)}
    floors: dict[SettingId, float] = {}
    for setting, floor in ((SettingId(name), floor) for name, floor in told):
        if floor is not None and setting in at_random:
            floors[setting] = min(floor, floors.get(setting, floor))
    return floors


def build_board(
    protocol: str,
    metric: Metric,
    settings: Iterable[Setting],
    summaries: Iterable[CellSummary],
    *,
    required_seeds: int,
    cohort: Cohort = Cohort.REFERENCE,
    linkage: Linkage = Linkage.WARD,
) -> Board:
    """Group every setting's complete cells, count, and rank.

    A method whose models have all run but of which fewer than `required_seeds` are usable is F in that
    setting (protocol §6.6); one whose models have not all run has no group yet, and no rank. Nor has one
    whose models are usable while the metric does not exist for them: it has not failed.

    The cut points are those of the reference cohort, of which each setting takes the methods that have a
    value there. With `Cohort.ALL` every method is clustered, and the board says which rows that moves.
    """
    settings, summaries = tuple(settings), tuple(summaries)

    def built(cohort: Cohort) -> Board:
        return _build(protocol, metric, settings, summaries, required_seeds, cohort, linkage)

    board = built(cohort)
    return (
        board
        if cohort is Cohort.REFERENCE
        else replace(board, moved=moved_rows(built(Cohort.REFERENCE), board))
    )


def moved_rows(before: Board, after: Board) -> tuple[RowMove, ...]:
    """The rows of both boards whose rank or group differs, in the order of the second board."""
    old = {row.method: row for row in before.rows}
    moves = []
    for row in after.rows:
        if row.method not in old:
            continue
        groups = {cell.setting: cell.group for cell in old[row.method].cells}
        cells = tuple(
            CellMove(cell.setting, groups[cell.setting], cell.group)
            for cell in row.cells
            if cell.setting in groups and groups[cell.setting] is not cell.group
        )
        if cells or old[row.method].rank != row.rank:
            moves.append(RowMove(row.method, old[row.method].rank, row.rank, cells))
    return tuple(moves)


def _build(
    protocol: str,
    metric: Metric,
    settings: tuple[Setting, ...],
    summaries: tuple[CellSummary, ...],
    required_seeds: int,
    cohort: Cohort,
    linkage: Linkage,
) -> Board:
    found = {(summary.setting, summary.method): summary for summary in summaries}
    methods = sorted({method for _, method in found}, key=lambda method: method.label)
    groups: dict[SettingId, Mapping[Method, Group]] = {}
    groupings: dict[SettingId, Grouping] = {}
    for setting in settings:
        cells = {m: found[setting.id, m] for m in methods if (setting.id, m) in found}
        groups[setting.id], groupings[setting.id] = _group_setting(
            cells, metric, required_seeds, cohort, linkage
        )
    rows = {
        method: tuple(
            _cell(setting.id, found.get((setting.id, method)), groups[setting.id].get(method), required_seeds)
            for setting in settings
        )
        for method in methods
    }
    return Board(
        protocol=protocol,
        metric=metric,
        settings=settings,
        rows=_ranked_rows({m: cells for m, cells in rows.items() if m.unlearner not in REFERENCES}),
        references=tuple(
            Row(None, method, GroupCounts(0, 0, 0, 0), rows[method])
            for method in sorted(
                rows, key=lambda m: REFERENCES.index(m.unlearner) if m.unlearner in REFERENCES else 9
            )
            if method.unlearner in REFERENCES
        ),
        cohort=cohort,
        groupings=groupings,
    )


def _group_setting(
    cells: Mapping[Method, CellSummary],
    metric: Metric,
    required_seeds: int,
    cohort: Cohort,
    linkage: Linkage,
) -> tuple[Mapping[Method, Group], Grouping]:
    complete = {
        m: cell for m, cell in cells.items() if m.unlearner not in REFERENCES and cell.seeds >= required_seeds
    }
    values = {
        m.label: cell.mean
        for m, cell in complete.items()
        if cell.usable >= required_seeds and cell.mean is not None
    }
    grouping = group_values(
        values,
        higher_is_better=metric.higher_is_better,
        cohort={m.label for m in complete if m.is_in_cohort} if cohort is Cohort.REFERENCE else None,
        linkage=linkage,
    )
    failed = {m: Group.F for m, cell in complete.items() if cell.usable + cell.undefined < required_seeds}
    return {m: grouping.groups[m.label] for m in complete if m.label in grouping.groups} | failed, grouping


def _cell(setting: SettingId, summary: CellSummary | None, group: Group | None, required_seeds: int) -> Cell:
    state: CellState
    if summary is None:
        state = "missing"
    elif summary.seeds < required_seeds:
        state = "incomplete"
    elif group is None and summary.method.unlearner not in REFERENCES:
        state = "undefined"
    else:
        state = "failed" if group is Group.F else "complete"
    return Cell(setting, group, state, required_seeds, summary)


def _ranked_rows(rows: Mapping[Method, tuple[Cell, ...]]) -> tuple[Row, ...]:
    counts = {m: count_groups([cell.group for cell in cells if cell.group]) for m, cells in rows.items()}
    complete = [m for m, cells in rows.items() if all(cell.group is not None for cell in cells)]
    ranks = dense_ranks({m.label: counts[m] for m in complete})
    built = [Row(ranks.get(m.label), m, counts[m], cells) for m, cells in rows.items()]
    return tuple(
        sorted(built, key=lambda row: (row.rank is None, row.rank or 0, -row.covered, row.method.label))
    )
