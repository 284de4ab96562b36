"""U-LiRA as units of a job: what is planned, and what comes out on digits with a tiny model (protocol §8)."""

import json
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import core.specs
from core.artifacts import ArtifactStore
from core.attacks.lira_splits import lira_membership
from core.catalog.protocols import QUICK, Recipe
from core.catalog.registry import Catalogue, installed
from core.errors import SpecInvalid
from core.execute import Workbench
from core.outcome import Outcome
from core.plan import PlannedUnit, plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import AttackUnit, ScoreUnit, Unit, UnitId, unit_from_json, unit_id

PAPERS = ["ft", "msg", "cfw", "prmq", "ct", "kde"]


def planned(catalogue: Catalogue | None = None, **changes: Any) -> tuple[PlannedUnit, ...]:
    document = {
        "settings": [{"dataset": "mnist", "model": "resnet18"}],
        "unlearners": ["ft"],
        "model_seeds": [0],
        "attacks": [{"id": "u_lira", "splits": 12, "forget_sets": 8}],
        **changes,
    }
    return plan(resolve(parse_job_spec(json.dumps(document)), catalogue or installed()))


def attack(**changes: Any) -> dict[str, Any]:
    return {"attacks": [{"id": "u_lira", "splits": 12, "forget_sets": 8, **changes}]}


def of_study(units: tuple[PlannedUnit, ...]) -> list[Unit]:
    """The units that an attack adds to a job."""
    return [found.unit for found in units if found.unit.setting.forget.rule == "lira"] + attacks(units)


def attacks(units: tuple[PlannedUnit, ...]) -> list[AttackUnit]:
    return [found.unit for found in units if isinstance(found.unit, AttackUnit)]


def scores(units: tuple[PlannedUnit, ...]) -> list[ScoreUnit]:
    return [found.unit for found in units if isinstance(found.unit, ScoreUnit)]


def refusal(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecInvalid) as refused:
        planned(**changes)
    return [(problem.pointer, problem.code) for problem in refused.value.problems]


def whole_paper() -> tuple[PlannedUnit, ...]:
    bundled = (Path(core.specs.__path__[0]) / "whole_paper.json").read_bytes()
    return plan(resolve(parse_job_spec(bundled), installed()))


def test_the_whole_paper_is_one_spec_of_93_920_models():
    units = whole_paper()
    made = sum(found.unit.kind in ("train", "trial", "unlearn") for found in units)
    unlearned_and_scored = sum(unit.method is not None for unit in scores(units))

    assert made + unlearned_and_scored == 93_920


def test_an_attack_may_name_settings_and_unlearners_of_its_job():
    two = [{"dataset": name, "model": "resnet18"} for name in ("mnist", "fashion_mnist")]
    units = planned(settings=two, unlearners=["ft", "ct"], **attack(settings=two[1:], unlearners=["ct"]))

    assert {unit.setting.dataset for unit in of_study(units)} == {"fashion_mnist"}
    assert {unit.method for unit in scores(units)} == {None, "ct"}


def test_the_papers_study_has_the_models_searches_and_predictions_of_the_protocols_table():
    units = whole_paper()
    found = of_study(units)

    trained = Counter(unit.role for unit in found if unit.kind == "train")
    assert trained == {"original": 640, "retrained": 640}
    assert Counter(unit.kind for unit in found)["trial"] == 6 * 32 * 200
    assert Counter(unit.kind for unit in found)["selection"] == 6
    assert len(scores(units)) == 8 * 640
    assert Counter(unit.method for unit in scores(units)) == {None: 1280, **dict.fromkeys(PAPERS, 640)}
    assert [unit.subject for unit in attacks(units)] == ["original", "retrained", *PAPERS]
    assert {unit.setting.recipe.num_epochs for unit in found if unit.kind == "train"} == {91}


def test_dependencies_come_first_and_no_unit_comes_twice():
    units = planned(sweep={"trials": 60}, **attack())

    seen: set[str] = set()
    for found in units:
        assert set(found.unit.depends_on) <= seen
        assert found.id not in seen
        seen.add(found.id)


def test_a_smaller_study_is_a_part_of_a_larger_one():
    small = planned(**attack(splits=12))
    large = planned(**attack(splits=14))

    shared = {unit.id for unit in small} & {unit.id for unit in large}
    assert len(small) - len(shared) == len(attacks(small))


def test_another_method_shares_all_reference_models_and_their_scores():
    one, other = planned(unlearners=["ft"]), planned(unlearners=["ga"])

    shared = {unit.id for unit in one} & {unit.id for unit in other}
    assert [unit.unit.method for unit in one if unit.id not in shared] == ["ft"] * (1 + 96 + 1)


