"""What a job would cost: units, work and device-seconds, from what this installation has measured. Pure.

Work counts images through models (methods §6, protocol §9); a rate turns it into seconds. Rates come from
finished units of the same dataset, model and precision, else from others, scaled by arithmetic per image.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attacks.lira_splits import lira_set_sizes
from core.catalog.protocols import Precision
from core.catalog.registry import Catalogue
from core.catalog.work import SetSizes, Work, inference, training
from core.class_sizes import ClassSizes
from core.plan import PlannedUnit
from core.spec.canonical import content_hash
from core.spec.forget import LiraForget
from core.spec.job import HyperparameterValue
from core.spec.search import Choices, Range
from core.spec.setting import Setting
from core.spec.units import (
    EvaluateUnit,
    RescoreUnit,
    ScoreUnit,
    SelectionUnit,
    Sweep,
    TrainUnit,
    TrialUnit,
    Unit,
    UnitId,
    Unlearning,
    UnlearnUnit,
)
from core.splits import set_sizes

DRAWS = 64  # of a search space, to average a method's work over
QUANTILES = (0.5, 0.9)


@dataclass(frozen=True)
class Conditions:
    """Where a rate holds: what an image costs depends on the model, the image size and the precision."""

    dataset: str
    model: str
    precision: Precision

    @classmethod
    def of(cls, setting: Setting) -> "Conditions":
        """A setting's."""
        return cls(setting.dataset, setting.model, setting.precision)

    def __str__(self) -> str:
        return f"{self.dataset}/{self.model} in {self.precision}"


@dataclass(frozen=True)
class Measurement:
    """A finished unit: its forward units of work, and the seconds that they took."""

    conditions: Conditions
    device: str
    work: float
    seconds: float


@dataclass(frozen=True)
class Seconds:
    """Device-seconds: an even chance of less, and nine chances in ten of less."""

    p50: float
    p90: float

    def __add__(self, other: "Seconds") -> "Seconds":
        return Seconds(self.p50 + other.p50, self.p90 + other.p90)

    def times(self, factor: float) -> "Seconds":
        """Scaled."""
        return Seconds(self.p50 * factor, self.p90 * factor)


@dataclass(frozen=True)
class Rate:
    """What a forward unit of work took under some conditions, in how many units, on which devices."""

    seconds: Seconds
    units: int
    devices: tuple[str, ...]


@dataclass(frozen=True)
class StageEstimate:
    """The units of one kind. `cached` are done already and cost nothing; `work` is that of the others."""

    units: int
    cached: int
    work: float
    seconds: Seconds | None


@dataclass(frozen=True)
class Estimate:
    """A whole job. `seconds` is None while something has never been measured; `rests_on` says it in words."""

    stages: Mapping[str, StageEstimate]
    work: float
    flop: float
    seconds: Seconds | None
    rests_on: tuple[str, ...]


def measured_rates(measurements: Iterable[Measurement]) -> dict[Conditions, Rate]:
    """Seconds per forward unit of work, by conditions, in the order in which those come."""
    ratios: dict[Conditions, list[float]] = {}
    devices: dict[Conditions, set[str]] = {}
    for found in measurements:
        if found.work > 0 and found.seconds > 0:
            ratios.setdefault(found.conditions, []).append(found.seconds / found.work)
            devices.setdefault(found.conditions, set()).add(found.device)
    return {
        conditions: Rate(_quantiles(taken), len(taken), tuple(sorted(devices[conditions])))
        for conditions, taken in ratios.items()
    }


def estimate(
    units: Sequence[PlannedUnit],
    done: Collection[UnitId],
    measured: Mapping[Conditions, Rate],
    catalogue: Catalogue,
    class_sizes: Mapping[str, ClassSizes],
) -> Estimate:
    """What is left to do of a planned job.

    Args:
        units: the plan.
        done: ids of units that are done, of this job or another.
        measured: the `measured_rates` of this installation's measurements, of any conditions and any device.
        catalogue: knows what methods compute and how large datasets are.
        class_sizes: of the datasets of which classes are forgotten, by id; others may be left out.
    """
    workload = _workload(units, catalogue, class_sizes)
    rates = _Rates(measured, catalogue)
    stages: dict[str, StageEstimate] = {}
    flop = 0.0
    for planned in units:
        unit, stage = planned.unit, stages.get(planned.unit.kind, StageEstimate(0, 0, 0.0, Seconds(0, 0)))
        if planned.id in done:
            stages[unit.kind] = replace(stage, units=stage.units + 1, cached=stage.cached + 1)
            continue
        work = workload.of(unit)
        conditions = Conditions.of(unit.setting)
        flop += work * _flop_per_image(conditions, catalogue)
        rate = rates.at(conditions) if work else Seconds(0, 0)
        seconds = stage.seconds + rate.times(work) if stage.seconds and rate else None
        stages[unit.kind] = StageEstimate(stage.units + 1, stage.cached, stage.work + work, seconds)
    return Estimate(
        stages=stages,
        work=sum(stage.work for stage in stages.values()),
        flop=flop,
        seconds=_total(stages.values()),
        rests_on=(*rates.told(), *(found.rests_on for found in class_sizes.values())),
    )


