"""Why the results behind a cell are others than before. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias


class Why(StrEnum):
    """What can move a cell, a row, or a whole board."""

    PROTOCOL = "protocol_changed"
    RULES = "rules_changed"
    NEW_SETTING = "new_setting"
    SETTING_GONE = "setting_gone"
    NEW_UNLEARNER = "new_unlearner"
    UNLEARNER_GONE = "unlearner_gone"
    NEW_RUNS = "new_runs"
    MORE_SEEDS = "more_seeds"
    FEWER_SEEDS = "fewer_seeds"
    SETTING_REVISED = "setting_revised"
    UNLEARNER_REVISED = "unlearner_revised"
    CODE_REVISED = "code_revised"
    RETUNED = "retuned"
    RUN_AGAIN = "run_again"
    CUTS_MOVED = "cuts_moved"
    OTHERS_MOVED = "others_moved"


@dataclass(frozen=True)
class Cause:
    """One cause, for machines and in words."""

    code: Why
    text: str


Entry: TypeAlias = Mapping[str, Any]  # a result, as a snapshot's content lists it
Entries: TypeAlias = Mapping[int, Entry]  # those of one method in one setting, by model seed


def causes(before: Entries, after: Entries, definitions: Mapping[str, Mapping[str, Any]]) -> list[Cause]:
    """What became of a method's results in a setting; empty where they are the same.

    Args:
        before: its results in the older snapshot.
        after: its results in the newer one.
        definitions: every setting of both, by id.
    """
    if not before and after:
        return [Cause(Why.NEW_RUNS, f"first results, model seeds {_spelt(after)}")]
    found = []
    if gained := after.keys() - before.keys():
        text = f"{len(before)} → {len(after)} model seeds: {_spelt(gained)} came to it"
        found.append(Cause(Why.MORE_SEEDS, text))
    if lost := before.keys() - after.keys():
        found.append(Cause(Why.FEWER_SEEDS, f"model seeds {_spelt(lost)} no longer count"))
    replaced: dict[Cause, list[int]] = {}
    for seed in before.keys() & after.keys():
        if before[seed]["sha256"] != after[seed]["sha256"]:
            replaced.setdefault(_replaced(before[seed], after[seed], definitions), []).append(seed)
    return found + [
        Cause(cause.code, f"{cause.text}; superseded model seeds {_spelt(seeds)}")
        for cause, seeds in replaced.items()
    ]


def _replaced(before: Entry, after: Entry, definitions: Mapping[str, Mapping[str, Any]]) -> Cause:
    """Why one result stands in the place of another: the first of these that differs."""
    if before["setting"] != after["setting"]:
        old, new = definitions[before["setting"]], definitions[after["setting"]]
        changes = [f"{name} {old.get(name)} → {new[name]}" for name in new if old.get(name) != new[name]]
        return Cause(Why.SETTING_REVISED, ", ".join(changes))
    revisions = [(Why.UNLEARNER_REVISED, "unlearner_revision"), (Why.CODE_REVISED, "code_revision")]
    for why, name in revisions:
        if before[name] != after[name]:
            return Cause(why, f"{name.replace('_', ' ')} {before[name]} → {after[name]}")
    if before["hyperparameters_sha256"] != after["hyperparameters_sha256"]:
        return Cause(Why.RETUNED, "other hyperparameters")
    if before["git_revision"] != after["git_revision"]:
        return Cause(Why.RUN_AGAIN, f"run again at code {_short(after)}, before at {_short(before)}")
    return Cause(Why.RUN_AGAIN, "run again")


def _short(entry: Entry) -> str:
    return str(entry["git_revision"] or "unknown")[:12]


def _spelt(seeds: Iterable[int]) -> str:
    return ", ".join(str(seed) for seed in sorted(seeds))
