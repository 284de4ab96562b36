"""From a resolved job to its units and their dependencies: a pure function."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.catalog.protocols import Tuning
from core.spec.forget import LiraForget
from core.spec.job import SweepRequest, TuningTarget
from core.spec.resolve import Cell, Entry, ResolvedJob, Search, Study
from core.spec.setting import Setting, SettingId
from core.spec.units import (
    ROLES,
    TRAINING_REVISION,
    AttackUnit,
    EvaluateUnit,
    GenerationUnit,
    Role,
    ScoreUnit,
    SelectionUnit,
    Sweep,
    TrainUnit,
    Unit,
    UnitId,
    Unlearning,
    UnlearnUnit,
    scorer,
    unit_id,
)

# Raised by hand when a change moves numbers; part of every unit's identity.
EVALUATION_REVISION = 1
SWEEP_REVISION = 1
ATTACK_REVISION = 2
STUDY_SEED = 0  # of every model of a study (protocol §8.1)


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
    scoring: tuple[PlannedUnit, ...] = ()

    @property
    def units(self) -> tuple[PlannedUnit, ...]:
        """All of them, dependencies first; `scoring` is what the forget set itself rests on."""
        models = (self.retrained, self.original, self.retrained_evaluation, self.original_evaluation)
        return (*self.scoring, *models)

    def behind_sweep(self, target: TuningTarget) -> tuple[PlannedUnit, ...]:
        """What a sweep waits for, dependencies first: without the oracle, for the original alone."""
        return self.units if target == "retrained" else (*self.scoring, self.original)


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
                add(planned for models in here for planned in models.behind_sweep(job.sweep.target))
                add(planned for sweep in sweeps for planned in _sweep_units(sweep))
                add([selection])
    unlearned: dict[tuple[SettingId, int, int], UnitId] = {}  # by setting, entry and seed
    for model_seed in job.model_seeds:
        for cell in job.cells:
            models = references[cell.setting.id, model_seed]
            add(models.units)
            first = cell.setting.first_step.id
            for index, entry in enumerate(cell.entries):
                before = cell.setting.step_before
                start = models.original.id if before is None else unlearned[before.id, index, model_seed]
                chosen = selections.get((first, index))
                unit = _unlearning(job, cell.setting, entry, model_seed, models, start, chosen)
                unlearned[cell.setting.id, index, model_seed] = unit.id
                add([unit])
    for cell in job.cells:
        for study in cell.studies:
            add(_study(cell, study))
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
    first = scorer(setting)
    scoring = () if first is None else (_planned(first),)
    return References(original, retrained, original_evaluation, retrained_evaluation, scoring)


def _sweep(cell: Cell, entry: Entry, request: SweepRequest, models: References) -> Sweep:
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
        reference=models.retrained_evaluation.id if request.target == "retrained" else None,
        revision=SWEEP_REVISION,
    )


@dataclass(frozen=True)
class Draw:
    """The reference models of one split and forget set of a study, and the units that score them."""

    setting: Setting
    original: PlannedUnit
    retrained: PlannedUnit
    original_scores: PlannedUnit
    retrained_scores: PlannedUnit

    @property
    def units(self) -> tuple[PlannedUnit, ...]:
        """All four, dependencies first."""
        return (self.retrained, self.original, self.retrained_scores, self.original_scores)

    def scores(self, role: Role) -> PlannedUnit:
        """The unit that scores one of the references."""
        return self.original_scores if role == "original" else self.retrained_scores


def _study(cell: Cell, study: Study) -> Iterator[PlannedUnit]:
    """An attack on single samples: references first, which calibrate it, then method by method."""
    draws = [
        _draw(study, split, forget_set)
        for split in range(study.splits)
        for forget_set in range(study.forget_sets)
    ]
    for draw in draws:
        yield from draw.units
    for role in ROLES:
        yield _attack(cell, study, role, None, [draw.scores(role) for draw in draws], draws)
    for entry in study.entries:
        selection = None
        if study.search is not None and entry.space:
            sweeps = tuple(
                _study_sweep(cell, study.search, entry, draws[split * study.forget_sets])
                for split in range(study.search.splits)
            )
            for sweep in sweeps:
                yield from _sweep_units(sweep)
            choice = SelectionUnit(sweeps=sweeps, rule=study.search.selection)
            if choice.rule == "rescored":
                for of_winner in choice.rescores:
                    yield _planned(of_winner[0].winner)
                    yield from (_planned(unit) for unit in of_winner)
            selection = _planned(choice)
            yield selection
        unlearning = Unlearning(
            unlearner=entry.unlearner,
            unlearner_revision=entry.unlearner_revision,
            hyperparameters=entry.hyperparameters,
            selection=selection.id if selection else None,
        )
        scored = [_scores(draw.setting, "original", draw.original, unlearning) for draw in draws]
        yield from scored
        yield _attack(cell, study, entry.unlearner, entry, scored, draws)


def _draw(study: Study, split: int, forget_set: int) -> Draw:
    setting, first = (
        study.setting.model_copy(update={"forget": LiraForget(split=split, forget_set=number)})
        for number in (forget_set, 0)
    )
    retrained = _study_model("retrained", setting)
    original = _study_model("original", first if study.originals == "per_split" else setting)
    return Draw(
        setting=setting,
        original=original,
        retrained=retrained,
        original_scores=_scores(setting, "original", original, None),
        retrained_scores=_scores(setting, "retrained", retrained, None),
    )


def _study_model(role: Role, setting: Setting) -> PlannedUnit:
    return _planned(TrainUnit(role=role, setting=setting, model_seed=STUDY_SEED, revision=TRAINING_REVISION))


def _scores(setting: Setting, role: Role, model: PlannedUnit, unlearning: Unlearning | None) -> PlannedUnit:
    return _planned(
        ScoreUnit(
            setting=setting,
            model_seed=STUDY_SEED,
            role=role,
            model=model.id,
            unlearning=unlearning,
            revision=EVALUATION_REVISION,
        )
    )


def _study_sweep(cell: Cell, search: Search, entry: Entry, draw: Draw) -> Sweep:
    return Sweep(
        setting=draw.setting,
        unlearner=entry.unlearner,
        unlearner_revision=entry.unlearner_revision,
        given=entry.hyperparameters,
        space=entry.space,
        model_seed=STUDY_SEED,
        num_trials=search.trials,
        max_batch_size=cell.max_batch_size,
        target=search.target,
        original=draw.original.id,
        reference=draw.retrained_scores.id if search.target == "retrained" else None,
        revision=SWEEP_REVISION,
    )


def _attack(
    cell: Cell,
    study: Study,
    subject: str,
    entry: Entry | None,
    scored: Iterable[PlannedUnit],
    draws: Iterable[Draw],
) -> PlannedUnit:
    unit = AttackUnit(
        attack=study.attack,
        attack_revision=study.attack_revision,
        setting=cell.setting,
        model_seed=STUDY_SEED,
        subject=subject,
        hyperparameters=entry.hyperparameters if entry else {},
        out=study.out,
        splits=study.splits,
        forget_sets=study.forget_sets,
        scores=tuple(planned.id for planned in scored),
        retrained=tuple(draw.retrained_scores.id for draw in draws) if study.out == "retrain" else (),
        revision=ATTACK_REVISION,
    )
    return _planned(unit, entry.tuning if entry else None)


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
