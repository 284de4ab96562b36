"""What a job would cost: units, work and device-seconds, from what this installation has measured. Pure.

Work counts images through models (methods §6, protocol §9); a rate turns it into seconds. Rates come from
finished units of the same dataset, model, precision and method, since an image costs one method many times
what it costs another; else of any method; else of other conditions, scaled by arithmetic per image.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

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

MeasuredMethod: TypeAlias = str | None  # an unlearner; None where a reference model is trained


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
    method: MeasuredMethod
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


MeasuredRates: TypeAlias = Mapping[Conditions, Mapping[MeasuredMethod, Rate]]


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


def measured_rates(measurements: Iterable[Measurement]) -> dict[Conditions, dict[MeasuredMethod, Rate]]:
    """Seconds per forward unit of work, by conditions and method, in the order in which those come."""
    found: dict[Conditions, dict[MeasuredMethod, list[Measurement]]] = {}
    for each in measurements:
        if each.work > 0 and each.seconds > 0:
            found.setdefault(each.conditions, {}).setdefault(each.method, []).append(each)
    return {
        conditions: {method: _rate(units) for method, units in by_method.items()}
        for conditions, by_method in found.items()
    }


def estimate(
    units: Sequence[PlannedUnit],
    done: Collection[UnitId],
    measured: MeasuredRates,
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
        flop += work.total * _flop_per_image(conditions, catalogue)
        taken = rates.seconds(conditions, work)
        seconds = stage.seconds + taken if stage.seconds and taken else None
        stages[unit.kind] = StageEstimate(stage.units + 1, stage.cached, stage.work + work.total, seconds)
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
        planned.id: workload.of(planned.unit).total
        * _flop_per_image(Conditions.of(planned.unit.setting), catalogue)
        for planned in units
    }


def weights_by_unit(
    units: Sequence[PlannedUnit], measured: MeasuredRates, catalogue: Catalogue
) -> dict[UnitId, float]:
    """What every unit of a plan weighs in the time that is left: seconds, by what its method has taken so
    far; its arithmetic while nothing has been measured; 0 for what takes moments.
    """
    if not measured:
        return flop_by_unit(units, catalogue)
    workload, rates = _workload(units, catalogue, {}), _Rates(measured, catalogue)
    weights: dict[UnitId, float] = {}
    for planned in units:
        taken = rates.seconds(Conditions.of(planned.unit.setting), workload.of(planned.unit))
        weights[planned.id] = taken.p50 if taken else 0.0
    return weights


def estimate_document(found: Estimate) -> dict[str, Any]:
    """The estimate as plain JSON, as `POST /jobs/estimate` answers it."""
    return {
        "units": sum(stage.units for stage in found.stages.values()),
        "cached": sum(stage.cached for stage in found.stages.values()),
        **asdict(found),
        "rests_on": list(found.rests_on),
    }


@dataclass(frozen=True)
class _UnitWork:
    """Forward units of work of one unit: of its method, and of evaluating the model that comes out."""

    method: MeasuredMethod = None
    run: float = 0.0
    evaluation: float = 0.0

    @property
    def total(self) -> float:
        return self.run + self.evaluation


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

    def of(self, unit: Unit) -> _UnitWork:
        if isinstance(unit, TrainUnit):
            sizes, _ = self._of_setting(unit.setting)
            images = sizes.training if unit.role == "original" else sizes.retain
            return _UnitWork(run=training(unit.setting.recipe.num_epochs * images).forward_units)
        if isinstance(unit, TrialUnit | RescoreUnit):
            evaluation = self._evaluation(unit.setting, with_test=False)
            return _UnitWork(unit.sweep.unlearner, self._trial(unit.sweep), evaluation)
        if not isinstance(unit, EvaluateUnit | UnlearnUnit | ScoreUnit):
            return _UnitWork()  # proposing, choosing and attacking take moments
        evaluation = self._evaluation(unit.setting, with_test=True)
        if isinstance(unit, UnlearnUnit):
            run = unit.timed_runs * self._final(unit, unit.setting)
            return _UnitWork(unit.unlearner, run, evaluation)
        if isinstance(unit, ScoreUnit) and unit.unlearning is not None:
            run = self._final(unit.unlearning, unit.setting)
            return _UnitWork(unit.unlearning.unlearner, run, evaluation)
        return _UnitWork(evaluation=evaluation)

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
    """Seconds of work under any conditions and by any method, and in words what they rest on."""

    def __init__(self, measured: MeasuredRates, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._measured = measured
        self._sources: dict[Conditions, Conditions | None] = {}
        self._found: dict[Conditions, dict[MeasuredMethod, Seconds | None]] = {}

    def seconds(self, conditions: Conditions, work: _UnitWork) -> Seconds | None:
        """Of a unit; None where nothing has been measured."""
        # To evaluate a model is to send images through it, as training a reference does, whatever the method.
        total = Seconds(0, 0)
        for method, amount in ((work.method, work.run), (None, work.evaluation)):
            rate = self._at(conditions, method) if amount else total
            if rate is None:
                return None
            total += rate.times(amount)
        return total

    def told(self) -> tuple[str, ...]:
        """A sentence for all conditions of which the same is to be said."""
        places: dict[str, list[str]] = {}
        for conditions, found in self._found.items():
            places.setdefault(self._in_words(conditions, found), []).append(str(conditions))
        return tuple(f"{', '.join(here)}: {text}" for text, here in places.items())

    def _at(self, conditions: Conditions, method: MeasuredMethod) -> Seconds | None:
        found = self._found.setdefault(conditions, {})
        if method not in found:
            found[method] = self._find(conditions, method)
        return found[method]

    def _find(self, conditions: Conditions, method: MeasuredMethod) -> Seconds | None:
        source = self._source(conditions)
        if source is None:
            return None
        rates = self._measured[source]
        seconds = (rates.get(method) or _pooled(rates.values())).seconds
        if source == conditions:
            return seconds
        scale = _flop_per_image(conditions, self._catalogue) / _flop_per_image(source, self._catalogue)
        return seconds.times(scale)

    def _source(self, conditions: Conditions) -> Conditions | None:
        """The conditions themselves where something has been measured under them, else the closest."""
        if conditions not in self._sources:
            closest = min(self._measured, key=lambda other: _differences(conditions, other), default=None)
            self._sources[conditions] = conditions if conditions in self._measured else closest
        return self._sources[conditions]

    def _in_words(self, conditions: Conditions, methods: Collection[MeasuredMethod]) -> str:
        source = self._source(conditions)
        if source is None:
            return "nothing has been measured on this installation, so no time can be told."
        rates = self._measured[source]
        missing = [method or "the references" for method in methods if method not in rates]
        used = _pooled(rates.values() if missing else (rates[method] for method in methods))
        devices = " and ".join(used.devices)
        rests = f"{used.units} finished units on {devices}"
        if source != conditions:
            rests = (
                f"nothing measured yet; scaled by arithmetic per image from {used.units} finished units "
                f"of {source} on {devices}"
            )
        unknown = f"; none of {', '.join(missing)}, taken to cost what the others do" if missing else ""
        return f"{rests}{unknown}."


def _rate(units: Sequence[Measurement]) -> Rate:
    p50, p90 = np.quantile([unit.seconds / unit.work for unit in units], QUANTILES)
    devices = tuple(sorted({unit.device for unit in units}))
    return Rate(Seconds(float(p50), float(p90)), len(units), devices)


def _pooled(rates: Iterable[Rate]) -> Rate:
    """The rate of a method of which nothing is known: every other counts alike, however many its units."""
    found = list(rates)
    p50 = np.quantile([rate.seconds.p50 for rate in found], QUANTILES[0])
    p90 = np.quantile([rate.seconds.p90 for rate in found], QUANTILES[1])
    devices = tuple(sorted({device for rate in found for device in rate.devices}))
    return Rate(Seconds(float(p50), float(p90)), sum(rate.units for rate in found), devices)


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
