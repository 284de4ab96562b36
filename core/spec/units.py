"""Units: the smallest retriable pieces of work.

A unit carries everything that determines its output, and nothing else: its id is the hash of its content, so
two jobs that need the same work share it, and an executor needs no database to run it.
"""

from functools import cached_property
from typing import Annotated, Any, Literal, NewType, Self, TypeAlias

from pydantic import Field, TypeAdapter

from core.spec.canonical import content_hash
from core.spec.forget import LiraForget, RandomForget, chooses_by_loss
from core.spec.job import HyperparameterValue, OutModels, SelectionRule, TuningTarget
from core.spec.search import Range
from core.spec.setting import Resolved, Setting

UnitId = NewType("UnitId", str)
Role: TypeAlias = Literal["original", "retrained"]
ROLES: tuple[Role, ...] = ("original", "retrained")
UnitKind: TypeAlias = Literal[
    "train", "evaluate", "unlearn", "trial", "generation", "rescore", "selection", "score", "attack"
]

# Raised by hand when a change to training moves numbers by more than rounding; part of every unit's identity.
TRAINING_REVISION = 2
POPULATION = 50  # trials of a generation: the NSGA-III default (protocol §6.2)


def _of_draw(setting: Setting) -> str:
    """Which model of a study, in words; nothing elsewhere."""
    if not isinstance(setting.forget, LiraForget):
        return ""
    return f" of split {setting.forget.split}, forget set {setting.forget.forget_set}"


class PlainUnit(Resolved):
    """Base of the units whose id is the hash of all that they carry."""

    @property
    def method(self) -> str | None:
        """The unlearner that the unit runs or tunes, if it is about one."""
        return None

    @property
    def identity(self) -> dict[str, Any]:
        """What is hashed."""
        return self.model_dump(mode="json")


class TrainUnit(PlainUnit):
    """Train one reference model of a setting (protocol §4)."""

    kind: Literal["train"] = "train"
    role: Role
    setting: Setting
    model_seed: int
    revision: int

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """Nothing: references are trained from scratch. Only the hardest samples have to be found first."""
        scoring = scorer(self.setting)
        return () if scoring is None else (unit_id(scoring),)

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"train the {self.role} model{_of_draw(self.setting)}"


def scorer(setting: Setting) -> TrainUnit | None:
    """The unit that trains the original which finds the hardest samples; None where no rule asks for them."""
    if not chooses_by_loss(setting.forget):
        return None
    base = setting.model_copy(update={"forget": RandomForget()})
    return TrainUnit(role="original", setting=base, model_seed=0, revision=TRAINING_REVISION)


class EvaluateUnit(PlainUnit):
    """Evaluate a reference model against the retrained one of the same seed (protocol §5).

    `model` is the unit that trained it; `retrained` the unit that trained the retrained model; `reference`
    the evaluation of the retrained model, None where this is that evaluation.
    """

    kind: Literal["evaluate"] = "evaluate"
    role: Role
    setting: Setting
    model_seed: int
    model: UnitId
    retrained: UnitId
    reference: UnitId | None
    revision: int

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The trained models, and the reference's evaluation."""
        return tuple(dict.fromkeys(unit for unit in (self.model, self.retrained, self.reference) if unit))

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"evaluate the {self.role} model"


