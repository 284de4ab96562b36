"""The units of an attack on single samples: score a model on the whole pool, then attack (protocol §8)."""

import hashlib
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.attacks.lira_splits import Codes, draw_lira_split, lira_membership
from core.attacks.logit_scaling import scaled_logits
from core.attacks.observations import observations
from core.attacks.sample_attack import SampleResult, attack_samples
from core.bench import Bench, MethodRun, Report, is_finite
from core.catalog.registry import implementation, installed
from core.datasets.load import Sets
from core.errors import AttackMissing, ObservationsInvalid
from core.evaluation import Evaluation, evaluate
from core.measurement import DIVERGED
from core.outcome import Outcome
from core.provenance import provenance
from core.spec.job import HyperparameterValue
from core.spec.units import AttackUnit, ScoreUnit, UnitId, unit_id
from core.trials import NO_WINNER, chosen_hyperparameters

BINS = 50  # of the histogram of per-sample accuracies, over [0, 1]
DECIMALS = 4  # of each of them in the answer; the artifact has all
IN_POOL = ("retain", "forget", "test")  # the test set is the half that the model never saw

Document: TypeAlias = dict[str, Any]
Scores: TypeAlias = NDArray[np.float32]


def score(bench: Bench, unit: ScoreUnit, report: Report) -> Outcome:
    """Make the model, if it is an unlearned one, and keep its logit-scaled scores on the pool.

    Its weights are not kept. The record has the accuracies, which a search aims at. A model that is not
    finite has no scores.

    Raises:
        ArtifactMissing, ArtifactCorrupt: of a unit that this one depends on.
        UnlearnerMissing: the package that has the unlearner is not installed here.
    """
    hyperparameters: dict[str, HyperparameterValue] = {}
    seconds = 0.0
    if unit.unlearning is None:
        model = bench.trained_model(unit.setting, unit.model)
    else:
        chosen: dict[str, HyperparameterValue] | None = unit.unlearning.hyperparameters
        if unit.unlearning.selection is not None:
            chosen = chosen_hyperparameters(bench, unit.unlearning.hyperparameters, unit.unlearning.selection)
        if chosen is None:
            return _kept(bench, unit, {"is_usable": False, "reason": NO_WINNER}, None, seconds)
        hyperparameters = chosen
        run = MethodRun(unit.setting, unit.unlearning.unlearner, chosen, unit.model_seed, unit.model)
        unlearned = bench.unlearn(run, report)
        model, seconds = unlearned.model, unlearned.seconds
    sets = bench.sets(unit.setting, unit.model_seed)
    scores, record = _scored(model, sets)
    drawn = draw_lira_split(_num_train(unit.setting.dataset), unit.draw.split, unit.draw.forget_set)
    record |= {"hyperparameters": hyperparameters, "membership": _fingerprint(drawn.membership)}
    by_index = np.zeros(_num_train(unit.setting.dataset), dtype=np.float32)
    pool = None
    if scores is not None:
        for name, values in scores.items():
            by_index[getattr(sets.split, name)] = values
        pool = by_index[drawn.pool]
    return _kept(bench, unit, record, pool, seconds)