def test_one_original_per_split_saves_the_others():
    units = planned(**attack(originals="per_split"))

    trained = Counter(unit.role for unit in of_study(units) if unit.kind == "train")
    assert trained == {"original": 12, "retrained": 96}


def test_searches_are_on_the_first_forget_set_of_each_split():
    units = planned(sweep={"trials": 1}, **attack(search_splits=3))

    searched = [unit.setting.forget for unit in of_study(units) if unit.kind == "trial"]
    assert [(forget.split, forget.forget_set) for forget in searched] == [(0, 0), (1, 0), (2, 0)]


def test_rescoring_tries_each_searchs_winner_on_the_other_splits_searched_on():
    units = planned(sweep={"trials": 1}, **attack(search_splits=3, selection="rescored"))

    tried = [unit for unit in of_study(units) if unit.kind == "rescore"]
    pairs = [(unit.searched.setting.forget.split, unit.setting.forget.split) for unit in tried]
    assert pairs == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    (chosen,) = {unit.unlearning.selection for unit in scores(units) if unit.unlearning}
    (choice,) = [found.unit for found in units if found.id == chosen]
    assert set(choice.depends_on) == {unit_id(unit) for unit in tried}


def test_rescoring_shares_the_searches_of_the_papers_mode():
    best, rescored = (
        planned(sweep={"trials": 1}, **attack(search_splits=3, selection=selection))
        for selection in ("best_trial", "rescored")
    )

    shared = {unit.id for unit in best}
    new = Counter(found.unit.kind for found in rescored if found.id not in shared)
    assert new == {"rescore": 6, "selection": 4, "score": 96, "attack": 1}


def test_an_attack_with_retrained_models_as_never_seen_ones_depends_on_their_scores():
    of_method, of_retrained = (attacks(planned(**attack(out=out)))[-1] for out in ("same_method", "retrain"))

    assert len(of_method.depends_on) == 96
    assert len(of_retrained.depends_on) == 2 * 96


def test_every_units_payload_is_the_unit():
    for found in planned(**attack()):
        read_back = unit_from_json(json.loads(json.dumps(found.unit.model_dump(mode="json"))))
        assert read_back == found.unit
        assert unit_id(read_back) == found.id


@pytest.mark.parametrize("added", ["rmia", "u_lira_pooled"])
def test_another_attack_on_a_study_that_is_done_trains_and_scores_nothing(added):
    done = {unit.id for unit in planned(**attack())}
    grid = {"splits": 12, "forget_sets": 8}

    both = planned(attacks=[{"id": "u_lira", **grid}, {"id": added, **grid}])

    new = [found.unit for found in both if found.id not in done]
    assert [unit.kind for unit in new] == ["attack"] * 3
    assert [(unit.attack, unit.subject) for unit in new] == [
        (added, "original"),
        (added, "retrained"),
        (added, "ft"),
    ]


@pytest.mark.parametrize("attack", ["rmia", "u_lira_pooled"])
def test_attacks_that_need_fewer_models_take_eight_splits_of_two_forget_sets(attack):
    assert attacks(planned(attacks=[{"id": attack, "splits": 8, "forget_sets": 2}]))
    assert ("#/attacks/0/splits", "too_few_splits") in refusal(
        attacks=[{"id": attack, "splits": 2, "forget_sets": 2}]
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param(
            attack(splits=8), ("#/attacks/0/splits", "too_few_splits"), id="in and out need five splits each"
        ),
        pytest.param(
            attack(splits=8, forget_sets=2, out="retrain"),
            ("#/attacks/0/splits", "too_few_splits"),
            id="too few samples are in five splits",
        ),
        pytest.param(attack(trials=5), ("#/attacks/0/trials", "unused"), id="no sweep to search"),
        pytest.param(
            attack(unlearners=["ct"]), ("#/attacks/0/unlearners/0", "not_in_job"), id="nothing of the job's"
        ),
        pytest.param(
            attack(settings=[{"dataset": "mnist", "model": "tiny_vit"}]),
            ("#/attacks/0/settings/0", "not_in_job"),
            id="beside no setting of the job",
        ),
        pytest.param(
            attack(selection="rescored"), ("#/attacks/0/selection", "unused"), id="no sweep to select from"
        ),
        pytest.param(
            {"sweep": {"trials": 1}, **attack(selection="rescored", search_splits=1)},
            ("#/attacks/0/search_splits", "too_few_splits"),
            id="no other split to score a winner on",
        ),
        pytest.param(
            {"attacks": [{"id": "u_mia", "splits": 12}]}, ("#/attacks/0/splits", "unused"), id="no study"
        ),
        pytest.param(attack(id="u_lyra"), ("#/attacks/0/id", "unknown_attack"), id="misspelt"),
        pytest.param({"attacks": ["u_mia", "u_mia"]}, ("#/attacks/1", "duplicate"), id="twice"),
    ],
)
def test_a_study_that_cannot_be_is_refused(changes, problem):
    assert problem in refusal(**changes)


