"""What moved between two snapshots, and why. Pure: two contents in, one answer out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from core.board import Method, Metric
from core.ranking import GroupCounts, dense_ranks
from core.snapshots.reasons import Cause, Entries, Entry, Why, causes
from core.tier import Tier

Place: TypeAlias = tuple[str, ...]  # dataset, model, forget rule, precision, run seed: what settings keep
Content: TypeAlias = Mapping[str, Any]
COUNTS = ("g1", "g2", "g3", "failed")


@dataclass(frozen=True)
class Standing:
    """A row of a board: its rank, None while provisional, and its settings by group."""

    rank: int | None
    g1: int
    g2: int
    g3: int
    failed: int


@dataclass(frozen=True)
class CellChange:
    """A cell whose group is another one; None is no group, or no such setting."""

    dataset: str
    model: str
    before: str | None
    after: str | None
    mean_before: float | None
    mean_after: float | None
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class RowChange:
    """A row whose rank or groups are others.

    Attributes:
        before: None where the row is new.
        after: None where it is gone.
        is_within_interval: the new rank lies in the interval that the older snapshot gave; None where it gave
            none.
        causes: each once, of the cells, or of the row where none of its own cells moved.
    """

    label: str
    before: Standing | None
    after: Standing | None
    is_within_interval: bool | None
    causes: tuple[Cause, ...]
    cells: tuple[CellChange, ...]


@dataclass(frozen=True)
class Agreement:
    """How many of the things that both snapshots have are the same."""

    same: int
    shared: int


@dataclass(frozen=True)
class BoardChange:
    """What moved on the boards by one metric.

    Attributes:
        moved: in the order of the newer board; rows that are gone come last.
        updated: labels that rest on other results and stand where they stood.
        unchanged: how many rows rest on the same results and stand where they stood.
        ranks: over the rows that both rank.
        counts: over the four group counts of the rows that both rank.
        groups: over the cells that both have a group in.
    """

    metric: Metric
    moved: tuple[RowChange, ...]
    updated: tuple[str, ...]
    unchanged: int
    ranks: Agreement
    counts: Agreement
    groups: Agreement


@dataclass(frozen=True)
class Speed:
    """A runtime efficiency that both snapshots have."""

    unlearner: str
    dataset: str
    before: float
    after: float


@dataclass(frozen=True)
class Difference:
    """What moved between two snapshots; `notes` say how far they can be compared at all."""

    notes: tuple[str, ...]
    boards: tuple[BoardChange, ...]
    speeds: tuple[Speed, ...]


def difference(before: Content, after: Content) -> Difference:
    """What moved from one content to another, row by row, with the causes; `after` needs no uncertainty."""
    sides = (_Side(before), _Side(after))
    return Difference(
        notes=tuple(_notes(*sides)),
        boards=tuple(_Boards(metric, *sides).change() for metric in Metric),
        speeds=tuple(
            Speed(unlearner, dataset, figure, after["runtime_efficiency"][unlearner][dataset])
            for unlearner, figures in before["runtime_efficiency"].items()
            for dataset, figure in figures.items()
            if dataset in after["runtime_efficiency"].get(unlearner, {})
        ),
    )


@dataclass(frozen=True)
class _Side:
    """One of the two contents, and what it is looked up by."""

    content: Content

    @property
    def is_published(self) -> bool:
        return bool(self.content["tier"] == Tier.PUBLISHED)

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where each setting id stands, whatever the revisions behind it."""
        return {id: _place(definition) for id, definition in self.content["settings"].items()}

    @cached_property
    def results(self) -> dict[tuple[Place, str], dict[int, Entry]]:
        """The results by place and label, then model seed."""
        found: dict[tuple[Place, str], dict[int, Entry]] = {}
        for entry in self.content["results"]:
            place = (self.places[entry["setting"]], entry["label"])
            found.setdefault(place, {})[entry["model_seed"]] = entry
        return found

    def rows(self, metric: Metric, *, only_cohort: bool) -> dict[str, Mapping[str, Any]]:
        """The rows by label; where only the cohort's are compared, ranked among themselves."""
        rows = {row["label"]: row for row in self.content["boards"][metric]["rows"]}
        if not only_cohort:
            return rows
        kept = {
            label: row for label, row in rows.items() if Method(row["unlearner"], row["variant"]).is_in_cohort
        }
        ranks = dense_ranks({label: _counts(row) for label, row in kept.items() if row["rank"] is not None})
        return {row["unlearner"]: {**row, "rank": ranks.get(label)} for label, row in kept.items()}

    def cells(self, row: Mapping[str, Any] | None) -> dict[Place, Mapping[str, Any]]:
        """A row's cells by place."""
        return {} if row is None else {self.places[cell["setting"]]: cell for cell in row["cells"]}

    def entries(self, place: Place, label: str) -> Entries:
        """The results behind a cell."""
        return self.results.get((place, label), {})

    def interval(self, metric: Metric, label: str) -> Mapping[str, int] | None:
        """The interval of a row's rank over model seeds."""
        rows = self.content["uncertainty"].get(metric, {"rows": []})["rows"]
        return next((row["over_seeds"] for row in rows if row["label"] == label), None)


