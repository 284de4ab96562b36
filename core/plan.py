"""From a resolved job to its units and their dependencies: a pure function."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.catalog.protocols import Tuning
from core.spec.job import SweepRequest
from core.spec.resolve import Cell, Entry, ResolvedJob
from core.spec.units import (
    EvaluateUnit,
    GenerationUnit,
    Role,
    SelectionUnit,
    Setting,
    SettingId,
    Sweep,
    TrainUnit,
    Unit,
    UnitId,
    UnlearnUnit,
    unit_id,
)

# Raised by hand when a change to training or evaluation moves numbers; part of every unit's identity.
TRAINING_REVISION = 1
EVALUATION_REVISION = 1
SWEEP_REVISION = 1


@dataclass(frozen=True)
class PlannedUnit:
    """A unit with its id; `tuning` says how an unlearner's hyperparameters were chosen."""

    id: UnitId
    unit: Unit
    tuning: Tuning | None = None


@dataclass(frozen=True)
class References:
    """The reference models of one setting and seed, and their evaluations."""

    original: PlannedUnit
    retrained: PlannedUnit
    original_evaluation: PlannedUnit
    retrained_evaluation: PlannedUnit

    @property
    def units(self) -> tuple[PlannedUnit, ...]:
        """All four, dependencies first."""
        return (self.retrained, self.original, self.retrained_evaluation, self.original_evaluation)


def plan(job: ResolvedJob) -> tuple[PlannedUnit, ...]:
    """The job's units, dependencies before dependents, each once.

    First the sweeps, setting by setting; then, with the model seed as the outer loop, what is evaluated: so
    the board has a first row in every setting as early as possible. A later step of a sequence starts from
    what the step before has left, with the hyperparameters of the first.
    """
    units: dict[UnitId, PlannedUnit] = {}

    def add(planned: Iterable[PlannedUnit]) -> None:
        for unit in planned:
            units.setdefault(unit.id, unit)

    references = {
        (cell.setting.id, seed): _references(cell.setting, seed)
        for cell in job.cells
        for seed in dict.fromkeys((*(job.sweep.seeds if job.sweep else ()), *job.model_seeds))
    }
    selections: dict[tuple[SettingId, int], PlannedUnit] = {}
    for cell in job.cells:
        if job.sweep is None or cell.setting.first_step != cell.setting:
            continue
        here = [references[cell.setting.id, seed] for seed in job.sweep.seeds]
        for index, entry in enumerate(cell.entries):
            if entry.space:
                sweeps = [_sweep(cell, entry, job.sweep, models) for models in here]
                selection = _planned(SelectionUnit(sweeps=tuple(sweeps)))
                selections[cell.setting.id, index] = selection
                add(planned for models in here for planned in models.units)
                add(planned for sweep in sweeps for planned in _sweep_units(sweep))
                add([selection])
    unlearned: dict[tuple[SettingId, int, int], UnitId] = {}  # the last step so far, by entry and seed
    for model_seed in job.model_seeds:
        for cell in job.cells:
            models = references[cell.setting.id, model_seed]
            add(models.units)
            first = cell.setting.first_step.id
            for index, entry in enumerate(cell.entries):
                start = unlearned.get((first, index, model_seed), models.original.id)
                chosen = selections.get((first, index))
                unit = _unlearning(job, cell.setting, entry, model_seed, models, start, chosen)
                unlearned[first, index, model_seed] = unit.id
                add([unit])
    return tuple(units.values())


def _references(setting: Setting, model_seed: int) -> References:
    roles: dict[Role, Setting] = {"retrained": setting, "original": setting.first_step}
    retrained, original = (
        _planned(TrainUnit(role=role, setting=where, model_seed=model_seed, revision=TRAINING_REVISION))
        for role, where in roles.items()
    )
    retrained_evaluation = _planned(
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
            reference=retrained_evaluation.id,
            revision=EVALUATION_REVISION,
        )
    )
    return References(original, retrained, original_evaluation, retrained_evaluation)


def _sweep(cell: Cell, entry: Entry, request: SweepRequest, models: References) -> Sweep:
    aims = {"retrained": models.retrained_evaluation, "original": models.original_evaluation}
    original = models.original.unit
    return Sweep(
        setting=cell.setting,
        unlearner=entry.unlearner,
        unlearner_revision=entry.unlearner_revision,
        given=entry.hyperparameters,
        space=entry.space,
        model_seed=original.model_seed,
        num_trials=request.trials,
        max_batch_size=cell.max_batch_size,
        target=request.target,
        original=models.original.id,
        reference=aims[request.target].id,
        revision=SWEEP_REVISION,
    )


def _sweep_units(sweep: Sweep) -> list[PlannedUnit]:
    """The units of a sweep, generation by generation."""
    units: list[PlannedUnit] = []
    for generation in range(sweep.num_generations):
        if generation:
            units.append(_planned(GenerationUnit(sweep=sweep, generation=generation)))
        units += [_planned(trial) for trial in sweep.trials(generation)]
    return units


def _unlearning(
    job: ResolvedJob,
    setting: Setting,
    entry: Entry,
    model_seed: int,
    models: References,
    start: UnitId,
    selection: PlannedUnit | None,
) -> PlannedUnit:
    unit = UnlearnUnit(
        unlearner=entry.unlearner,
        unlearner_revision=entry.unlearner_revision,
        hyperparameters=entry.hyperparameters,
        setting=setting,
        model_seed=model_seed,
        selection=selection.id if selection else None,
        original=start,
        retrained=models.retrained.id,
        reference=models.retrained_evaluation.id,
        timed_runs=job.timed_runs,
        revision=TRAINING_REVISION,
    )
    return _planned(unit, entry.tuning)


def _planned(unit: Unit, tuning: Tuning | None = None) -> PlannedUnit:
    return PlannedUnit(unit_id(unit), unit, tuning)