def test_eight_splits_suffice_where_retrained_models_are_the_never_seen_ones():
    assert attacks(planned(**attack(splits=8, out="retrain")))


SPLITS, FORGET_SETS = 8, 7
TOY = {
    "settings": [{"dataset": "toy_scramble", "model": "toy_net"}],
    "attacks": [
        {
            "id": "u_lira",
            "splits": SPLITS,
            "forget_sets": FORGET_SETS,
            "originals": "per_split",
            "out": "retrain",
        }
    ],
}


def toy(catalogue: Catalogue, **changes: Any) -> dict[UnitId, Unit]:
    """The study's units on the tiny model and labels that only memory can tell."""
    recipe = Recipe(num_epochs=8, batch_size=32, learning_rate=0.2, weight_decay=0)
    protocol = QUICK.model_copy(update={"recipes": {"*/*": recipe}})
    quick = replace(catalogue, protocols={QUICK.id: protocol})
    units = planned(quick, **{**TOY, **changes})
    return {
        found.id: found.unit
        for found in units
        if found.unit.kind == "attack" or found.unit.setting.forget.rule == "lira"
    }


def bench(path: Path) -> Workbench:
    return Workbench(ArtifactStore(path), data_dir=path, cache_dir=path / "cache", device="cpu")


def execute(bench: Workbench, todo: dict[UnitId, Unit]) -> dict[UnitId, Outcome]:
    return {identity: bench.execute(unit, lambda progress: None) for identity, unit in todo.items()}


def test_retrained_models_are_at_chance_originals_far_above_and_noise_between(catalogue, tmp_path):
    todo = toy(catalogue, unlearners=[{"id": "toy_noise", "hyperparameters": {"sigma": 0.3}}])

    outcomes = execute(bench(tmp_path), todo)

    found = {
        unit.subject: outcomes[identity].attack
        for identity, unit in todo.items()
        if isinstance(unit, AttackUnit)
    }
    means = {subject: attack["figures"]["mean"] for subject, attack in found.items()}
    error = means["retrained"]["high"] - means["retrained"]["low"]
    assert means["retrained"]["value"] == pytest.approx(0.5, abs=error)
    assert means["original"]["low"] > 0.75
    assert means["retrained"]["value"] < means["toy_noise"]["value"] < means["original"]["value"]
    assert found["toy_noise"]["hyperparameters"] == {"sigma": 0.3}
    assert sum(found["original"]["histogram"]["counts"]) == found["original"]["num_attacked"] > 5
    samples = found["original"]["samples"]
    assert np.mean(samples["accuracy"]) == pytest.approx(means["original"]["value"], abs=1e-4)
    assert len(set(samples["index"])) == len(samples["index"]) == found["original"]["num_attacked"]


def test_scores_can_be_made_again_bit_for_bit_in_any_order(catalogue, tmp_path):
    todo = list(toy(catalogue).values())
    trained = [unit for unit in todo if unit.kind == "train"][:3]
    scored = [unit for unit in todo if unit.kind == "score" and unit.model in map(unit_id, trained)][:3]
    artifacts = ArtifactStore(tmp_path)
    execute(bench(tmp_path), {unit_id(unit): unit for unit in (*trained, *scored)})
    before = [artifacts.read_tensors(unit_id(unit), "scores")["z"] for unit in scored]

    torch.rand(3)
    execute(bench(tmp_path), {unit_id(unit): unit for unit in reversed(scored)})

    after = [artifacts.read_tensors(unit_id(unit), "scores")["z"] for unit in scored]
    assert len(scored) == 3
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert before[0].dtype == torch.float32
    assert len(before[0]) == 228


def with_scores(catalogue: Catalogue, path: Path, attack: str = "u_lira", **first: Any) -> Outcome:
    """The attack on FT with made-up scores, the first model's record changed."""
    todo = toy(catalogue, attacks=[{**TOY["attacks"][0], "id": attack}])
    (unit,) = [unit for unit in todo.values() if isinstance(unit, AttackUnit) and unit.subject == "ft"]
    artifacts = ArtifactStore(path)
    membership, _ = lira_membership(240, SPLITS, FORGET_SETS)
    generator = torch.Generator().manual_seed(0)
    for scores in (unit.retrained, unit.scores):
        for number, (identity, codes) in enumerate(zip(scores, membership, strict=True)):
            record = {
                "is_usable": True,
                "hyperparameters": {},
                "membership": sha256(codes.tobytes()).hexdigest()[:16],
                **(first if number == 0 and scores is unit.scores else {}),
            }
            z = torch.randn(len(codes), generator=generator)
            artifacts.write(identity, tensors={"scores": {"z": z}}, record=record)
    return bench(path).execute(unit, lambda progress: None)