@dataclass(frozen=True)
class _Boards:
    """The boards by one metric, side by side."""

    metric: Metric
    before: _Side
    after: _Side

    @property
    def only_cohort(self) -> bool:
        """Whether one side is the paper, which ranks its eighteen and prints no cells."""
        return self.before.is_published or self.after.is_published

    @cached_property
    def old(self) -> dict[str, Mapping[str, Any]]:
        return self.before.rows(self.metric, only_cohort=self.only_cohort)

    @cached_property
    def new(self) -> dict[str, Mapping[str, Any]]:
        return self.after.rows(self.metric, only_cohort=self.only_cohort)

    def change(self) -> BoardChange:
        labels = [*self.new, *(label for label in self.old if label not in self.new)]
        moved = tuple(change for label in labels if (change := self._row(label)) is not None)
        others = set(labels) - {change.label for change in moved}
        updated = tuple(label for label in labels if label in others and self._has_other_results(label))
        ranked = [
            (self.old[label], self.new[label])
            for label in labels
            if self._rank(self.old, label) is not None and self._rank(self.new, label) is not None
        ]
        counted = [(old[name], new[name]) for old, new in ranked for name in COUNTS]
        return BoardChange(
            metric=self.metric,
            moved=moved,
            updated=updated,
            unchanged=len(others) - len(updated),
            ranks=_agreement((old["rank"], new["rank"]) for old, new in ranked),
            counts=_agreement(counted),
            groups=_agreement(self._shared_groups(labels)),
        )

    def _row(self, label: str) -> RowChange | None:
        old, new = self.old.get(label), self.new.get(label)
        cells = self._cells(label, old, new)
        before, after = _standing(old), _standing(new)
        if not cells and before == after:
            return None
        interval = self.before.interval(self.metric, label)
        rank = after.rank if after else None
        return RowChange(
            label=label,
            before=before,
            after=after,
            is_within_interval=interval["low"] <= rank <= interval["high"] if interval and rank else None,
            causes=self._row_causes(label, cells),
            cells=cells,
        )

    def _row_causes(self, label: str, cells: tuple[CellChange, ...]) -> tuple[Cause, ...]:
        if label not in self.old:
            return (Cause(Why.NEW_UNLEARNER, f"{label} was not on the board before"),)
        if label not in self.new:
            return (Cause(Why.UNLEARNER_GONE, f"{label} has no results that count any more"),)
        if own := dict.fromkeys(cause for cell in cells for cause in cell.causes):
            return tuple(own)
        if self.before.content["protocol"] != self.after.content["protocol"]:
            return (self._protocols(),)
        return (Cause(Why.OTHERS_MOVED, self._who_passed(label)),)

    def _cells(
        self, label: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
    ) -> tuple[CellChange, ...]:
        """The cells whose group is another; where one side has none to show, as the paper, there are none."""
        if self.only_cohort:
            return ()
        there, here = self.before.cells(old), self.after.cells(new)
        none: dict[str, Any] = {"group": None, "mean": None}
        changes = []
        for place in dict.fromkeys((*here, *there)):
            one, other = there.get(place, none), here.get(place, none)
            if one["group"] != other["group"]:
                reasons = tuple(self._cell_causes(place, label))
                change = CellChange(
                    place[0], place[1], one["group"], other["group"], one["mean"], other["mean"], reasons
                )
                changes.append(change)
        return tuple(changes)

    def _cell_causes(self, place: Place, label: str) -> list[Cause]:
        before, after = self.before.content, self.after.content
        where = f"{place[0]}/{place[1]}"
        if before["protocol"] != after["protocol"]:
            return [self._protocols()]
        if place not in self.before.places.values():
            return [Cause(Why.NEW_SETTING, f"{where} is a new setting")]
        if place not in self.after.places.values():
            return [Cause(Why.SETTING_GONE, f"{where} is no longer a setting of the board")]
        own = self._result_causes(place, label)
        if own:
            return [Cause(cause.code, f"{where}: {cause.text}") for cause in own]
        if before["rules_sha256"] != after["rules_sha256"]:
            return [Cause(Why.RULES, f"the rules of {after['protocol']} changed")]
        names = sorted(other for other in {**self.old, **self.new} if self._result_causes(place, other))
        by = f" with the results of {', '.join(names)}" if names else ""
        return [Cause(Why.CUTS_MOVED, f"{where}: the cuts between groups moved{by}")]

    def _result_causes(self, place: Place, label: str) -> list[Cause]:
        definitions = {**self.before.content["settings"], **self.after.content["settings"]}
        return causes(self.before.entries(place, label), self.after.entries(place, label), definitions)

    def _has_other_results(self, label: str) -> bool:
        if self.only_cohort:
            return False
        places = {*self.before.places.values(), *self.after.places.values()}
        return any(self._result_causes(place, label) for place in places)

    def _protocols(self) -> Cause:
        before, after = self.before.content["protocol"], self.after.content["protocol"]
        return Cause(Why.PROTOCOL, f"{before} before, {after} after")

    def _who_passed(self, label: str) -> str:
        ahead = [
            {name for name in rows if _is_ahead(rows, name, label)}
            for rows in (self.old, self.new)
            if self._rank(rows, label) is not None
        ]
        if len(ahead) < 2:
            return "other rows came or went"
        came, went = sorted(ahead[1] - ahead[0]), sorted(ahead[0] - ahead[1])
        said = [
            *([f"{', '.join(came)} came ahead of it"] if came else []),
            *([f"{', '.join(went)} fell back to it or behind"] if went else []),
        ]
        return "; ".join(said) or "rows ahead of it share other ranks"

    def _shared_groups(self, labels: Iterable[str]) -> Iterable[tuple[str, str]]:
        for label in labels:
            there, here = self.before.cells(self.old.get(label)), self.after.cells(self.new.get(label))
            for place in there.keys() & here.keys():
                one, other = there[place]["group"], here[place]["group"]
                if one is not None and other is not None:
                    yield one, other

    @staticmethod
    def _rank(rows: Mapping[str, Mapping[str, Any]], label: str) -> int | None:
        row = rows.get(label)
        return None if row is None else row["rank"]


