"""A sweep's proposals and its winner: Optuna's NSGA-III by ask and tell (protocol §6). Torch-free.

A generation is proposed at once, from a seeded replay of all that came before. Optuna's serial stream is the
same: within a generation nothing depends on its own results. So trials run anywhere, in any order, and a
sweep that was killed goes on as if nothing had happened.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from core.catalog.work import Work
from core.errors import SweepExhausted
from core.spec.canonical import content_hash
from core.spec.job import HyperparameterValue
from core.spec.search import Choices, Interval
from core.spec.units import POPULATION, Sweep

OBJECTIVES = ("retain", "forget", "validation", "mia")
MAX_ATTEMPTS = 3  # of one trial whose method raises: 300 for a sweep of 100 (protocol §6, Notes)
WORST = (math.inf,) * len(OBJECTIVES)

Parameters: TypeAlias = dict[str, HyperparameterValue]
Objectives: TypeAlias = tuple[float, ...]

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Attempt:
    """One proposal and what became of it.

    Attributes:
        state: `pruned` before it ran; `failed` where the method raised; else `completed`.
        objectives: the four losses of protocol §6.4, all +∞ where the model was not finite; None unless
            completed.
        metrics: accuracies and U-MIA behind them.
        reason: why there are no objectives, or no finite ones.
        work: images through the model in those seconds; None unless completed, by a method that declares it.
    """

    parameters: Parameters
    state: Literal["completed", "pruned", "failed"]
    objectives: Objectives | None = None
    seconds: float | None = None
    metrics: Mapping[str, float | None] | None = None
    reason: str | None = None
    work: Work | None = None

    @property
    def score(self) -> float:
        """Euclidean norm of the objectives, +∞ where there are none (protocol §6.5)."""
        return math.hypot(*(self.objectives or WORST))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, in which an infinite objective is None."""
        finite = self.objectives if self.objectives and math.isfinite(self.score) else None
        return {
            "parameters": self.parameters,
            "state": self.state,
            "objectives": None if finite is None else dict(zip(OBJECTIVES, finite, strict=True)),
            "score": None if finite is None else self.score,
            "seconds": self.seconds,
            "metrics": self.metrics,
            "reason": self.reason,
            "work": None if self.work is None else asdict(self.work),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Attempt":
        """What `as_json` wrote."""
        objectives = None
        if document["state"] == "completed":
            named = document["objectives"]
            objectives = WORST if named is None else tuple(named[name] for name in OBJECTIVES)
        kept = {name: value for name, value in document.items() if name != "score"}
        work = document.get("work")  # earlier versions wrote none
        return cls(**{**kept, "objectives": objectives, "work": work and Work(**work)})


@dataclass(frozen=True)
class Proposal:
    """Hyperparameters to try, and those pruned on the way to them."""

    parameters: Parameters
    pruned: tuple[Parameters, ...] = ()


@dataclass(frozen=True)
class Winner:
    """The configuration of smallest score, and the trial that it comes from."""

    parameters: Parameters
    score: float
    sweep_seed: int
    index: int


Trial: TypeAlias = Sequence[Attempt]  # the attempts of one trial; only the last may be completed


def propose(sweep: Sweep, generation: int, history: Sequence[Trial]) -> tuple[Proposal, ...]:
    """The proposals of a generation, in the order of its trials: a pure function.

    Args:
        sweep: its space, seed and limit of the batch size.
        generation: from 0.
        history: the attempts of every trial of the earlier generations, by index.

    Raises:
        SweepExhausted: nearly everything that is drawn has to be pruned.
    """
    space = {name: _distribution(values) for name, values in sweep.space.items()}
    with warnings.catch_warnings():  # experimental for three years; constraints.txt pins what we tested
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.NSGAIIISampler(population_size=POPULATION, seed=sweep.model_seed)
    study = optuna.create_study(directions=["minimize"] * len(OBJECTIVES), sampler=sampler)
    for trial in history:
        asked, _ = _ask(study, space, sweep)
        _tell(study, asked, trial)
    asked_now = [_ask(study, space, sweep) for _ in sweep.trials(generation)]
    return tuple(Proposal(dict(asked.params), pruned) for asked, pruned in asked_now)


def redrawn(sweep: Sweep, index: int, attempt: int) -> Proposal:
    """Another proposal for a trial whose method raised: random, seeded by trial and attempt.

    Raises:
        SweepExhausted: nearly everything that is drawn has to be pruned.
    """
    space = {name: _distribution(values) for name, values in sweep.space.items()}
    seed = int(content_hash({"sweep": sweep.sha256, "index": index, "attempt": attempt})[:8], 16)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    asked, pruned = _ask(study, space, sweep)
    return Proposal(dict(asked.params), pruned)


def objectives(
    metrics: Mapping[str, float | None], target: Mapping[str, float | None], sweep: Sweep
) -> Objectives:
    """The four losses of a model (protocol §6.4): a third of each accuracy gap, and `Disc` on the validation
    set.

    Without the oracle the original stands in: its forget set should look like its validation set.
    """
    names = {"retain": "retain", "forget": "forget", "validation": "validation"}
    if sweep.target == "original":
        names["forget"] = "validation"
    gaps = [
        abs(_number(metrics, f"{own}_accuracy") - _number(target, f"{aim}_accuracy")) / 3
        for own, aim in names.items()
    ]
    return (*gaps, 1 - _number(metrics, "indiscernibility_validation"))


def choose(sweeps: Iterable[tuple[int, Sequence[Trial]]]) -> Winner | None:
    """The trial of smallest score over all sweeps, by sweep seed; None where no score is finite.

    Ties go to the lower seed, then to the earlier trial (protocol §6.5).
    """
    completed = [
        Winner(dict(trial[-1].parameters), trial[-1].score, seed, index)
        for seed, trials in sweeps
        for index, trial in enumerate(trials)
        if trial[-1].state == "completed" and math.isfinite(trial[-1].score)
    ]
    return min(completed, key=lambda winner: (winner.score, winner.sweep_seed, winner.index), default=None)


def choose_rescored(winners: Iterable[tuple[Winner, Sequence[float]]]) -> Winner | None:
    """Of the searches' winners, that of the smallest mean score on the models of the others, with that mean
    as its score; None where no mean is finite. Ties go to the earlier search (protocol §8, Notes).

    Args:
        winners: with their scores on the other searches' models, +∞ where there is none.
    """
    rescored = [replace(winner, score=math.fsum(scores) / len(scores)) for winner, scores in winners]
    usable = [winner for winner in rescored if math.isfinite(winner.score)]
    return min(usable, key=lambda winner: winner.score, default=None)


def _ask(
    study: optuna.Study, space: dict[str, BaseDistribution], sweep: Sweep
) -> tuple[optuna.Trial, tuple[Parameters, ...]]:
    """The next proposal with a batch size that is allowed, and the pruned ones before it."""
    pruned: list[Parameters] = []
    while len(pruned) < MAX_ATTEMPTS * POPULATION:
        trial = study.ask(space)
        if sweep.max_batch_size is None or trial.params.get("batch_size", 0) <= sweep.max_batch_size:
            return trial, tuple(pruned)
        study.tell(trial, state=TrialState.PRUNED)
        pruned.append(dict(trial.params))
    raise SweepExhausted(
        f"The sweep of {sweep.unlearner} drew {len(pruned)} batch sizes in a row above the limit of "
        f"{sweep.max_batch_size} for {sweep.setting.dataset}. Give it a batch size."
    )


def _tell(study: optuna.Study, asked: optuna.Trial, trial: Trial) -> None:
    """Tell the study what became of its proposal.

    One whose method raised counts as the worst that there is, or its generation would never be complete;
    what was tried in its place was not the study's idea.
    """
    first = next(attempt for attempt in trial if attempt.state != "pruned")
    assert asked.params == first.parameters, "the replay has left the path that the sweep took"
    # NSGA-III cannot scale infinite values; no finite loss exceeds 1, so all others still dominate these.
    study.tell(asked, [min(value, 1.0) for value in first.objectives or WORST])


def _distribution(values: Interval | Choices) -> BaseDistribution:
    if isinstance(values, Choices):
        return CategoricalDistribution(values.choices)
    if values.kind == "int":
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)


def _number(metrics: Mapping[str, float | None], name: str) -> float:
    value = metrics[name]
    assert value is not None, name  # both models are usable
    return value