@pytest.mark.parametrize("attack", ["u_lira", "u_lira_pooled", "rmia", "toy_threshold"])
def test_stored_scores_are_all_that_an_attack_needs_ours_or_anothers(catalogue, tmp_path, attack):
    outcome = with_scores(catalogue, tmp_path, attack)

    assert outcome.is_usable
    assert outcome.attack["figures"]["mean"]["value"] == pytest.approx(0.5, abs=0.1)


def test_a_model_that_diverged_leaves_no_figure_but_the_reason(catalogue, tmp_path):
    outcome = with_scores(catalogue, tmp_path, is_usable=False, reason="the model diverged")

    assert not outcome.is_usable
    assert "figures" not in outcome.attack
    assert "1 of 56 models (ft)" in outcome.attack["reason"]
    assert "split 0, forget set 0: the model diverged" in outcome.attack["reason"]


def test_a_model_whose_logits_are_not_finite_has_no_scores_but_the_reason(catalogue, tmp_path):
    todo = toy(catalogue, unlearners=[{"id": "toy_noise", "hyperparameters": {"sigma": 1e38}}])
    (unit, *_) = [unit for unit in todo.values() if unit.kind == "score" and unit.method]

    execute(bench(tmp_path), {identity: todo[identity] for identity in (*unit.depends_on, unit_id(unit))})

    record = ArtifactStore(tmp_path).read_record(unit_id(unit))
    assert not record["is_usable"]
    assert "not finite" in record["reason"]


def test_scores_of_other_splits_are_not_attacked(catalogue, tmp_path):
    outcome = with_scores(catalogue, tmp_path, membership="0" * 16)

    assert not outcome.is_usable
    assert "other splits" in outcome.attack["reason"]


def searched(catalogue: Catalogue, path: Path, **changes: Any) -> tuple[dict[str, list[Any]], list[Any]]:
    """The records of a search on two splits by kind of unit, and what the first models then were given."""
    todo = toy(
        catalogue,
        unlearners=["toy_noise"],
        sweep={"trials": 2},
        attacks=[{**TOY["attacks"][0], "search_splits": 2, **changes}],
    )
    wanted = {
        identity: unit for identity, unit in todo.items() if unit.kind in ("trial", "rescore", "selection")
    }
    scored = [unit for unit in todo.values() if unit.method == "toy_noise" and unit.kind == "score"][:2]
    needed = {on for unit in (*wanted.values(), *scored) for on in unit.depends_on}
    needed |= {on for identity in needed - set(wanted) for on in todo[identity].depends_on}
    kept = {identity: unit for identity, unit in todo.items() if identity in needed | set(wanted)}
    execute(bench(path), {**kept, **{unit_id(unit): unit for unit in scored}})
    records: dict[str, list[dict[str, Any]]] = {}
    for unit in (*kept.values(), *scored):
        records.setdefault(unit.kind, []).append(ArtifactStore(path).read_record(unit_id(unit)))
    used = [record["hyperparameters"] for record in records["score"][-2:]]
    return records, used


def test_a_search_aims_at_the_retrained_model_of_its_split_and_its_winner_is_used_everywhere(
    catalogue, tmp_path
):
    found, used = searched(catalogue, tmp_path)

    attempts = [attempt for record in found["trial"] for attempt in record["attempts"]]
    best = min(attempts, key=lambda attempt: attempt["score"])
    assert len(attempts) == 4
    assert used == [best["parameters"]] * 2


def test_a_rescored_search_takes_the_winner_that_does_best_on_the_other_split(catalogue, tmp_path):
    found, used = searched(catalogue, tmp_path, selection="rescored")

    winners = [
        min(
            (attempt for record in trials for attempt in record["attempts"]),
            key=lambda attempt: attempt["score"],
        )
        for trials in (found["trial"][:2], found["trial"][2:])
    ]
    rescored = [record["attempt"] for record in found["rescore"]]
    assert [attempt["parameters"] for attempt in rescored] == [winner["parameters"] for winner in winners]
    best = min(rescored, key=lambda attempt: attempt["score"])
    assert used == [best["parameters"]] * 2
