"""A board in the terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

from core.export import cell_text
from core.places import place_names

TITLES = {
    "retention_deviation": "Retention deviation (lower is better)",
    "indiscernibility": "Indiscernibility, U-MIA on the test set (higher is better)",
}
GROUP_STYLES = {"G1": "green", "G2": "yellow", "G3": "red", "F": "bold red"}
COUNTS = {"G1": "g1", "G2": "g2", "G3": "g3", "F": "failed"}  # fields of a row

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A heading, which may be broken at its spaces, over cells, which are not broken."""

    heading: str
    cells: Sequence[Text]
    justify: JustifyMethod = "right"

    @property
    def width(self) -> int:
        """How many characters it needs."""
        words = [len(word) for word in self.heading.split()]
        return max(words + [cell.cell_len for cell in self.cells])


@dataclass(frozen=True)
class BoardTables:
    """A leaderboard answer: ranked rows, provisional ones below, references last. Where not all settings fit
    side by side, the further ones are tables of their own, so that no figure is cut short.

    Args:
        board: as `GET /leaderboard` answers it.
        uncertainty: as `GET /leaderboard/uncertainty` answers it; with it each rank has its interval over
            model seeds.
    """

    board: Mapping[str, Any]
    uncertainty: Mapping[str, Any] | None = None

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        places = place_names(self.board["protocol"], self.board["settings"], " / ")
        yield Text(f"{TITLES[self.board['metric']]} - {self.board['protocol']}", style="table.title")
        columns = self._methods_and_counts()
        for index, place in enumerate(places):
            figures = self._figures(index, place)
            if index > 0 and _width([*columns, *figures]) > options.max_width:
                yield self._table(columns)
                columns = self._methods()
            columns += figures
        yield self._table(columns)
        for note in self._notes(places):
            yield Text(note, style="table.caption")

    @property
    def _sections(self) -> Iterable[Sequence[Row]]:
        rows = self.board["rows"]
        yield [row for row in rows if not row["is_provisional"]]
        yield [row for row in rows if row["is_provisional"]]
        yield self.board["references"]

    @property
    def _rows(self) -> Iterator[Row]:
        return (row for section in self._sections for row in section)

    def _table(self, columns: Sequence[Column]) -> Table:
        table = Table()
        for column in columns:
            table.add_column(column.heading, justify=column.justify, min_width=column.width)
        lines = zip(*(column.cells for column in columns), strict=True)
        for section in self._sections:
            for _ in section:
                table.add_row(*next(lines))
            table.add_section()
        return table

    def _methods(self) -> list[Column]:
        return [self._ranks(), self._names()]

    def _methods_and_counts(self) -> list[Column]:
        """Each method with the interval of its rank, and how often it is in each group."""
        counts = [
            Column(heading, [Text(str(row[name]) if row["rank"] else "") for row in self._rows])
            for heading, name in COUNTS.items()
        ]
        return [self._ranks(), *self._intervals(), self._names(), *counts]

    def _ranks(self) -> Column:
        return Column("rank", [Text(str(row["rank"] or "-")) for row in self._rows])

    def _names(self) -> Column:
        return Column("unlearner", [Text(row["label"]) for row in self._rows], "left")

    def _intervals(self) -> Iterator[Column]:
        if self.uncertainty is not None:
            found = {row["label"]: _interval(row["over_seeds"]) for row in self.uncertainty["rows"]}
            intervals = [Text(found.get(row["label"], "")) for row in self._rows]
            yield Column(f"{self.uncertainty['level']:.0%}", intervals)

    def _figures(self, index: int, place: str) -> list[Column]:
        """The score of each method in a setting with its group, and its run-time efficiency."""
        cells = [row["cells"][index] for row in self._rows]
        scores = [Text(cell_text(cell), GROUP_STYLES.get(cell["group"], "")) for cell in cells]
        return [Column(place, scores, "left"), Column("RTE", [Text(_efficiency(cell)) for cell in cells])]

    def _notes(self, places: Sequence[str]) -> Iterator[str]:
        for place, setting in zip(places, self.board["settings"], strict=True):
            floor = setting["indiscernibility_floor"]
            if floor is not None:
                yield f"{place}: above {floor:.3f} is within the noise of one model"
        if self.board["moved"]:
            yield "Moved by taking in all: " + "; ".join(map(_move, self.board["moved"]))


def _width(columns: Sequence[Column]) -> int:
    """Of a table: every column has a space on both sides and a line behind, and the first one before it."""
    return 1 + sum(column.width + 3 for column in columns)


def _efficiency(cell: Mapping[str, Any]) -> str:
    efficiency = cell["runtime_efficiency"]
    if efficiency is None:
        return ""
    return f"{efficiency:.1f}x" if efficiency < 100 else f"{efficiency:,.0f}x"


def _interval(interval: Mapping[str, int] | None) -> str:
    if interval is None:
        return ""
    low, high = interval["low"], interval["high"]
    return str(low) if low == high else f"{low}-{high}"


def _move(move: Mapping[str, Any]) -> str:
    cells = ", ".join(f"{cell['before'] or '-'} to {cell['after'] or '-'}" for cell in move["cells"])
    ranks = f"rank {move['rank_before'] or '-'} to {move['rank_after'] or '-'}"
    return f"{move['label']} {ranks}" + (f" ({cells})" if cells else "")
