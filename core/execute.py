"""The harness: run one unit. It owns everything that is not the method - copy, seed, withhold, time, check,
store.
"""

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.artifacts import ArtifactStore
from core.catalog.protocols import Precision
from core.catalog.registry import implementation, installed
from core.catalog.unlearners import UnlearnerInfo
from core.datasets.load import DataCache, Sets
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.errors import LetheError, UnlearnerMissing
from core.evaluation import distances, evaluate, own_metrics, retention
from core.optimisers import cosine, sgd
from core.outcome import Metrics, Outcome, Progress
from core.provenance import device_name, provenance
from core.spec.job import HyperparameterValue
from core.spec.units import (
    POPULATION,
    EvaluateUnit,
    GenerationUnit,
    SelectionUnit,
    Setting,
    Sweep,
    TrainUnit,
    TrialUnit,
    Unit,
    UnitId,
    UnlearnUnit,
    unit_id,
)
from core.sweep import (
    MAX_ATTEMPTS,
    WORST,
    Attempt,
    Parameters,
    Proposal,
    choose,
    objectives,
    propose,
    redrawn,
)
from core.training import fit
from core.unlearners.task import Task

PROGRESS_SECONDS = 0.5
COMPARISONS = ("retain_retention", "forget_retention", "test_retention", "retention_deviation")
DISTANCES = ("l2_distance", "relative_distance", "direction_distance")
OWN = tuple(
    [f"{name}_accuracy" for name in ("retain", "forget", "validation", "test")]
    + [f"{kind}_{name}" for kind in ("mia", "indiscernibility") for name in ("validation", "test")]
)
ON_VALIDATION = tuple(name for name in OWN if "validation" in name)
DIVERGED = "the model diverged: its weights or logits are not finite"
SEARCHED_SETS = ("retain", "forget", "validation")  # a search never touches the test set (protocol §6.4)

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class MethodRun:
    """One run of a method: with which hyperparameters, on which original."""

    setting: Setting
    unlearner: str
    hyperparameters: dict[str, HyperparameterValue]
    model_seed: int
    original: UnitId