class UnlearnUnit(PlainUnit):
    """Unlearn the forget set from one original and evaluate what comes out.

    `selection` is the unit that chooses the hyperparameters by a sweep; `hyperparameters` then has only what
    was given. The timing is the median of `timed_runs` runs.
    """

    kind: Literal["unlearn"] = "unlearn"
    unlearner: str
    unlearner_revision: int
    hyperparameters: dict[str, HyperparameterValue]
    setting: Setting
    model_seed: int
    selection: UnitId | None = None
    original: UnitId
    retrained: UnitId
    reference: UnitId
    timed_runs: int
    revision: int

    @property
    def method(self) -> str:
        """The unlearner."""
        return self.unlearner

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The original to start from, the retrained model and its evaluation to compare with, the sweep."""
        chosen = () if self.selection is None else (self.selection,)
        return (self.original, self.retrained, self.reference, *chosen)

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"unlearn with {self.unlearner}"


class Sweep(Resolved):
    """One search for hyperparameters on the models of one seed (protocol §6.1).

    Attributes:
        given: hyperparameters that are not searched.
        space: what is drawn, by hyperparameter.
        model_seed: whose original is unlearned; also seeds the sampler.
        max_batch_size: proposals with a larger batch size are pruned (protocol §6.6); None is no limit.
        target: whose accuracies are aimed at, the retrained model's or, without that oracle, the original's.
        original: the unit that trained the original.
        reference: the evaluation of the retrained model; None where the original is aimed at, whose
            accuracies every runner can tell by itself, so that nothing waits for a retrained model.
    """

    setting: Setting
    unlearner: str
    unlearner_revision: int
    given: dict[str, HyperparameterValue]
    space: dict[str, Range]
    model_seed: int
    num_trials: int
    max_batch_size: int | None
    target: TuningTarget
    original: UnitId
    reference: UnitId | None
    revision: int

    @property
    def models(self) -> tuple[UnitId, ...]:
        """What every trial rests on: the original, and the evaluation that is aimed at, where it is one."""
        return (self.original,) if self.reference is None else (self.original, self.reference)

    @cached_property
    def sha256(self) -> str:
        """The sweep's content hash."""
        return content_hash(self.model_dump(mode="json"))

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__dict__.pop("sha256", None)  # `model_copy` is about to change what it was the hash of
        return copied

    def trials(self, generation: int) -> tuple["TrialUnit", ...]:
        """The trials of a generation, from 0."""
        first = generation * POPULATION
        last = min(first + POPULATION, self.num_trials)
        return tuple(TrialUnit(sweep=self, index=index) for index in range(first, last))

    @property
    def num_generations(self) -> int:
        """Generations, the last of which may be short."""
        return -(-self.num_trials // POPULATION)


class SweepPart(Resolved):
    """Base of a sweep's units. Their ids come from its hash, so that it is hashed once, not per trial."""

    sweep: Sweep

    @property
    def method(self) -> str:
        """The unlearner that is tuned."""
        return self.sweep.unlearner

    @property
    def setting(self) -> Setting:
        """The sweep's setting."""
        return self.sweep.setting

    @property
    def model_seed(self) -> int:
        """The sweep's model seed."""
        return self.sweep.model_seed


class TrialUnit(SweepPart):
    """The `index`-th completed trial: unlearn with proposed hyperparameters and score what comes out."""

    kind: Literal["trial"] = "trial"
    index: int

    @property
    def identity(self) -> dict[str, Any]:
        """What is hashed."""
        return {"kind": self.kind, "sweep": self.sweep.sha256, "index": self.index}

    @property
    def generation(self) -> int:
        """The generation that the trial belongs to, from 0."""
        return self.index // POPULATION

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The sweep's models, and its generation's proposals; generation 0 is random."""
        if self.generation == 0:
            return self.sweep.models
        return (*self.sweep.models, unit_id(GenerationUnit(sweep=self.sweep, generation=self.generation)))

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"try {self.sweep.unlearner}, trial {self.index + 1} of {self.sweep.num_trials}"


class GenerationUnit(SweepPart):
    """Propose the trials of a generation from those of all earlier ones."""

    kind: Literal["generation"] = "generation"
    generation: int

    @property
    def identity(self) -> dict[str, Any]:
        """What is hashed."""
        return {"kind": self.kind, "sweep": self.sweep.sha256, "generation": self.generation}

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The trials of the generation before, which rest on those before them."""
        return tuple(unit_id(trial) for trial in self.sweep.trials(self.generation - 1))

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"propose generation {self.generation} of the {self.sweep.unlearner} sweep"


class RescoreUnit(SweepPart):
    """Try the winner of the search `searched` on the models of another one (protocol §8, Notes)."""

    kind: Literal["rescore"] = "rescore"
    searched: Sweep

    @property
    def identity(self) -> dict[str, Any]:
        """What is hashed."""
        return {"kind": self.kind, "sweep": self.sweep.sha256, "searched": self.searched.sha256}

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The models of the sweep that it is tried on, and what chooses the winner."""
        return (*self.sweep.models, unit_id(self.winner))

    @property
    def winner(self) -> "SelectionUnit":
        """The unit that chooses it."""
        return SelectionUnit(sweeps=(self.searched,))

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"try {self.method} as chosen{_of_draw(self.searched.setting)} on{_of_draw(self.setting)[3:]}"


class SelectionUnit(Resolved):
    """Choose one configuration from the sweeps of all sweep seeds (protocol §6.5).

    The rule `rescored` takes, of each sweep's winner, that of smallest mean score on the others' models.
    """

    kind: Literal["selection"] = "selection"
    sweeps: tuple[Sweep, ...]
    rule: SelectionRule = "best_trial"

    @property
    def identity(self) -> dict[str, Any]:
        """What is hashed."""
        identity = {"kind": self.kind, "sweeps": [sweep.sha256 for sweep in self.sweeps]}
        return identity if self.rule == "best_trial" else {**identity, "rule": self.rule}

    @property
    def rescores(self) -> tuple[tuple[RescoreUnit, ...], ...]:
        """By sweep, the units that score its winner again on the models of each other sweep."""
        return tuple(
            tuple(RescoreUnit(sweep=other, searched=sweep) for other in self.sweeps if other is not sweep)
            for sweep in self.sweeps
        )

    @property
    def method(self) -> str:
        """The unlearner that is tuned."""
        return self.sweeps[0].unlearner

    @property
    def setting(self) -> Setting:
        """The sweeps' setting."""
        return self.sweeps[0].setting

    @property
    def model_seed(self) -> int:
        """The first sweep's model seed."""
        return self.sweeps[0].model_seed

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The last generation of each sweep, which rests on those before it, or what rests on that."""
        if self.rule == "rescored":
            return tuple(unit_id(unit) for of_winner in self.rescores for unit in of_winner)
        return tuple(
            unit_id(trial) for sweep in self.sweeps for trial in sweep.trials(sweep.num_generations - 1)
        )

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"choose hyperparameters for {self.method}" + _of_draw(self.setting) * (len(self.sweeps) == 1)


class Unlearning(Resolved):
    """With what a method runs; `selection` is as in `UnlearnUnit`."""

    unlearner: str
    unlearner_revision: int
    hyperparameters: dict[str, HyperparameterValue]
    selection: UnitId | None = None


class ScoreUnit(PlainUnit):
    """The logit-scaled scores of one model of a study on its whole pool (protocol §8.2).

    Attributes:
        role: of the trained model.
        model: the unit that trained it.
        unlearning: what is done to it before it is scored; None scores the trained model itself.
    """

    kind: Literal["score"] = "score"
    setting: Setting
    model_seed: int
    role: Role
    model: UnitId
    unlearning: Unlearning | None
    revision: int

    @property
    def draw(self) -> LiraForget:
        """Which model of the grid it is."""
        assert isinstance(self.setting.forget, LiraForget)
        return self.setting.forget

    @property
    def method(self) -> str | None:
        """The unlearner, if one runs."""
        return None if self.unlearning is None else self.unlearning.unlearner

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The trained model, and what chooses the hyperparameters."""
        chosen = None if self.unlearning is None else self.unlearning.selection
        return (self.model,) if chosen is None else (self.model, chosen)

    @property
    def title(self) -> str:
        """The unit in words."""
        what = f"the {self.role} model" if self.unlearning is None else f"unlearning with {self.method}"
        return f"score {what}{_of_draw(self.setting)}"


class AttackUnit(PlainUnit):
    """Attack single samples with the scores of all of a method's models (protocol §8).

    Attributes:
        setting: the board's setting that the result stands beside.
        subject: the unlearner that is attacked, or the reference that calibrates the attack.
        hyperparameters: what the unlearner was given; a sweep may have chosen others.
        splits, forget_sets: the grid of models, splits first.
        scores: the units that scored the subject's models.
        retrained: those that scored the retrained models, where the never-seen distribution is theirs.
    """

    kind: Literal["attack"] = "attack"
    attack: str
    attack_revision: int
    setting: Setting
    model_seed: int
    subject: str
    hyperparameters: dict[str, HyperparameterValue]
    out: OutModels
    splits: int
    forget_sets: int
    scores: tuple[UnitId, ...]
    retrained: tuple[UnitId, ...]
    revision: int

    @property
    def is_calibration(self) -> bool:
        """Whether a reference is attacked, whose outcome says what the attack can see (protocol §8.4)."""
        return self.subject in ROLES

    @property
    def method(self) -> str | None:
        """The unlearner, if one is attacked."""
        return None if self.is_calibration else self.subject

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """All models' scores."""
        return tuple(dict.fromkeys((*self.scores, *self.retrained)))

    @property
    def title(self) -> str:
        """The unit in words."""
        what = f"the {self.subject} models" if self.is_calibration else self.subject
        return f"attack {what} by {self.attack}"


ModelUnit: TypeAlias = TrainUnit | EvaluateUnit | UnlearnUnit
SearchUnit: TypeAlias = TrialUnit | GenerationUnit | RescoreUnit | SelectionUnit
StudyUnit: TypeAlias = ScoreUnit | AttackUnit
Unit: TypeAlias = Annotated[ModelUnit | SearchUnit | StudyUnit, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Unit] = TypeAdapter(Unit)


def unit_id(unit: Unit) -> UnitId:
    """SHA-256 of the unit's content, in hex."""
    return UnitId(content_hash(unit.identity))


def unit_from_json(document: dict[str, Any]) -> Unit:
    """The unit that `model_dump(mode="json")` wrote."""
    return _ADAPTER.validate_python(document)
