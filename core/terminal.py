"""What the terminal shows beside boards: progress, and estimates, attacks, keys and snapshots as tables."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from core.board_tables import TITLES
from core.estimate import Estimate, Seconds
from core.spec.units import UnitId
from core.store.attacks import AttackRecord
from core.store.keys import KeyRecord, Scope

MILLION = 1e6
UNKNOWN_TIME = "-:--:--"


@dataclass(frozen=True)
class Weights:
    """What a job's units take, on any scale, for the time that is left.

    Attributes:
        total: all that may still be done, and what is done; nothing of units that failed or were cancelled.
        done: what is done of it.
        of: what a unit takes, by its id and its kind.
    """

    total: float
    done: float
    of: Callable[[UnitId, str], float]


class JobProgress:
    """A bar over a job's units; without a terminal, a line for each unit that ends.

    What it is told of before it is entered has taken no time.

    Args:
        total: how many units the job has.
        done: how many of them are done.
        weights: of the units; without them, they count alike.
    """

    def __init__(
        self, console: Console, *, total: int, done: int = 0, weights: Weights | None = None
    ) -> None:
        weights = weights or Weights(total, done, lambda _unit, _kind: 1.0)
        self._console = console
        self._weigh = weights.of
        self._ended = done
        self._done: set[UnitId] = set()  # of the units that are told of
        self._total, self._whole = weights.total, weights.done
        self._parts: dict[UnitId, float] = {}  # how much of the others is done
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[ended]}/{task.fields[units]}"),
            TimeElapsedColumn(),
            TextColumn("left {task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task(
            "waiting for a worker",
            total=weights.total,
            ended=done,
            units=total,
            left=UNKNOWN_TIME,
        )
        self._before = 0.0  # what was completed before the clock started

    def __enter__(self) -> Self:
        self._before = self._completed
        self._bar.start()
        self._bar.reset(self._task)  # the clock starts here
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, name: str, data: dict[str, Any]) -> None:
        """Take in one event of the job: `unit`, `state` or `progress`, as the API sends them."""
        if name == "progress":
            for unit in data["units"]:
                self.describe(unit["model_seed"], unit["title"], unit["progress_text"])
                self.advance_within(unit["id"], unit["kind"], unit["progress"])
        elif name == "unit":
            self._take_in(data)
            if data["state"] == "failed" or (data["state"] == "done" and not self._console.is_terminal):
                self._console.print(data["text"], markup=False, soft_wrap=True)
        elif name == "state":
            self._console.print(data["text"], markup=False, soft_wrap=True)

    def describe(self, model_seed: int, title: str, text: str | None) -> None:
        """Show which unit is in hand, and how far it is in words."""
        self._bar.update(self._task, description=f"seed {model_seed}: {title} - {text or 'starting'}")

    def advance_within(self, unit: UnitId, kind: str, fraction: float | None) -> None:
        """Take in how far a unit is that has not ended. One that starts anew moves nothing backwards."""
        part = self._weigh(unit, kind) * min(fraction or 0.0, 1.0)
        if unit not in self._done and part > self._parts.get(unit, 0.0):
            self._parts[unit] = part
            self._draw()

    def _take_in(self, told: dict[str, Any]) -> None:
        """Count a unit that is done once, however often it is made; one that failed takes no more time, until
        it is tried again, as when another job is submitted that needs it.
        """
        unit, weight = told["unit_id"], self._weigh(told["unit_id"], told["kind"])
        if told["state"] == "done":
            self._count(unit, weight)
        elif told["state"] in ("failed", "cancelled"):
            self._parts.pop(unit, None)
            self._total -= weight
            self._discount(unit, weight)
        elif told["reason"] == "retried":
            self._total += weight
        elif told.get("from") == "done":  # what it made was broken: it is made again
            self._done.add(unit)
        else:
            return
        self._draw()

    def _count(self, unit: UnitId, weight: float) -> None:
        self._parts.pop(unit, None)
        if unit not in self._done:
            self._done.add(unit)
            self._ended += 1
            self._whole += weight

    def _discount(self, unit: UnitId, weight: float) -> None:
        """Count a unit no more that was done, and could not be made again."""
        if unit in self._done:
            self._done.remove(unit)
            self._ended -= 1
            self._whole -= weight
            self._before -= weight  # that it was made once says as much of the speed as before

    @property
    def _completed(self) -> float:
        return self._whole + sum(self._parts.values())

    def _draw(self) -> None:
        """Move the bar, and tell the time left by the speed since the start: that of rich is of its last 30 s
        or 1,000 updates, in which most units of a real job do not end.
        """
        (task,) = self._bar.tasks
        completed = self._completed
        gained, left = completed - self._before, UNKNOWN_TIME
        if gained > 0 and task.elapsed:
            seconds = task.elapsed * max(self._total - completed, 0.0) / gained
            left = str(timedelta(seconds=ceil(seconds)))
        self._bar.update(self._task, total=self._total, completed=completed, ended=self._ended, left=left)


def estimate_table(found: Estimate) -> Table:
    """What each stage of a job would cost, and all of it."""
    table = Table("Stage", box=None)
    for name in ("Units", "Done already", "Million images", "Device time", "Nine times in ten below"):
        table.add_column(name, justify="right")
    for kind, stage in found.stages.items():
        work = f"{stage.work / MILLION:,.1f}"
        table.add_row(kind, f"{stage.units:,}", f"{stage.cached:,}", work, *_device_time(stage.seconds))
    units = sum(stage.units for stage in found.stages.values())
    cached = sum(stage.cached for stage in found.stages.values())
    table.add_section()
    work = f"{found.work / MILLION:,.1f}"
    table.add_row("all", f"{units:,}", f"{cached:,}", work, *_device_time(found.seconds))
    table.caption = f"Images are forward passes; {found.flop:.3g} floating-point operations in all."
    return table


def _device_time(seconds: Seconds | None) -> tuple[str, str]:
    return ("unknown", "unknown") if seconds is None else (duration(seconds.p50), duration(seconds.p90))


def attacks_table(found: Sequence[AttackRecord]) -> Table:
    """Attacks on single samples: mean accuracy with its interval, its upper tail, and rare false alarms."""
    table = Table("Attack", "Models", box=None)
    for name in ("Accuracy", "95 % interval", "P95", "TPR at 1 % FPR", "Samples"):
        table.add_column(name, justify="right")
    for record in found:
        if not record.findings:
            table.add_row(record.attack, record.subject, "-", escape(record.reason or ""))
            continue
        figures = record.findings["figures"]
        mean, tail, rare = (figures[name] for name in ("mean", "p95", "tpr_at_fpr_1pct"))
        table.add_row(
            record.attack,
            record.subject + (f" {record.variant}" if record.variant else ""),
            _number(mean["value"]),
            f"{_number(mean['low'])} to {_number(mean['high'])}",
            _number(tail["value"]),
            _number(rare["value"]),
            f"{record.findings['num_attacked']:,}",
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def duration(seconds: float) -> str:
    """A span of time as people say it: its two largest parts."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def keys_table(keys: Sequence[KeyRecord]) -> Table:
    """The keys, one a row, without their secrets."""
    table = Table("Id", "Name", "Owner", "May", "Ends", "Last used", box=None)
    for key in keys:
        ends = key.revoked_at or key.expires_at
        table.add_row(
            key.id,
            escape(key.name),
            escape(key.owner),
            max(key.scopes, key=list(Scope).index),
            "never" if ends is None else f"{'revoked ' if key.revoked_at else ''}{ends:%Y-%m-%d %H:%M} UTC",
            "never" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M} UTC",
        )
    return table


