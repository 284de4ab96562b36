"""One device with the resident data on it, and what runs there: it owns everything that is not the method -
copy, seed, withhold, time, count.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from core.artifacts import ArtifactStore
from core.catalog.protocols import Precision
from core.catalog.registry import implementation, installed
from core.catalog.unlearners import UnlearnerInfo
from core.catalog.work import Work
from core.datasets.load import DataCache, Sets
from core.errors import ForgetSetInvalid, UnlearnerMissing
from core.evaluation import evaluate, exact_losses
from core.outcome import Metrics, Progress
from core.provenance import device_name, provenance
from core.spec.job import HyperparameterValue
from core.spec.setting import Setting
from core.spec.units import TrainUnit, UnitId, scorer, unit_id
from core.unlearners.task import Task

PROGRESS_SECONDS = 0.5

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class MethodRun:
    """One run of a method: with which hyperparameters, on which original."""

    setting: Setting
    unlearner: str
    hyperparameters: dict[str, HyperparameterValue]
    model_seed: int
    original: UnitId


@dataclass(frozen=True)
class Unlearned:
    """What a run made: the model, the seconds, and its work where the method declares it."""

    model: nn.Module
    seconds: float
    work: Work | None


class Bench:
    """A device, the artifacts, and the datasets that are resident on it."""

    def __init__(self, artifacts: ArtifactStore, *, data_dir: Path, cache_dir: Path, device: str) -> None:
        self.device = _device(device)
        self.artifacts = artifacts
        self._data = DataCache(data_dir, self.device, cache_dir=cache_dir)
        self._original: tuple[UnitId, nn.Module] | None = None
        self._scored: dict[UnitId, NDArray[np.float64]] = {}
        self._accuracies: dict[UnitId, Metrics | None] = {}
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False  # torch's default would round what a setting calls fp32

    @property
    def device_name(self) -> str:
        """The device in words."""
        return device_name(self.device)

    def provenance(self, setting: Setting, model_seed: int) -> dict[str, Any]:
        """Where a number that is computed here for a model comes from, as plain JSON."""
        sets = self.sets(setting, model_seed)
        where = {
            **provenance(self.device),
            "precision": setting.precision,
            "split": sets.split.fingerprints,
        }
        told = {"names_sha256": sets.names_sha256, "absent_classes": sets.absent_classes}
        return {**where, **{name: value for name, value in told.items() if value}}

    def sets(self, setting: Setting, model_seed: int) -> Sets:
        """The four sets of the setting's models of a seed.

        Raises:
            DatasetMissing, DatasetInvalid: the dataset's files.
            ArtifactMissing, ArtifactCorrupt: the model that finds the hardest samples.
        """
        scoring = scorer(setting)
        losses = None if scoring is None else self._losses(scoring)
        return self._data.sets(setting.of_model(model_seed), losses)

    def _losses(self, scoring: TrainUnit) -> NDArray[np.float64]:
        """`(num_train,)` losses of a model on the training split, in the dataset's order; elsewhere NaN.

        In double precision: every machine must find the same hardest samples, however it rounds.

        Raises:
            ForgetSetInvalid: the model diverged, so that no sample is the hardest.
        """
        unit = unit_id(scoring)
        if unit not in self._scored:
            sets = self._data.sets(scoring.setting.of_model(scoring.model_seed))
            model = self.trained_model(scoring.setting, unit).double()
            losses = np.full(installed().datasets[scoring.setting.dataset].num_train, np.nan)
            for name in ("retain", "forget"):
                losses[getattr(sets.split, name)] = exact_losses(model, getattr(sets, name))
            if not np.isfinite(losses[[*sets.split.retain, *sets.split.forget]]).all():
                raise ForgetSetInvalid(
                    "The original that finds the hardest samples diverged: its losses are not finite. Choose "
                    "another forget rule, or another model or precision."
                )
            self._scored[unit] = losses
        return self._scored[unit]

    def fresh_model(self, setting: Setting, seed: int) -> nn.Module:
        """The setting's architecture with the initial weights of a seed, the same for every dataset of that
        shape.
        """
        build = implementation(installed().models[setting.model].implementation)
        torch.manual_seed(seed)
        model: nn.Module = build(installed().datasets[setting.dataset].num_classes)
        return model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def trained_model(self, setting: Setting, unit: UnitId) -> nn.Module:
        """The model that a unit has trained.

        Raises:
            ArtifactMissing, ArtifactCorrupt: its weights.
        """
        model = self.fresh_model(setting, seed=0)  # any: its weights are about to be replaced
        model.load_state_dict(self.artifacts.read_tensors(unit, "model"))
        return model

    def accuracies_of_original(self, setting: Setting, model_seed: int, original: UnitId) -> Metrics | None:
        """An original's accuracies on retain and validation set, computed once; None where it diverged.

        Raises:
            ArtifactMissing, ArtifactCorrupt: its weights.
        """
        if original not in self._accuracies:
            model = self.trained_model(setting, original)
            evaluation = evaluate(model, self.sets(setting, model_seed), ("retain", "validation"))
            is_usable = is_finite(model) and evaluation.is_finite
            self._accuracies[original] = evaluation.accuracies if is_usable else None
        return self._accuracies[original]

    def warm_up(self, setting: Setting, model_seed: int) -> None:
        """Send one batch forward and backward through a model that is then dropped, so that no clock measures
        what a device does once: load kernels, choose algorithms, reserve memory.

        Seed after it: building the model and its random layers draw from the global generators.
        """
        model = self.fresh_model(setting, model_seed)
        batch = next(self.sets(setting, model_seed).retain.in_order(setting.recipe.batch_size))
        with precision(setting.precision, self.device):
            F.cross_entropy(model(batch.images), batch.labels).backward()

    def unlearn(self, run: MethodRun, report: Report) -> Unlearned:
        """What the method makes of a copy of the original, timed alone.

        Raises:
            UnlearnerMissing: the package that has the unlearner is not installed here.
        """
        info = installed().unlearners.get(run.unlearner)
        if info is None:
            raise UnlearnerMissing(
                f"The unlearner {run.unlearner!r} is not installed on this worker. "
                "Install the package that has it."
            )
        hyperparameters = info.hyperparameters.model_validate(run.hyperparameters)
        work = hyperparameters.work(self.sets(run.setting, run.model_seed).sizes)
        model = self._copy_of_original(run)
        task = self._task(info, run)
        method = implementation(info.implementation)
        with (
            _image_counter(model, work, report),
            precision(run.setting.precision, self.device),
            timer(self.device) as clock,
        ):
            method(model, task, hyperparameters)
        model.requires_grad_(requires_grad=True)
        model.zero_grad(set_to_none=True)
        return Unlearned(model, clock.seconds, work)

    def _copy_of_original(self, run: MethodRun) -> nn.Module:
        """A copy of the original; the one last used is kept, as the trials of a sweep all start from it."""
        if self._original is None or self._original[0] != run.original:
            self._original = (run.original, self.trained_model(run.setting, run.original))
        return deepcopy(self._original[1])

    def _task(self, info: UnlearnerInfo, run: MethodRun) -> Task:
        """What the method may use; a set that it does not declare is withheld."""
        sets = self.sets(run.setting, run.model_seed)
        run_seed = run.setting.run_seed_of(run.model_seed)
        declared = {name: getattr(sets, name) for name in sorted(info.uses)}
        for name, data in declared.items():
            if not len(data):
                raise ValueError(f"The {name} set is empty, and {info.id} needs it.")
        return Task(
            sets=declared,
            num_classes=sets.num_classes,
            device=self.device,
            generator=seeded(run_seed, self.device),
            parts_of=implementation(installed().models[run.setting.model].parts),
            fresh_model=lambda: self.fresh_model(run.setting, run_seed),
        )


@dataclass
class Clock:
    """Wall-clock seconds of the timed block."""

    seconds: float = 0.0


@contextmanager
def timer(device: torch.device) -> Iterator[Clock]:
    """Time a block with the device's queue empty at both ends."""
    clock = Clock()
    _synchronise(device)
    started = time.perf_counter()
    try:
        yield clock
    finally:
        _synchronise(device)
        clock.seconds = time.perf_counter() - started


def precision(wanted: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """The numbers that a block computes in."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if wanted == "bf16" else nullcontext()


def seeded(seed: int, device: torch.device) -> torch.Generator:
    """A generator for the run; stochastic depth draws from the global ones, so these are seeded too."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - whatever a plug-in may draw from
    torch.manual_seed(seed)
    return torch.Generator(device).manual_seed(seed)


def is_finite(model: nn.Module) -> bool:
    """Whether all parameters and buffers are finite."""
    tensors = (tensor for tensor in model.state_dict().values() if tensor.is_floating_point())
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


@contextmanager
def _image_counter(model: nn.Module, work: Work | None, report: Report) -> Iterator[None]:
    """Report the images that have gone through the model, at most twice a second: methods need not know.

    Copies that a method makes, its teachers, count too; a fresh model does not.
    """
    images, next_report = 0, 0.0

    def count(_module: nn.Module, arguments: tuple[Any, ...]) -> None:
        nonlocal images, next_report
        images += len(arguments[0])
        if time.monotonic() >= next_report:
            next_report = time.monotonic() + PROGRESS_SECONDS
            share = min(images / work.forward, 1.0) if work and work.forward else None
            report(Progress(share, f"{images:,} images"))

    handle = model.register_forward_pre_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)
