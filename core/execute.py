"""The harness: run one unit and store what it leaves."""

import logging
import statistics
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from core.artifacts import ArtifactStore
from core.bench import Bench, MethodRun, Report, is_finite, precision, seeded, timer
from core.catalog.registry import installed
from core.catalog.work import Work, training
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.evaluation import BATCH_SIZE, evaluate
from core.lira import attack, score
from core.measurement import DIVERGED, Cost, measured, without_model
from core.optimisers import cosine, sgd
from core.outcome import Outcome, Progress
from core.sequence import add_sequence
from core.spec.draws import selection_bias
from core.spec.forget import StepForget, forgets_classes
from core.spec.units import (
    AttackUnit,
    EvaluateUnit,
    GenerationUnit,
    RescoreUnit,
    ScoreUnit,
    SelectionUnit,
    TrainUnit,
    TrialUnit,
    Unit,
    UnlearnUnit,
    unit_id,
)
from core.training import fit
from core.trials import NO_WINNER, chosen_hyperparameters, propose_generation, rescore, run_trial, select

log = logging.getLogger(__name__)


class Workbench:
    """Runs units one after another on one device."""

    def __init__(
        self, artifacts: ArtifactStore, *, data_dir: Path, cache_dir: Path, device: str = "auto"
    ) -> None:
        self._bench = Bench(artifacts, data_dir=data_dir, cache_dir=cache_dir, device=device)
        self._artifacts = artifacts

    @property
    def device_name(self) -> str:
        """The device in words."""
        return self._bench.device_name

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
                return run_trial(self._bench, unit, report)
            case GenerationUnit():
                return propose_generation(self._bench, unit)
            case RescoreUnit():
                return rescore(self._bench, unit, report)
            case SelectionUnit():
                return select(self._bench, unit)
            case ScoreUnit():
                return score(self._bench, unit, report)
            case AttackUnit():
                return attack(self._bench, unit)

    def _train(self, unit: TrainUnit, report: Report) -> Outcome:
        """Train a reference model from the initial weights of its seed (protocol §3.5, §4)."""
        setting, recipe, device = unit.setting, unit.setting.recipe, self._bench.device
        sets = self._bench.sets(setting, unit.model_seed)
        self._bench.warm_up(setting, unit.model_seed)
        model = self._bench.fresh_model(setting, unit.model_seed)
        data = sets.retain.joined(sets.forget) if unit.role == "original" else sets.retain
        generator = seeded(setting.run_seed_of(unit.model_seed), device)
        batches = Shuffled(data, recipe.batch_size, generator, augment=True)

        def loss(batch: Batch) -> Tensor:
            return F.cross_entropy(model(batch.images), batch.labels)

        def on_epoch(done: int) -> None:
            report(Progress(done / recipe.num_epochs, f"epoch {done} of {recipe.num_epochs}"))

        with precision(setting.precision, device), timer(device) as clock:
            fit(
                model,
                batches,
                loss,
                sgd(model, recipe, momentum=recipe.momentum),
                recipe.num_epochs,
                schedule=cosine(recipe.num_epochs),
                on_epoch=on_epoch,
            )
        is_usable = is_finite(model)
        record = {
            "runtime_seconds": clock.seconds,
            "work": asdict(training(recipe.num_epochs * len(data))),
            "device": self.device_name,
            "is_usable": is_usable,
        }
        artifact = self._artifacts.write(unit_id(unit), tensors={"model": model.state_dict()}, record=record)
        reason = None if is_usable else DIVERGED
        return Outcome(is_usable, clock.seconds, artifact=asdict(artifact), reason=reason)

    def _evaluate(self, unit: EvaluateUnit) -> Outcome:
        """Evaluate a reference model; the retrained one is compared with itself."""
        trained = self._artifacts.read_record(unit.model)
        cost = Cost(trained["runtime_seconds"], trained["device"], Work(**trained["work"]))
        model = self._bench.trained_model(unit.setting, unit.model)
        reference = None if unit.reference is None else self._artifacts.read_record(unit.reference)
        return self._measure(unit, model, cost, reference, tensors={})

    def _unlearn(self, unit: UnlearnUnit, report: Report) -> Outcome:
        """Run the method with given or chosen hyperparameters, and measure what comes out."""
        hyperparameters = unit.hyperparameters
        if unit.selection is not None:
            chosen = chosen_hyperparameters(self._bench, hyperparameters, unit.selection)
            if chosen is None:
                return _nothing(NO_WINNER)
            hyperparameters = chosen
        is_later = unit.setting.step_before is not None
        if is_later and not self._artifacts.read_record(unit.original)["is_usable"]:
            artifact = self._artifacts.write(unit_id(unit), tensors={}, record={"is_usable": False})
            return replace(
                _nothing("a step of the sequence before this one diverged"), artifact=asdict(artifact)
            )
        reference = self._artifacts.read_record(unit.reference)
        run = MethodRun(unit.setting, unit.unlearner, hyperparameters, unit.model_seed, unit.original)
        self._bench.warm_up(unit.setting, unit.model_seed)
        runs = [
            self._bench.unlearn(run, _part(report, number, unit.timed_runs))
            for number in range(unit.timed_runs)
        ]
        seconds = statistics.median(run.seconds for run in runs)
        last = runs[-1]
        return self._measure(
            unit,
            last.model,
            Cost(seconds, self.device_name, last.work),
            reference,
            tensors={"model": last.model.state_dict()},
            hyperparameters=hyperparameters,
        )

    def _measure(
        self,
        unit: EvaluateUnit | UnlearnUnit,
        model: nn.Module,
        cost: Cost,
        reference: dict[str, Any] | None,
        *,
        tensors: dict[str, dict[str, Tensor]],
        hyperparameters: dict[str, Any] | None = None,
    ) -> Outcome:
        """The metrics record of protocol §5.7, stored with the logits."""
        sets = self._bench.sets(unit.setting, unit.model_seed)
        evaluation = evaluate(model, sets)
        result = measured(
            model,
            evaluation,
            cost,
            is_usable=is_finite(model) and evaluation.is_finite,
            reference=reference,
            retrained=self._artifacts.read_tensors(unit.retrained, "model"),
            same_classes=forgets_classes(unit.setting.forget),
            selection_bias=selection_bias(
                unit.setting.forget, installed().datasets[unit.setting.dataset].num_classes
            ),
            is_validation_biased=isinstance(unit, UnlearnUnit)
            and installed().unlearners[unit.unlearner].trains_on_validation,
        )
        log.info(
            "Measured a model that took %.2f s: %s.",
            cost.seconds,
            "usable" if result.is_usable else "not usable",
            extra={name: value for name, value in result.metrics.items() if value is not None},
        )
        record: dict[str, Any] = {}
        if isinstance(unit, UnlearnUnit) and isinstance(unit.setting.forget, StepForget):
            previous = self._artifacts.read_record(unit.original) if unit.setting.step_before else None
            record["first_step"] = add_sequence(result, previous)
        where = self._bench.provenance(unit.setting, unit.model_seed)
        if evaluation.batch_size < BATCH_SIZE:
            where["evaluation_batch_size"] = evaluation.batch_size
        logits = dict(evaluation.logits) if result.is_usable else {}
        artifact = self._artifacts.write(
            unit_id(unit),
            tensors={**tensors, "logits": logits},
            record={**result.record(cost), **record, "provenance": where},
        )
        return Outcome(
            result.is_usable,
            cost.seconds,
            result.metrics,
            result.reasons,
            where,
            asdict(artifact),
            hyperparameters=hyperparameters or {},
            reason=None if result.is_usable else DIVERGED,
        )


def _part(report: Report, number: int, parts: int) -> Report:
    """What hears of one of several equal parts and reports how far the whole is."""
    if parts == 1:
        return report

    def report_whole(progress: Progress) -> None:
        fraction = None if progress.fraction is None else (number + progress.fraction) / parts
        report(Progress(fraction, f"run {number + 1} of {parts}, {progress.text}"))

    return report_whole


def _nothing(reason: str) -> Outcome:
    """The outcome of a run that has no model."""
    result = without_model(reason)
    return Outcome(
        is_usable=False, runtime_seconds=0.0, metrics=result.metrics, reasons=result.reasons, reason=reason
    )