def snapshots_table(snapshots: Sequence[dict[str, Any]]) -> Table:
    """Snapshot answers as a table."""
    table = Table()
    for name in ("id", "title", "protocol", "frozen"):
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for found in snapshots:
        frozen = (found["created_at"] or "as printed")[:10]
        table.add_row(*(escape(text) for text in (found["id"], found["title"], found["protocol"], frozen)))
    return table


def reported_table(report: dict[str, Any]) -> Table:
    """A self-report answer as a table: one line per unlearner and setting."""
    table = Table(title=escape(f"Self-reported by {report['origin']} - {report['protocol']}"))
    for name in ("unlearner", "setting", "seeds", "retention deviation", "indiscernibility"):
        table.add_column(name, justify="right" if name == "seeds" else "left")
    for cell in report["cells"]:
        figures = (cell["metrics"].get(name) for name in ("retention_deviation", "indiscernibility_test"))
        table.add_row(
            escape(cell["unlearner"]),
            f"{cell['dataset']} / {cell['model']}",
            f"{cell['seeds']} of {cell['required_seeds']}",
            *(_reported(figure) for figure in figures),
        )
    return table


def _reported(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "-"
    return f"{figure['mean']:.3f}" + ("" if figure["sd"] is None else f" ± {figure['sd']:.3f}")


def difference_tables(found: dict[str, Any]) -> Iterator[Table | str]:
    """A snapshot diff: notes in words, then per metric a table of what moved and why."""
    names = [side["title"] if side else "now" for side in (found["before"], found["after"])]
    yield from (escape(note) for note in found["notes"])
    for board in found["boards"]:
        title = escape(f"{TITLES[board['metric']]} - {names[0]} → {names[1]}")
        if board["moved"]:
            yield _moves_table(title, board)
        else:
            yield f"{title}: nothing moved; {_what_stayed(board)}."


def _moves_table(title: str, board: dict[str, Any]) -> Table:
    table = Table(title=title, caption=_what_stayed(board), title_justify="left")
    for name in ("unlearner", "rank", "G1 G2 G3 F", "why"):
        table.add_column(name, overflow="fold")
    for row in board["moved"]:
        why = "; ".join(cause["text"] for cause in row["causes"])
        noise = " (within its interval)" if row["is_within_interval"] else ""
        sides = (row["before"], row["after"])
        table.add_row(
            escape(row["label"]),
            " → ".join(_rank(side) for side in sides) + noise,
            " → ".join(_group_counts(side) for side in sides),
            escape(why),
        )
    return table


def _what_stayed(board: dict[str, Any]) -> str:
    same = ", ".join(
        f"{board[name]['same']} of {board[name]['shared']} {name}"
        for name in ("ranks", "counts", "groups")
        if board[name]["shared"]
    )
    rows = f"{board['unchanged']} rows unchanged, {len(board['updated'])} with other results"
    return f"{rows}; the same: {same or 'nothing that both have'}"


def _rank(side: dict[str, Any] | None) -> str:
    return "-" if side is None or side["rank"] is None else str(side["rank"])


def _group_counts(side: dict[str, Any] | None) -> str:
    return "-" if side is None else " ".join(str(side[name]) for name in ("g1", "g2", "g3", "failed"))