class Workbench:
    """One device with the resident data on it; runs units one after another."""

    def __init__(
        self, artifacts: ArtifactStore, *, data_dir: Path, cache_dir: Path, device: str = "auto"
    ) -> None:
        self.device = _device(device)
        self._artifacts = artifacts
        self._data = DataCache(data_dir, self.device, cache_dir=cache_dir)
        self._original: tuple[UnitId, nn.Module] | None = None
        torch.backends.cudnn.deterministic = True

    @property
    def device_name(self) -> str:
        """The device in words."""
        return device_name(self.device)

    def execute(self, unit: Unit, report: Report) -> Outcome:
        """Run a unit and store its artifact; the same unit gives the same result on the same device.

        A model that diverges is an outcome, not an error.

        Raises:
            DatasetMissing, DatasetInvalid: the dataset's files.
            ArtifactMissing, ArtifactCorrupt: of a unit that this one depends on.
            UnlearnerMissing: the package that has the unlearner is not installed here.
        """
        match unit:
            case TrainUnit():
                return self._train(unit, report)
            case EvaluateUnit():
                return self._evaluate(unit)
            case UnlearnUnit():
                return self._unlearn(unit, report)
            case TrialUnit():
                return self._try(unit, report)
            case GenerationUnit():
                return self._propose(unit)
            case SelectionUnit():
                return self._select(unit)

    def _train(self, unit: TrainUnit, report: Report) -> Outcome:
        """Train a reference model from the initial weights of its seed (protocol §3.5, §4)."""
        setting, recipe = unit.setting, unit.setting.recipe
        sets = self._data.sets(setting)
        model = _fresh_model(setting, sets.num_classes, unit.model_seed, self.device)
        data = sets.retain.joined(sets.forget) if unit.role == "original" else sets.retain
        generator = _seeded(setting.run_seed, self.device)

        def loss(batch: Batch) -> Tensor:
            return F.cross_entropy(model(batch.images), batch.labels)

        def on_epoch(done: int) -> None:
            report(Progress(done / recipe.num_epochs, f"epoch {done} of {recipe.num_epochs}"))

        with _precision(setting.precision, self.device), _timer(self.device) as timer:
            fit(
                model,
                Shuffled(data, recipe.batch_size, generator, augment=True),
                loss,
                sgd(model, recipe, momentum=recipe.momentum),
                recipe.num_epochs,
                schedule=cosine(recipe.num_epochs),
                on_epoch=on_epoch,
            )
        is_usable = _is_finite(model)
        record = {"runtime_seconds": timer.seconds, "device": self.device_name, "is_usable": is_usable}
        artifact = self._artifacts.write(unit_id(unit), tensors={"model": model.state_dict()}, record=record)
        return Outcome(is_usable, timer.seconds, artifact=asdict(artifact))

    def _evaluate(self, unit: EvaluateUnit) -> Outcome:
        """Evaluate a reference model; the retrained one is compared with itself."""
        sets = self._data.sets(unit.setting)
        model = _fresh_model(unit.setting, sets.num_classes, unit.model_seed, self.device)
        model.load_state_dict(self._artifacts.read_tensors(unit.model, "model"))
        reference = None if unit.reference is None else self._artifacts.read_record(unit.reference)
        training = self._artifacts.read_record(unit.model)
        return self._measure(unit, model, sets, reference, training["runtime_seconds"], tensors={})

    def _unlearn(self, unit: UnlearnUnit, report: Report) -> Outcome:
        """Run the method on a copy of the original, timed alone, and measure what comes out."""
        hyperparameters = unit.hyperparameters
        if unit.selection is not None:
            winner = self._artifacts.read_record(unit.selection)["winner"]
            if winner is None:
                return _without_model("no trial of the sweep gave a finite score")
            hyperparameters = {**hyperparameters, **winner["parameters"]}
        sets = self._data.sets(unit.setting)
        reference = self._artifacts.read_record(unit.reference)
        run = MethodRun(unit.setting, unit.unlearner, hyperparameters, unit.model_seed, unit.original)
        *others, (model, last) = [self._run(run, report) for _ in range(unit.timed_runs)]
        seconds = statistics.median([*(seconds for _, seconds in others), last])
        outcome = self._measure(
            unit,
            model,
            sets,
            reference,
            seconds,
            tensors={"model": model.state_dict()},
            is_validation_biased=installed().unlearners[unit.unlearner].trains_on_validation,
        )
        return replace(outcome, hyperparameters=hyperparameters)

    def _run(self, run: "MethodRun", report: Report) -> tuple[nn.Module, float]:
        """What the method makes of a copy of the original, and the seconds that it took."""
        info = installed().unlearners.get(run.unlearner)
        if info is None:
            raise UnlearnerMissing(
                f"The unlearner {run.unlearner!r} is not installed on this worker. "
                "Install the package that has it."
            )
        hyperparameters = info.hyperparameters.model_validate(run.hyperparameters)
        model = self._copy_of_original(run)
        task = _task(info, run.setting, self._data.sets(run.setting), self.device)
        unlearn = implementation(info.implementation)
        with (
            _image_counter(model, report),
            _precision(run.setting.precision, self.device),
            _timer(self.device) as timer,
        ):
            unlearn(model, task, hyperparameters)
        model.requires_grad_(requires_grad=True)
        model.zero_grad(set_to_none=True)
        return model, timer.seconds

    def _copy_of_original(self, run: "MethodRun") -> nn.Module:
        """A copy of the original; the one last used is kept, as the trials of a sweep all start from it."""
        if self._original is None or self._original[0] != run.original:
            num_classes = self._data.sets(run.setting).num_classes
            model = _fresh_model(run.setting, num_classes, run.model_seed, self.device)
            model.load_state_dict(self._artifacts.read_tensors(run.original, "model"))
            self._original = (run.original, model)
        return deepcopy(self._original[1])

    def _try(self, unit: TrialUnit, report: Report) -> Outcome:
        """One completed trial of a sweep: no weights are kept, and the test set is not looked at (§6)."""
        sweep = unit.sweep
        if unit.generation:
            proposals = self._artifacts.read_record(unit.depends_on[-1])["proposals"]
            proposal = Proposal(**proposals[unit.index % POPULATION])
        else:
            proposal = propose(sweep, 0, [])[unit.index]
        attempts = [Attempt(parameters, "pruned") for parameters in proposal.pruned]
        parameters = proposal.parameters
        for number in range(1, MAX_ATTEMPTS + 1):
            attempts.append(self._attempt(sweep, parameters, report))
            if attempts[-1].state == "completed":
                break
            parameters = redrawn(sweep, unit.index, number)
        documents = tuple(attempt.as_json() for attempt in attempts)
        artifact = self._artifacts.write(unit_id(unit), tensors={}, record={"attempts": documents})
        last = attempts[-1]
        return Outcome(
            math.isfinite(last.score), last.seconds or 0.0, artifact=asdict(artifact), attempts=documents
        )

    def _attempt(self, sweep: Sweep, parameters: Parameters, report: Report) -> Attempt:
        """Run the method once and score the model; an error of the method's own is a failed attempt."""
        hyperparameters = {**sweep.given, **parameters}
        run = MethodRun(sweep.setting, sweep.unlearner, hyperparameters, sweep.model_seed, sweep.original)
        try:
            model, seconds = self._run(run, report)
        except (LetheError, MemoryError, OSError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a method raises is told with the trial
            return Attempt(parameters, "failed", reason=f"{type(error).__name__}: {error}")
        evaluation = evaluate(model, self._data.sets(sweep.setting), SEARCHED_SETS)
        if not (_is_finite(model) and evaluation.is_finite):
            return Attempt(parameters, "completed", WORST, seconds, reason=DIVERGED)
        metrics = own_metrics(evaluation)
        target = self._artifacts.read_record(sweep.reference)
        if not target["is_usable"]:
            return Attempt(
                parameters, "completed", WORST, seconds, metrics, f"the {sweep.target} model diverged"
            )
        return Attempt(
            parameters, "completed", objectives(metrics, target["metrics"], sweep), seconds, metrics
        )

    def _propose(self, unit: GenerationUnit) -> Outcome:
        """The proposals of a generation, from the trials of all earlier ones."""
        history = [
            trial for generation in range(unit.generation) for trial in self._trials(unit.sweep, generation)
        ]
        proposals = [asdict(proposal) for proposal in propose(unit.sweep, unit.generation, history)]
        artifact = self._artifacts.write(unit_id(unit), tensors={}, record={"proposals": proposals})
        return Outcome(is_usable=True, runtime_seconds=0.0, artifact=asdict(artifact))

    def _select(self, unit: SelectionUnit) -> Outcome:
        """The best configuration of the sweeps."""
        winner = choose(
            (
                sweep.model_seed,
                [
                    trial
                    for generation in range(sweep.num_generations)
                    for trial in self._trials(sweep, generation)
                ],
            )
            for sweep in unit.sweeps
        )
        record = {"winner": None if winner is None else asdict(winner)}
        artifact = self._artifacts.write(unit_id(unit), tensors={}, record=record)
        return Outcome(winner is not None, 0.0, artifact=asdict(artifact))

    def _trials(self, sweep: Sweep, generation: int) -> list[list[Attempt]]:
        """The attempts of each trial of a generation."""
        return [
            [
                Attempt.from_json(attempt)
                for attempt in self._artifacts.read_record(unit_id(trial))["attempts"]
            ]
            for trial in sweep.trials(generation)
        ]

    def _measure(
        self,
        unit: EvaluateUnit | UnlearnUnit,
        model: nn.Module,
        sets: Sets,
        reference: dict[str, Any] | None,
        seconds: float,
        *,
        tensors: dict[str, dict[str, Tensor]],
        is_validation_biased: bool = False,
    ) -> Outcome:
        """The metrics record of protocol §5.7, stored with the logits; None with a reason where one does not
        exist.
        """
        evaluation = evaluate(model, sets)
        is_usable = _is_finite(model) and evaluation.is_finite
        metrics: Metrics = {"runtime_seconds": seconds, **dict.fromkeys((*OWN, *COMPARISONS, *DISTANCES))}
        reasons: dict[str, str] = {}
        if is_usable:
            metrics |= own_metrics(evaluation)
        else:
            reasons |= dict.fromkeys((*OWN, *COMPARISONS, *DISTANCES), DIVERGED)
        if is_usable and is_validation_biased:
            metrics |= dict.fromkeys(ON_VALIDATION)
            reasons |= dict.fromkeys(ON_VALIDATION, "the method trained on the validation set")
        own = {
            "metrics": metrics,
            "is_usable": is_usable,
            "device": self.device_name,
            "runtime_seconds": seconds,
        }
        compared_with = own if reference is None else reference
        if is_usable:
            self._compare(metrics, reasons, model, unit, compared_with)
        self._add_efficiency(metrics, reasons, compared_with)
        where = {
            **provenance(self.device),
            "precision": unit.setting.precision,
            "split": sets.split.fingerprints,
        }
        logits = dict(evaluation.logits) if is_usable else {}
        artifact = self._artifacts.write(
            unit_id(unit), tensors={**tensors, "logits": logits}, record={**own, "provenance": where}
        )
        return Outcome(is_usable, seconds, metrics, reasons, where, asdict(artifact))

    def _compare(
        self,
        metrics: Metrics,
        reasons: dict[str, str],
        model: nn.Module,
        unit: EvaluateUnit | UnlearnUnit,
        reference: dict[str, Any],
    ) -> None:
        """Add retention and distances to the retrained model, or why there are none."""
        if not reference["is_usable"]:
            reasons |= dict.fromkeys((*COMPARISONS, *DISTANCES), "the retrained model of this seed diverged")
            return
        try:
            metrics |= retention(metrics, reference["metrics"])
        except ZeroDivisionError:
            reasons |= dict.fromkeys(COMPARISONS, "the retrained model gets nothing right on one of the sets")
        measured = distances(model, self._artifacts.read_tensors(unit.retrained, "model"))
        metrics |= measured
        reasons |= {
            name: "a model of zeros has no direction" for name, value in measured.items() if value is None
        }

    def _add_efficiency(self, metrics: Metrics, reasons: dict[str, str], reference: dict[str, Any]) -> None:
        """Add `RT(retrained) / RT(this)`, larger is faster, where both ran on one device type (§5.4)."""
        metrics["runtime_efficiency"] = None
        seconds = metrics["runtime_seconds"]
        if reference["device"] != self.device_name:
            reasons["runtime_efficiency"] = (
                f"the retrained model was timed on another device ({reference['device']})"
            )
        elif not seconds:
            reasons["runtime_efficiency"] = "the run took no measurable time"
        else:
            metrics["runtime_efficiency"] = reference["runtime_seconds"] / seconds


@dataclass
class Timer:
    """Wall-clock seconds of the timed block."""

    seconds: float = 0.0


@contextmanager
def _timer(device: torch.device) -> Iterator[Timer]:
    """Time a block with the device's queue empty at both ends."""
    timer = Timer()
    _synchronise(device)
    started = time.perf_counter()
    try:
        yield timer
    finally:
        _synchronise(device)
        timer.seconds = time.perf_counter() - started


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def _image_counter(model: nn.Module, report: Report) -> Iterator[None]:
    """Report the images that have gone through the model, at most twice a second: methods need not know."""
    images, next_report = 0, 0.0

    def count(_module: nn.Module, arguments: tuple[Any, ...]) -> None:
        nonlocal images, next_report
        images += len(arguments[0])
        if time.monotonic() >= next_report:
            next_report = time.monotonic() + PROGRESS_SECONDS
            report(Progress(None, f"{images:,} images"))

    handle = model.register_forward_pre_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _precision(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def _seeded(seed: int, device: torch.device) -> torch.Generator:
    """A generator for the run; stochastic depth draws from the global ones, so these are seeded too."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - whatever a plug-in may draw from
    torch.manual_seed(seed)
    return torch.Generator(device).manual_seed(seed)


def _fresh_model(setting: Setting, num_classes: int, seed: int, device: torch.device) -> nn.Module:
    """The setting's architecture with the initial weights of a seed, the same for every dataset of that
    shape.
    """
    build = implementation(installed().models[setting.model].implementation)
    torch.manual_seed(seed)
    model: nn.Module = build(num_classes)
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _task(info: UnlearnerInfo, setting: Setting, sets: Sets, device: torch.device) -> Task:
    """What the method may use; a set that it does not declare is withheld."""
    declared = {name: getattr(sets, name) for name in sorted(info.uses)}
    for name, data in declared.items():
        if not len(data):
            raise ValueError(f"The {name} set is empty, and {info.id} needs it.")
    generator = _seeded(setting.run_seed, device)
    return Task(
        sets=declared,
        num_classes=sets.num_classes,
        device=device,
        generator=generator,
        parts_of=implementation(installed().models[setting.model].parts),
        fresh_model=lambda: _fresh_model(setting, sets.num_classes, setting.run_seed, device),
    )


def _without_model(reason: str) -> Outcome:
    """A run that has no model to measure."""
    names = ("runtime_seconds", "runtime_efficiency", *OWN, *COMPARISONS, *DISTANCES)
    return Outcome(
        is_usable=False,
        runtime_seconds=0.0,
        metrics=dict.fromkeys(names),
        reasons=dict.fromkeys(names, reason),
    )


def _is_finite(model: nn.Module) -> bool:
    """Whether all parameters and buffers are finite."""
    tensors = (tensor for tensor in model.state_dict().values() if tensor.is_floating_point())
    return all(bool(tensor.isfinite().all()) for tensor in tensors)
