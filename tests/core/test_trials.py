"""Sweeps as units, run by the harness on real digits with the tiny model of the throw-away package."""

import json
import math
from dataclasses import replace

import pytest
import torch

from core.artifacts import ArtifactStore
from core.catalog.protocols import QUICK, Recipe
from core.catalog.registry import Catalogue
from core.execute import Workbench
from core.outcome import Outcome
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import POPULATION, Unit, UnitId


@pytest.fixture
def bench(tmp_path) -> Workbench:
    return Workbench(ArtifactStore(tmp_path), data_dir=tmp_path, cache_dir=tmp_path / "cache", device="cpu")


def units(
    catalogue: Catalogue, unlearner: object, *, max_batch_size: int = 1024, **sweep: object
) -> dict[UnitId, Unit]:
    """The units of a job with a sweep on the tiny model, dependencies first."""
    recipe = Recipe(num_epochs=3, batch_size=32, learning_rate=0.05)
    changes = {"recipes": {"*/*": recipe}, "max_batch_size": {"digits": max_batch_size}}
    protocol = QUICK.model_copy(update=changes)
    spec = {
        "settings": [{"dataset": "digits", "model": "toy_net"}],
        "unlearners": [unlearner],
        "model_seeds": [0, 1],
        "sweep": sweep,
    }
    quick = replace(catalogue, protocols={QUICK.id: protocol})
    return {planned.id: planned.unit for planned in plan(resolve(parse_job_spec(json.dumps(spec)), quick))}


def execute(bench: Workbench, todo: dict[UnitId, Unit]) -> dict[UnitId, Outcome]:
    return {identity: bench.execute(unit, lambda progress: None) for identity, unit in todo.items()}


def of_kind(todo: dict[UnitId, Unit], outcomes: dict[UnitId, Outcome], kind: str) -> list[Outcome]:
    return [outcomes[identity] for identity, unit in todo.items() if unit.kind == kind]


def test_the_final_models_get_the_hyperparameters_of_the_best_trial_of_all_sweeps(bench, catalogue):
    todo = units(catalogue, "toy_noise", seeds=[0, 1], trials=5)

    outcomes = execute(bench, todo)

    attempts = [attempt for outcome in of_kind(todo, outcomes, "trial") for attempt in outcome.attempts]
    best = min(attempts, key=lambda attempt: attempt["score"])
    assert len(attempts) == 2 * 5
    assert [outcome.hyperparameters for outcome in of_kind(todo, outcomes, "unlearn")] == [
        best["parameters"]
    ] * 2
    assert all(outcome.is_usable for outcome in outcomes.values())


def test_a_trial_keeps_its_objectives_and_metrics_but_no_weights_and_never_looks_at_the_test_set(
    bench, catalogue, tmp_path
):
    todo = units(catalogue, "ft", seeds=[0], trials=1)
    outcomes = execute(bench, todo)

    (trial,) = (identity for identity, unit in todo.items() if unit.kind == "trial")
    (attempt,) = outcomes[trial].attempts
    assert set(attempt["objectives"]) == {"retain", "forget", "validation", "mia"}
    assert attempt["score"] == pytest.approx(math.hypot(*attempt["objectives"].values()))
    assert attempt["metrics"]["validation_accuracy"] > 0
    shown = attempt["parameters"]["num_epochs"] * 1099  # of digits, what is retained
    assert attempt["work"] == {"forward": shown, "backward": shown}
    where = outcomes[trial].provenance
    assert (where["device_type"], where["precision"]) == ("cpu", "fp32")
    assert {"git_revision", "versions", "split"} <= set(where)
    assert ArtifactStore(tmp_path).read_record(trial)["provenance"] == where
    assert not [name for name in attempt["metrics"] if "test" in name]
    files = {path.name for path in (tmp_path / trial[:2] / trial).iterdir()}
    assert not [name for name in files if name.endswith(".safetensors")]


def test_the_second_generation_rests_on_the_first_and_can_be_made_again_bit_for_bit(bench, catalogue):
    todo = units(catalogue, "toy_noise", seeds=[0], trials=POPULATION + 2)
    outcomes = execute(bench, todo)
    trials = of_kind(todo, outcomes, "trial")
    drawn = [outcome.attempts[-1]["parameters"]["sigma"] for outcome in trials]
    assert len(drawn) == POPULATION + 2
    assert len(set(drawn[:POPULATION])) == POPULATION

    torch.rand(3)
    again = execute(bench, {identity: unit for identity, unit in todo.items() if unit.kind == "trial"})

    kept = ("parameters", "objectives", "metrics")
    for before, after in zip(trials, again.values(), strict=True):
        assert [before.attempts[-1][name] for name in kept] == [after.attempts[-1][name] for name in kept]


