"""From a resolved job to its units and their dependencies: a pure function."""

from dataclasses import dataclass

from core.catalog.protocols import Tuning
from core.spec.resolve import Cell, ResolvedJob
from core.spec.units import EvaluateUnit, TrainUnit, Unit, UnitId, UnlearnUnit, unit_id

# Raised by hand when a change to training or evaluation moves numbers; part of every unit's identity.
TRAINING_REVISION = 1
EVALUATION_REVISION = 1


@dataclass(frozen=True)
class PlannedUnit:
    """A unit with its id; `tuning` says how an unlearner's hyperparameters were chosen."""

    id: UnitId
    unit: Unit
    tuning: Tuning | None = None


def plan(job: ResolvedJob) -> tuple[PlannedUnit, ...]:
    """The job's units, dependencies before dependents, each once.

    Seeds are the outer loop, so that the board has a first row in every setting as early as possible.
    """
    units: dict[UnitId, PlannedUnit] = {}
    for model_seed in job.model_seeds:
        for cell in job.cells:
            for planned in _cell_units(cell, model_seed):
                units.setdefault(planned.id, planned)
    return tuple(units.values())


def _cell_units(cell: Cell, model_seed: int) -> list[PlannedUnit]:
    setting = cell.setting
    retrained, original = (
        _planned(TrainUnit(role=role, setting=setting, model_seed=model_seed, revision=TRAINING_REVISION))
        for role in ("retrained", "original")
    )
    reference = _planned(
        EvaluateUnit(
            role="retrained",
            setting=setting,
            model_seed=model_seed,
            model=retrained.id,
            retrained=retrained.id,
            reference=None,
            revision=EVALUATION_REVISION,
        )
    )
    original_evaluation = _planned(
        EvaluateUnit(
            role="original",
            setting=setting,
            model_seed=model_seed,
            model=original.id,
            retrained=retrained.id,
            reference=reference.id,
            revision=EVALUATION_REVISION,
        )
    )
    unlearning = [
        _planned(
            UnlearnUnit(
                unlearner=entry.unlearner,
                unlearner_revision=entry.unlearner_revision,
                hyperparameters=entry.hyperparameters,
                setting=setting,
                model_seed=model_seed,
                original=original.id,
                retrained=retrained.id,
                reference=reference.id,
                revision=TRAINING_REVISION,
            ),
            entry.tuning,
        )
        for entry in cell.entries
    ]
    return [retrained, original, reference, original_evaluation, *unlearning]


def _planned(unit: Unit, tuning: Tuning | None = None) -> PlannedUnit:
    return PlannedUnit(unit_id(unit), unit, tuning)