def flop_by_unit(units: Sequence[PlannedUnit], catalogue: Catalogue) -> dict[UnitId, float]:
    """The arithmetic of every unit of a plan, in floating-point operations; 0 for what takes moments."""
    workload = _workload(units, catalogue, {})
    return {
        planned.id: workload.of(planned.unit)
        * _flop_per_image(Conditions.of(planned.unit.setting), catalogue)
        for planned in units
    }


def estimate_document(found: Estimate) -> dict[str, Any]:
    """The estimate as plain JSON, as `POST /jobs/estimate` answers it."""
    return {
        "units": sum(stage.units for stage in found.stages.values()),
        "cached": sum(stage.cached for stage in found.stages.values()),
        **asdict(found),
        "rests_on": list(found.rests_on),
    }


class _Workload:
    """Forward units of work of units; methods are asked once per setting and hyperparameters."""

    def __init__(
        self,
        catalogue: Catalogue,
        sweeps: Mapping[UnitId, Sweep],
        class_sizes: Mapping[str, ClassSizes],
    ) -> None:
        self._catalogue = catalogue
        self._sweeps = sweeps
        self._class_sizes = class_sizes
        self._sizes: dict[str, tuple[SetSizes, int]] = {}
        self._methods: dict[tuple[str, str], float] = {}
        self._settings: dict[int, str] = {}

    def of(self, unit: Unit) -> float:
        if isinstance(unit, TrainUnit):
            sizes, _ = self._of_setting(unit.setting)
            images = sizes.training if unit.role == "original" else sizes.retain
            return training(unit.setting.recipe.num_epochs * images).forward_units
        if isinstance(unit, EvaluateUnit):
            return self._evaluation(unit.setting, with_test=True)
        if isinstance(unit, UnlearnUnit):
            return unit.timed_runs * self._final(unit, unit.setting) + self._evaluation(
                unit.setting, with_test=True
            )
        if isinstance(unit, TrialUnit | RescoreUnit):
            return self._trial(unit.sweep) + self._evaluation(unit.setting, with_test=False)
        if isinstance(unit, ScoreUnit):
            run = 0.0 if unit.unlearning is None else self._final(unit.unlearning, unit.setting)
            return run + self._evaluation(unit.setting, with_test=True)
        return 0.0  # proposing, choosing and attacking take moments

    def _of_setting(self, setting: Setting) -> tuple[SetSizes, int]:
        known = self._settings.setdefault(id(setting), setting.id)
        if known not in self._sizes:
            info = self._catalogue.datasets[setting.dataset]
            is_lira = isinstance(setting.forget, LiraForget)
            num_test = lira_set_sizes(info.num_train)[3] if is_lira else info.num_test
            counted = self._class_sizes.get(setting.dataset)
            sizes = set_sizes(info, setting, None if counted is None else counted.sizes)
            self._sizes[known] = (sizes, num_test)
        return self._sizes[known]

    def _evaluation(self, setting: Setting, *, with_test: bool) -> float:
        sizes, num_test = self._of_setting(setting)
        return inference(sizes.training + sizes.validation + with_test * num_test).forward_units

    def _trial(self, sweep: Sweep) -> float:
        key = (sweep.sha256, "trial")
        if key not in self._methods:
            sizes, _ = self._of_setting(sweep.setting)
            self._methods[key] = self._mean_work(sweep.unlearner, sweep.given, sweep.space, sizes)
        return self._methods[key]

    def _final(self, unit: UnlearnUnit | Unlearning, setting: Setting) -> float:
        """The work of a final run; where a sweep chooses, what an average trial of it takes."""
        if unit.selection is not None:
            return self._trial(self._sweeps[unit.selection])
        sizes, _ = self._of_setting(setting)
        key = (self._settings[id(setting)], content_hash({"id": unit.unlearner, "hp": unit.hyperparameters}))
        if key not in self._methods:
            self._methods[key] = self._mean_work(unit.unlearner, unit.hyperparameters, {}, sizes)
        return self._methods[key]

    def _mean_work(
        self,
        unlearner: str,
        given: Mapping[str, HyperparameterValue],
        space: Mapping[str, Range],
        sizes: SetSizes,
    ) -> float:
        """Averaged over the search space; a method that does not say counts as fine-tuning for an epoch."""
        schema = self._catalogue.unlearners[unlearner].hyperparameters
        draws = _draws(space, DRAWS if space else 1)
        works: list[Work] = [
            schema.model_validate({**given, **drawn}).work(sizes) or training(sizes.retain) for drawn in draws
        ]
        return float(np.mean([work.forward_units for work in works]))