def attack(bench: Bench, unit: AttackUnit) -> Outcome:
    """Attack the pool's samples with the scores of all models; where that cannot be done, say why.

    Raises:
        AttackMissing: the package that has the attack is not installed here.
        ArtifactMissing, ArtifactCorrupt: of a unit that this one depends on.
    """
    info = installed().attacks.get(unit.attack)
    if info is None:
        raise AttackMissing(
            f"The attack {unit.attack!r} is not installed on this worker. Install the package that has it."
        )
    membership, models = lira_membership(_num_train(unit.setting.dataset), unit.splits, unit.forget_sets)
    document: Document = {"num_models": len(models), "hyperparameters": unit.hyperparameters}
    tensors: dict[str, dict[str, torch.Tensor]] = {}
    found: Document = {}
    try:
        scores, used = _stacked(bench, unit.scores, membership, models, unit.subject)
        document["hyperparameters"] = used
        retrained = None
        if unit.retrained:
            retrained, _ = _stacked(bench, unit.retrained, membership, models, "retrained")
        result = attack_samples(
            implementation(info.implementation),
            observations(scores, membership, models, retrained=retrained),
            min_splits=info.min_splits,
        )
    except ObservationsInvalid as error:
        document |= {"is_usable": False, "reason": str(error)}
    else:
        document |= _document(result)
        samples = draw_lira_split(_num_train(unit.setting.dataset), 0, 0).pool[result.samples]
        tensors["samples"] = {
            "index": torch.from_numpy(samples),
            "accuracy": torch.from_numpy(result.accuracies),
        }
        accuracies = result.accuracies.round(DECIMALS).tolist()
        found = {"samples": {"index": samples.tolist(), "accuracy": accuracies}}
    where = provenance(bench.device)
    artifact = bench.artifacts.write(unit_id(unit), tensors=tensors, record={**document, "provenance": where})
    return Outcome(
        document["is_usable"],
        0.0,
        provenance=where,
        artifact=asdict(artifact),
        attack=document | found,
        reason=document["reason"],
    )


def _scored(model: nn.Module, sets: Sets) -> tuple[dict[str, NDArray[np.float64]] | None, Document]:
    """The logit-scaled scores by set, and the accuracies."""
    evaluation = evaluate(model, sets)
    if not (is_finite(model) and evaluation.is_finite):
        return None, {"is_usable": False, "reason": DIVERGED}
    scores = {name: _logit_scaled(evaluation, name) for name in IN_POOL}
    return scores, {"is_usable": True, "reason": None, "metrics": evaluation.accuracies}


def _logit_scaled(evaluation: Evaluation, name: str) -> NDArray[np.float64]:
    return scaled_logits(evaluation.logits[name].numpy(), evaluation.labels[name].numpy())


def _kept(bench: Bench, unit: ScoreUnit, record: Document, pool: Scores | None, seconds: float) -> Outcome:
    tensors = {} if pool is None else {"scores": {"z": torch.from_numpy(pool)}}
    record = {**record, "runtime_seconds": seconds, "device": bench.device_name}
    artifact = bench.artifacts.write(unit_id(unit), tensors=tensors, record=record)
    return Outcome(record["is_usable"], seconds, artifact=asdict(artifact), reason=record["reason"])


def _stacked(
    bench: Bench, units: tuple[UnitId, ...], membership: Codes, models: NDArray[np.int64], subject: str
) -> tuple[Scores, Document]:
    """The `(M, N)` scores of all models, and the hyperparameters that they had.

    Raises:
        ObservationsInvalid: a model is not usable, or was scored on other splits.
    """
    records = [bench.artifacts.read_record(unit) for unit in units]
    unusable = [index for index, record in enumerate(records) if not record["is_usable"]]
    if unusable:
        split, forget_set = models[unusable[0]]
        raise ObservationsInvalid(
            f"{len(unusable)} of {len(records)} models ({subject}) have no scores; the first, of split "
            f"{split}, forget set {forget_set}: {records[unusable[0]]['reason']}."
        )
    for record, codes, (split, forget_set) in zip(records, membership, models, strict=True):
        if record["membership"] != _fingerprint(codes):
            raise ObservationsInvalid(
                f"The scores of split {split}, forget set {forget_set} were made with other splits than this "
                "version of Lethe draws."
            )
    scores = np.stack([bench.artifacts.read_tensors(unit, "scores")["z"].numpy() for unit in units])
    return scores, records[0]["hyperparameters"]


def _document(result: SampleResult) -> Document:
    counts, edges = np.histogram(result.accuracies, bins=BINS, range=(0, 1))
    return {
        "is_usable": True,
        "reason": None,
        **result.as_dict(),
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }


def _num_train(dataset: str) -> int:
    return installed().datasets[dataset].num_train


def _fingerprint(codes: Codes) -> str:
    return hashlib.sha256(codes.tobytes()).hexdigest()[:16]