def _notes(before: _Side, after: _Side) -> Iterable[str]:
    old, new = before.content, after.content
    if before.is_published or after.is_published:
        yield (
            "The paper prints in how many settings a method is in each group, not in which: only ranks and "
            "counts can be compared, among its eighteen unlearners."
        )
    if old["protocol"] != new["protocol"]:
        yield f"The protocols differ ({old['protocol']}, {new['protocol']}): their numbers need not agree."
    elif old["rules_sha256"] != new["rules_sha256"]:
        yield f"The rules of {new['protocol']} changed between the two."
    gone = [place for place in old["places"] if place not in new["places"]]
    came = [place for place in new["places"] if place not in old["places"]]
    only = [f"{when} {', '.join(found)}" for when, found in (("before", gone), ("after", came)) if found]
    if only:
        yield f"Settings only {'; only '.join(only)}. Counts over other settings need not agree."


def _place(definition: Mapping[str, Any]) -> Place:
    forget = json.dumps(definition["forget"], sort_keys=True)
    return (
        definition["dataset"],
        definition["model"],
        forget,
        definition["precision"],
        str(definition["run_seed"]),
    )


def _counts(row: Mapping[str, Any]) -> GroupCounts:
    return GroupCounts(*(row[name] for name in COUNTS))


def _standing(row: Mapping[str, Any] | None) -> Standing | None:
    return None if row is None else Standing(row["rank"], *(row[name] for name in COUNTS))


def _agreement(pairs: Iterable[tuple[Any, Any]]) -> Agreement:
    found = list(pairs)
    return Agreement(sum(one == other for one, other in found), len(found))


def _is_ahead(rows: Mapping[str, Mapping[str, Any]], one: str, other: str) -> bool:
    mine, theirs = rows[one]["rank"], rows[other]["rank"]
    return mine is not None and theirs is not None and mine < theirs