def _workload(
    units: Sequence[PlannedUnit], catalogue: Catalogue, class_sizes: Mapping[str, ClassSizes]
) -> _Workload:
    sweeps = {
        planned.id: planned.unit.sweeps[0] for planned in units if isinstance(planned.unit, SelectionUnit)
    }
    return _Workload(catalogue, sweeps, class_sizes)


class _Rates:
    """Seconds per forward unit of work under any conditions, and in words what they rest on."""

    def __init__(self, measured: Mapping[Conditions, Rate], catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._measured = measured
        self._told: dict[Conditions, tuple[Seconds | None, str]] = {}

    def at(self, conditions: Conditions) -> Seconds | None:
        if conditions not in self._told:
            self._told[conditions] = self._find(conditions)
        return self._told[conditions][0]

    def told(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._told.values())

    def _find(self, conditions: Conditions) -> tuple[Seconds | None, str]:
        if own := self._measured.get(conditions):
            return own.seconds, f"{conditions}: {own.units} finished units on {_told_devices(own)}."
        if not self._measured:
            return (
                None,
                f"{conditions}: nothing has been measured on this installation, so no time can be told.",
            )
        other = min(self._measured, key=lambda other: _differences(conditions, other))
        rate = self._measured[other]
        scale = _flop_per_image(conditions, self._catalogue) / _flop_per_image(other, self._catalogue)
        return rate.seconds.times(scale), (
            f"{conditions}: nothing measured yet; scaled by arithmetic per image from {rate.units} finished "
            f"units of {other} on {_told_devices(rate)}."
        )


def _told_devices(rate: Rate) -> str:
    return " and ".join(rate.devices)


def _differences(conditions: Conditions, other: Conditions) -> tuple[bool, bool]:
    """How far a rate is from where it is wanted: another model is worse than another precision."""
    return other.model != conditions.model, other.precision != conditions.precision


def _draws(space: Mapping[str, Range], count: int) -> list[dict[str, HyperparameterValue]]:
    generator = np.random.default_rng(0)
    columns = {name: _column(values, generator, count) for name, values in space.items()}
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]


def _column(values: Range, generator: np.random.Generator, count: int) -> list[HyperparameterValue]:
    if isinstance(values, Choices):
        return [values.choices[index] for index in generator.integers(len(values.choices), size=count)]
    if values.kind == "int":
        drawn = generator.integers(int(values.low), int(values.high) + 1, size=count)
        return [int(number) for number in drawn]
    shares: NDArray[np.float64] = generator.uniform(size=count)
    if values.log:
        return [float(number) for number in values.low * (values.high / values.low) ** shares]
    return [float(number) for number in values.low + (values.high - values.low) * shares]


def _quantiles(ratios: list[float]) -> Seconds:
    p50, p90 = np.quantile(ratios, QUANTILES)
    return Seconds(float(p50), float(p90))


def _flop_per_image(conditions: Conditions, catalogue: Catalogue) -> float:
    image_size = catalogue.datasets[conditions.dataset].image_size
    return catalogue.models[conditions.model].forward_flop(image_size)


def _total(stages: Iterable[StageEstimate]) -> Seconds | None:
    total = Seconds(0, 0)
    for stage in stages:
        if stage.seconds is None:
            return None
        total += stage.seconds
    return total
