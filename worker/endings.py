"""How a unit ended, in words."""

from core.foreign_text import last_words
from core.outcome import Outcome
from core.spec.units import RescoreUnit, TrainUnit, TrialUnit, UnitKind, UnlearnUnit
from core.store.units import Lease

LACKING: dict[UnitKind, str] = {  # what a unit lacks that ended without anything usable, if no model
    "trial": "No finite score",
    "rescore": "No finite score",
    "selection": "No winner",
    "attack": "No figures",
}


def ending(lease: Lease, outcome: Outcome) -> str:
    """What is told of a unit that ran to its end: what it lacks, and why, where nothing usable came of it."""
    ran = outcome.runtime_seconds and isinstance(
        lease.unit, TrainUnit | UnlearnUnit | TrialUnit | RescoreUnit
    )
    timed = f", in {outcome.runtime_seconds:.1f} s" if ran else ""
    what = f"{lease.title} (seed {lease.unit.model_seed}){timed}"
    if outcome.reason is None:
        return f"Done: {what}."
    why = last_words(outcome.reason).rstrip(".")
    return f"{LACKING.get(lease.unit.kind, 'No usable model')}: {what}: {why}."