def test_without_the_oracle_a_trial_runs_on_the_original_alone_and_aims_at_its_accuracies(bench, catalogue):
    todo = units(catalogue, "toy_noise", seeds=[2], trials=2, target="original")
    tuning = {identity: unit for identity, unit in todo.items() if unit.model_seed == 2}

    outcomes = execute(bench, tuning)

    full = units(catalogue, "toy_noise", seeds=[2], trials=1)  # with all four reference units of the seed
    references = {identity: unit for identity, unit in full.items() if unit.model_seed == 2}
    measured = execute(bench, references)
    (original,) = (
        measured[identity].metrics
        for identity, unit in references.items()
        if unit.kind == "evaluate" and unit.role == "original"
    )
    for trial in of_kind(tuning, outcomes, "trial"):
        (attempt,) = trial.attempts
        pairs = {"retain": "retain", "forget": "validation", "validation": "validation"}
        for own, aim in pairs.items():
            gap = abs(attempt["metrics"][f"{own}_accuracy"] - original[f"{aim}_accuracy"])
            assert attempt["objectives"][own] == pytest.approx(gap / 3)


def test_what_is_given_is_not_searched(bench, catalogue):
    todo = units(catalogue, {"id": "ft", "hyperparameters": {"num_epochs": 1}}, seeds=[0], trials=2)

    outcomes = execute(bench, todo)

    for outcome in of_kind(todo, outcomes, "trial"):
        assert set(outcome.attempts[-1]["parameters"]) == {"learning_rate", "weight_decay", "batch_size"}
    assert {outcome.hyperparameters["num_epochs"] for outcome in of_kind(todo, outcomes, "unlearn")} == {1}


def test_a_method_that_raises_is_tried_with_other_values_and_leaves_no_configuration_in_the_end(
    bench, catalogue
):
    todo = units(catalogue, "toy_raiser", seeds=[0], trials=2)

    outcomes = execute(bench, todo)

    for outcome in of_kind(todo, outcomes, "trial"):
        assert [attempt["state"] for attempt in outcome.attempts] == ["failed"] * 3
        assert (
            outcome.attempts[0]["reason"] == "RuntimeError: it never works: caf?\N{REPLACEMENT CHARACTER}.png"
        )
    for outcome in of_kind(todo, outcomes, "unlearn"):
        assert not outcome.is_usable
        assert "no trial" in outcome.reasons["retention_deviation"]


def test_a_trial_keeps_every_proposal_that_was_pruned_also_those_in_place_of_one_that_raised(
    bench, catalogue, monkeypatch
):
    def never_works(*_: object) -> None:
        raise RuntimeError("it never works")

    monkeypatch.setattr("core.unlearners.ft.unlearn", never_works)
    todo = units(catalogue, "ft", seeds=[0], trials=8, max_batch_size=128)

    trials = of_kind(todo, execute(bench, todo), "trial")

    for trial in trials:
        assert [attempt["state"] for attempt in trial.attempts if attempt["state"] != "pruned"] == [
            "failed"
        ] * 3
        assert trial.attempts[-1]["state"] == "failed"
        for attempt in trial.attempts:
            assert (attempt["state"] == "pruned") == (attempt["parameters"]["batch_size"] > 128)
    states = [[attempt["state"] for attempt in trial.attempts] for trial in trials]
    assert any("pruned" in of_trial[of_trial.index("failed") :] for of_trial in states)


def test_a_model_that_diverges_scores_infinitely_badly(bench, catalogue):
    todo = units(catalogue, {"id": "toy_noise", "hyperparameters": {"sigma": 1e38}}, seeds=[0], trials=1)
    assert not [unit for unit in todo.values() if unit.kind == "trial"]  # nothing is left to search

    todo = units(
        catalogue,
        {"id": "ft", "hyperparameters": {"learning_rate": 10.0, "weight_decay": 1.0, "num_epochs": 50}},
        seeds=[0],
        trials=1,
    )
    outcomes = execute(bench, todo)

    (trial,) = of_kind(todo, outcomes, "trial")
    assert trial.attempts[-1]["state"] == "completed"
    assert trial.attempts[-1]["objectives"] is None
    assert "diverged" in trial.attempts[-1]["reason"]
