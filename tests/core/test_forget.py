"""Forget rules: what they take, what is refused, and repeated deletion (protocol §2.1, §10)."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook

from core.artifacts import ArtifactStore
from core.bench import Bench
from core.catalog.protocols import QUICK, Recipe
from core.catalog.registry import Catalogue, installed
from core.errors import ForgetSetInvalid, SpecInvalid
from core.evaluation import Evaluation, own_metrics
from core.execute import Workbench
from core.places import forget_document
from core.plan import PlannedUnit, plan
from core.spec.forget import ClassForget, ForgetRule, HardForget, IndicesForget, RandomForget, StepForget
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import Unit, UnitId
from core.splits import Split, draw_split

LABELS = np.arange(1000) % 4


def split(rule: ForgetRule) -> Split:
    return draw_split(1000, 200, rule, validation_fraction=0.15, seed=123, labels=LABELS)


def test_a_count_is_the_fraction_that_it_amounts_to():
    by_count, by_fraction = split(RandomForget(count=85)), split(RandomForget(fraction=0.1))

    assert by_count.fingerprints == by_fraction.fingerprints


def test_a_smaller_draw_is_part_of_a_larger_one():
    small, large = split(RandomForget(count=50)), split(RandomForget(count=300))

    assert set(small.forget) < set(large.forget)


def test_whole_classes_are_taken_from_the_training_split_alone():
    found = split(ClassForget(rule="class", labels=(1, 3)))

    assert set(LABELS[found.forget]) == {1, 3}
    assert set(LABELS[found.retain]) == {0, 2}
    assert set(LABELS[found.validation]) == {0, 1, 2, 3}
    assert len(found.forget) + len(found.retain) == 850


def test_a_fraction_of_a_class_leaves_the_rest_of_it():
    whole = split(ClassForget(rule="class", labels=(1,)))
    part = split(ClassForget(rule="class", labels=(1,), fraction=0.5))

    assert len(part.forget) == -(-len(whole.forget) // 2)
    assert set(part.forget) < set(whole.forget)


def test_the_default_draw_as_a_list_of_images_is_the_same_split():
    drawn = split(RandomForget())

    listed = split(IndicesForget(rule="indices", indices=tuple(sorted(drawn.forget.tolist()))))

    assert listed.fingerprints == drawn.fingerprints


def test_listed_images_of_the_validation_or_test_set_are_refused():
    stranger = int(split(RandomForget()).validation[0])

    with pytest.raises(ForgetSetInvalid, match=f"Image {stranger} "):
        split(IndicesForget(rule="indices", indices=(stranger,)))


def test_steps_are_disjoint_and_each_retains_what_all_before_have_left():
    drawn = (RandomForget(count=100),) * 3
    steps = [split(StepForget(rule="step", steps=drawn[:number])) for number in (1, 2, 3)]

    everything = set(steps[0].forget) | set(steps[0].retain)
    gone: set[int] = set()
    for step in steps:
        assert not gone & set(step.forget)
        gone |= set(step.forget)
        assert set(step.retain) == everything - gone
    assert steps[0].fingerprints == split(RandomForget(count=100)).fingerprints


def test_equal_steps_are_one_larger_draw_cut_in_pieces():
    drawn = (RandomForget(count=100),) * 3

    pieces = [split(StepForget(rule="step", steps=drawn[:number])).forget for number in (1, 2, 3)]

    assert np.concatenate(pieces).tolist() == split(RandomForget(count=300)).forget.tolist()


def test_steps_of_every_rule_take_of_what_is_left():
    losses = np.arange(1000) % 97 / 97.0
    training = split(RandomForget())
    listed = next(int(i) for i in training.retain if LABELS[i] == 0)
    rules = (
        ClassForget(rule="class", labels=(3,), fraction=0.5),
        IndicesForget(rule="indices", indices=(listed,)),
        HardForget(rule="hard", count=40),
        RandomForget(fraction=0.1),
        ClassForget(rule="class", labels=(1, 3)),
    )

    def step(number: int) -> Split:
        rule = StepForget(rule="step", steps=rules[:number])
        return draw_split(1000, 200, rule, validation_fraction=0.15, seed=123, labels=LABELS, losses=losses)

    half, image, hard, tenth, rest = steps = [step(number) for number in range(1, 6)]

    forgotten = np.concatenate([each.forget for each in steps])
    assert len(set(forgotten)) == len(forgotten)
    everything = {*training.retain, *training.forget}
    for number, each in enumerate(steps, start=1):
        assert set(each.retain) == everything - set(np.concatenate([s.forget for s in steps[:number]]))
    of_class = {i for i in everything if LABELS[i] == 3}
    assert len(half.forget) == -(-len(of_class) // 2)
    assert image.forget.tolist() == [listed]
    assert losses[hard.forget].min() >= losses[hard.retain].max()
    assert len(tenth.forget) == 85
    assert not {1, 3} & set(LABELS[rest.retain])


def test_a_class_of_which_nothing_is_left_is_an_error_that_names_the_step():
    whole = ClassForget(rule="class", labels=(3,))

    with pytest.raises(ForgetSetInvalid, match=r"Step 2: .* no sample to forget"):
        split(StepForget(rule="step", steps=(whole, whole)))


def equal_steps(count: int, size: int = 100) -> dict:
    return {"rule": "sequence", "steps": [{"count": size}] * count}


def resolved(forget: dict, catalogue: Catalogue | None = None, dataset: str = "digits", **changes: object):
    model = "toy_net" if catalogue else "resnet18"
    spec = {
        "settings": [{"dataset": dataset, "model": model, "forget": forget}],
        "unlearners": ["ft"],
        "model_seeds": [0],
        **changes,
    }
    return resolve(parse_job_spec(json.dumps(spec)), catalogue or installed())


def sequence(*steps: dict) -> dict:
    return {"rule": "sequence", "steps": [*steps]}


@pytest.mark.parametrize(
    ("forget", "pointer", "code"),
    [
        ({"rule": "class", "labels": [*range(10)]}, "#/settings/0/forget/labels", "set_too_small"),
        ({"rule": "class", "labels": [10]}, "#/settings/0/forget/labels", "unknown_class"),
        ({"rule": "class", "labels": [1, 1]}, "#/settings/0/forget/labels", "value_error"),
        ({"rule": "class"}, "#/settings/0/forget/labels", "missing"),
        ({"rule": "indices", "indices": [*range(20), 3]}, "#/settings/0/forget/indices", "value_error"),
        (
            {"rule": "indices", "indices": [*range(1400, 1500)]},
            "#/settings/0/forget/indices",
            "not_in_training_split",
        ),
        ({"rule": "random", "count": 0}, "#/settings/0/forget/count", "greater_than_equal"),
        ({"rule": "random", "count": 1221}, "#/settings/0/forget", "set_too_small"),
        ({"count": 50, "fraction": 0.5}, "#/settings/0/forget", "value_error"),
        ({"rule": "sequence", "steps": []}, "#/settings/0/forget/steps", "too_short"),
        (sequence({"fraction": 0.6}, {"count": 600}), "#/settings/0/forget/steps/1", "set_too_small"),
        (sequence({}, {"rule": "class"}), "#/settings/0/forget/steps/1/labels", "missing"),
        (
            sequence({}, {"rule": "class", "labels": [10]}),
            "#/settings/0/forget/steps/1/labels",
            "unknown_class",
        ),
        (sequence({}, {"rule": "hard", "size": 3}), "#/settings/0/forget/steps/1/size", "extra_forbidden"),
        (sequence({}, {"rule": "sequence"}), "#/settings/0/forget/steps/1/rule", "unknown_forget_rule"),
        (
            sequence({}, {"rule": "indices", "indices": [1437, 1438]}),
            "#/settings/0/forget/steps/1/indices",
            "not_in_training_split",
        ),
        (
            sequence({"rule": "class", "labels": [3]}, {"rule": "class", "labels": [5, 3]}),
            "#/settings/0/forget/steps/1/labels",
            "already_forgotten",
        ),
        (
            sequence({"rule": "class", "labels": [*range(5)]}, {"rule": "class", "labels": [*range(5, 10)]}),
            "#/settings/0/forget/steps/1/labels",
            "set_too_small",
        ),
        ({"rule": "random", "count": 2000}, "#/settings/0/forget", "set_too_small"),
        ({"rule": "oldest"}, "#/settings/0/forget/rule", "unknown_forget_rule"),
    ],
)
def test_what_cannot_be_forgotten_is_refused_when_it_is_submitted(forget, pointer, code):
    with pytest.raises(SpecInvalid) as caught:
        resolved(forget)

    assert (pointer, code) in {(problem.pointer, problem.code) for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("forget", "told"),
    [
        (equal_steps(11, 123), r"Steps 1 to 10 forget 1,230 samples, but the training split has 1,222"),
        ({"count": 2000}, r"forgets 2,000 samples, but the training split has 1,222"),
    ],
)
def test_more_than_there_is_to_forget_is_told_with_what_there_is(forget, told):
    with pytest.raises(SpecInvalid) as caught:
        resolved(forget)

    (problem,) = caught.value.problems
    assert re.search(told, problem.detail)


def test_steps_share_the_training_split_up_to_two_samples_that_are_retained():
    assert len(resolved(sequence({"count": 720}, {"count": 500})).cells) == 2


DRAWN = sorted(draw_split(1438, 359, RandomForget(), validation_fraction=0.15, seed=123).forget.tolist())


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ([{"rule": "indices", "indices": DRAWN[2:9]}], f"Image {DRAWN[2]} of step 2 .* by step 1 already"),
        ([{}], f"Image {DRAWN[0]} of step 2 .* by step 1 already"),
        (
            [{"rule": "class", "labels": [3]}, {"rule": "indices", "indices": DRAWN[1:3]}, {"rule": "hard"}],
            f"Image {DRAWN[1]} of step 4 .* by step 2 already",
        ),
    ],
)
def test_listed_images_that_an_earlier_step_forgets_are_refused_with_step_and_number(before, told):
    with pytest.raises(SpecInvalid) as caught:
        resolved(sequence(*before, {"rule": "indices", "indices": DRAWN[:3]}))

    (problem,) = caught.value.problems
    assert problem.pointer == f"#/settings/0/forget/steps/{len(before)}/indices"
    assert re.search(told, problem.detail)


def test_the_rest_of_a_class_can_follow_a_part_of_it():
    part = {"rule": "class", "labels": [3], "fraction": 0.5}

    assert len(resolved(sequence(part, {"rule": "class", "labels": [3]})).cells) == 2


def test_a_misspelt_rule_is_told_with_those_there_are():
    with pytest.raises(SpecInvalid) as caught:
        resolved({"rule": "harder"})

    (problem,) = caught.value.problems
    assert problem.suggestion == "hard"
    assert "class, hard, indices, random, sequence" in problem.detail


def test_a_sequence_is_a_setting_per_step_and_each_step_starts_from_the_one_before():
    units = plan(resolved(equal_steps(3), unlearners=["ft", "ga"]))

    unlearning = [unit for unit in units if unit.unit.kind == "unlearn" and unit.unit.unlearner == "ft"]
    original = next(unit for unit in units if unit.unit.kind == "train" and unit.unit.role == "original")
    assert [len(unit.unit.setting.forget.steps) for unit in unlearning] == [1, 2, 3]
    starts = [unit.unit.original for unit in unlearning]
    assert starts == [original.id, unlearning[0].id, unlearning[1].id]
    roles = [unit.unit.role for unit in units if unit.unit.kind == "train"]
    assert (roles.count("original"), roles.count("retrained")) == (1, 3)


def test_a_longer_sequence_beside_a_shorter_one_shares_its_steps_and_starts_from_the_original_too():
    settings = [{"dataset": "digits", "model": "resnet18", "forget": equal_steps(n)} for n in (1, 2)]
    units = plan(resolved({}, settings=settings))

    original = next(unit.id for unit in units if unit.unit.title == "train the original model")
    first, second = (unit for unit in units if unit.unit.kind == "unlearn")
    assert [first.unit.original, second.unit.original] == [original, first.id]


def test_a_sequence_is_tuned_once_at_its_first_step():
    sweep = {"seeds": [0], "trials": 2}
    units = plan(resolved(equal_steps(2), sweep=sweep))

    selections = [unit.id for unit in units if unit.unit.kind == "selection"]
    assert len(selections) == 1
    assert [u.unit.selection for u in units if u.unit.kind == "unlearn"] == selections * 2


@pytest.fixture
def outcomes(tmp_path, catalogue):
    """What the units of one kind, in a job on the tiny model, leave: unit, unlearnt weights, outcome."""
    recipe = Recipe(num_epochs=3, batch_size=32, learning_rate=0.05)
    protocol = QUICK.model_copy(update={"recipes": {"*/*": recipe}})
    quick = replace(catalogue, protocols={QUICK.id: protocol})
    artifacts = ArtifactStore(tmp_path)
    bench = Workbench(artifacts, data_dir=tmp_path, cache_dir=tmp_path / "cache", device="cpu")

    def run(
        forget: dict, kind: str = "unlearn"
    ) -> list[tuple[Unit, dict[str, torch.Tensor], dict[str, float | None]]]:
        found: list = []
        for planned in plan(resolved(forget, quick)):
            outcome = bench.execute(planned.unit, lambda progress: None)
            if planned.unit.kind == kind:
                has_weights = kind == "unlearn" and outcome.is_usable
                weights = artifacts.read_tensors(UnitId(planned.id), "model") if has_weights else {}
                found.append((planned.unit, weights, outcome))
        return found

    return run


def test_the_default_forget_set_as_a_list_gives_the_same_model_bit_for_bit(outcomes):
    default = draw_split(1438, 359, RandomForget(), validation_fraction=0.15, seed=123)
    ((_, drawn, _),) = outcomes({})

    ((_, listed, _),) = outcomes({"rule": "indices", "indices": default.forget.tolist()})

    assert all(torch.equal(weights, listed[name]) for name, weights in drawn.items())


def test_a_sequence_of_one_step_is_a_single_deletion(outcomes):
    ((_, single, before),) = outcomes({"count": 100})

    ((_, step, after),) = outcomes(equal_steps(1))

    assert all(torch.equal(weights, step[name]) for name, weights in single.items())
    assert before.metrics["retention_deviation"] == after.metrics["retention_deviation"]


def test_forgetting_a_class_that_the_retrained_model_never_knew_has_gaps_in_place_of_ratios(outcomes):
    ((_, _, outcome),) = outcomes({"rule": "class", "labels": [3]})

    assert outcome.is_usable
    assert outcome.metrics["forget_retention"] is None
    assert outcome.metrics["retention_deviation"] is None
    assert "gets nothing right" in outcome.reasons["forget_retention"]
    assert set(outcome.reasons) == {"forget_retention", "retention_deviation"}
    assert outcome.metrics["retain_retention"] > 0
    assert outcome.metrics["forget_gap"] == outcome.metrics["forget_accuracy"]
    assert outcome.metrics["forget_sape"] == pytest.approx(100)
    assert 0 <= outcome.metrics["retain_sape"] <= 100
    assert 0 <= outcome.metrics["mia_test"] <= 1


def test_a_later_step_reports_what_all_steps_cost_and_how_far_it_has_drifted_from_the_first(outcomes):
    first, second, third = (outcome.metrics for *_, outcome in outcomes(equal_steps(3)))

    assert first["cumulative_runtime_seconds"] == first["runtime_seconds"]
    assert first["retention_deviation_drift"] == first["indiscernibility_drift"] == 0
    seconds = [step["runtime_seconds"] for step in (first, second, third)]
    assert third["cumulative_runtime_seconds"] == pytest.approx(sum(seconds))
    assert third["cumulative_work"] == first["work"] + second["work"] + third["work"]
    for drift, own in (
        ("retention_deviation_drift", "retention_deviation"),
        ("indiscernibility_drift", "indiscernibility_test"),
    ):
        assert third[drift] == third[own] - first[own]


def test_a_mixed_sequence_runs_each_step_with_the_statistics_of_its_own_set(outcomes):
    spread = sequence(
        {"rule": "indices", "indices": DRAWN[:20]},
        {"rule": "class", "labels": [3]},
        {"rule": "hard", "count": 30},
        {"fraction": 0.05},
    )
    found = [outcome for *_, outcome in outcomes(spread)]

    assert all(outcome.is_usable for outcome in found)
    gaps = [outcome.metrics["retention_deviation"] is None for outcome in found]
    assert gaps == [False, True, False, False]
    assert found[1].metrics["retention_deviation_drift"] is None
    assert "does not exist" in found[1].reasons["retention_deviation_drift"]
    gap, first = found[1].metrics["forget_gap"], found[0].metrics["forget_gap"]
    assert found[1].metrics["forget_gap_drift"] == gap - first
    assert found[3].metrics["retention_deviation_drift"] is not None


def test_what_is_left_after_a_class_is_attacked_among_the_classes_that_are_left(outcomes):
    first = {"rule": "class", "labels": [*range(5)]}

    evaluations = outcomes(sequence(first, {"fraction": 0.2}), kind="evaluate")

    _, retrained = (outcome for unit, _, outcome in evaluations if unit.role == "retrained")
    assert retrained.metrics["mia_test"] == pytest.approx(0.5, abs=0.1)  # 0.7 among all classes


def test_a_single_deletion_has_no_sequence_to_report(outcomes):
    ((*_, outcome),) = outcomes({"count": 100})

    assert not {"cumulative_work", "retention_deviation_drift"} & set(outcome.metrics)


def test_a_step_that_diverges_ends_its_sequence(outcomes, monkeypatch):
    def poison(model, task, hp):
        with torch.no_grad():
            next(model.parameters()).fill_(torch.nan)

    monkeypatch.setattr("core.unlearners.ft.unlearn", poison)

    first, *later = (outcome for *_, outcome in outcomes(equal_steps(3)))

    assert "diverged" in first.reasons["test_accuracy"]
    for step in later:
        assert not step.is_usable
        assert step.reasons["test_accuracy"] == "a step of the sequence before this one diverged"


def test_a_class_is_attacked_among_its_own_held_out_samples():
    labels = torch.arange(400) % 4
    noise = torch.rand(400, 4, generator=torch.Generator().manual_seed(0))
    logits = noise + 9 * torch.nn.functional.one_hot(labels, 4) * (labels != 3)[:, None]  # class 3 is hard
    evaluation = Evaluation(
        logits={"forget": logits[3::4].flip(1), "test": logits},
        labels={"forget": torch.full((100,), 3), "test": labels},
    )

    assert own_metrics(evaluation)["mia_test"] > 0.7
    assert own_metrics(evaluation, same_classes=True)["mia_test"] == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("forget", [{"rule": "indices", "indices": DRAWN[:3]}, {"count": 1}])
def test_a_few_samples_can_be_forgotten_and_are_attacked_by_the_rank_of_their_losses(outcomes, forget):
    ((_, _, outcome),) = outcomes(forget)

    assert outcome.is_usable
    assert outcome.metrics["mia_test"] == outcome.metrics["forget_auc_test"]
    assert 0 < outcome.metrics["forget_auc_p_value_test"] <= 1
    assert outcome.metrics["indiscernibility_floor_test"] < 0.4


def test_a_size_that_is_null_is_the_default_one():
    assert resolved({"fraction": None}).sha256 == resolved({}).sha256


def test_listed_images_are_a_set_with_a_hash():
    digits = draw_split(1438, 359, RandomForget(), validation_fraction=0.15, seed=123)
    trained = sorted(digits.forget.tolist())

    one, other = (resolved({"rule": "indices", "indices": order}) for order in (trained, trained[::-1]))

    rule = one.cells[0].setting.forget
    assert one.sha256 == other.sha256
    assert rule.sha256 == hashlib.sha256(np.array(trained, dtype="<i8").tobytes()).hexdigest()


def test_a_board_has_the_number_and_hash_of_listed_images_and_not_the_list():
    listed = forget_document(IndicesForget(rule="indices", indices=(3, 1, 2)))

    assert "indices" not in listed
    assert (listed["count"], len(listed["sha256"])) == (3, 64)


def test_the_hardest_samples_are_those_of_highest_loss_in_the_training_split():
    losses = np.arange(1000) % 97 / 97.0
    rule = HardForget(rule="hard", count=50)

    found = draw_split(1000, 200, rule, validation_fraction=0.15, seed=123, losses=losses)

    assert len(found.forget) == 50
    assert losses[found.forget].min() >= losses[found.retain].max()
    assert not set(found.forget) & set(found.validation)


def test_hard_forget_sets_rest_on_one_original_that_all_units_wait_for():
    units = plan(resolved({"rule": "hard", "count": 50}, model_seeds=[0, 1]))

    trained = [unit for unit in units if unit.unit.kind == "train"]
    scoring = [unit for unit in trained if unit.unit.setting.forget.rule == "random"]
    assert len(trained) == 5
    assert [(unit.unit.role, unit.unit.model_seed) for unit in scoring] == [("original", 0)]
    waiting = [unit for unit in trained if unit not in scoring]
    assert all(unit.unit.depends_on == (scoring[0].id,) for unit in waiting)
    assert units[0] == scoring[0]


def test_the_hardest_samples_are_harder_to_get_right_than_the_others(outcomes):
    ((_, _, easy),) = outcomes({"count": 100})

    ((_, _, hard),) = outcomes({"rule": "hard", "count": 100})

    assert hard.metrics["forget_accuracy"] < easy.metrics["forget_accuracy"]
    assert hard.metrics["forget_accuracy"] < hard.metrics["retain_accuracy"]


OF_RANDOM_DRAWS = (
    "indiscernibility_floor_validation",
    "indiscernibility_floor_test",
    "forget_auc_p_value_test",
)


@pytest.mark.parametrize(
    ("forget", "why"),
    [
        ({"rule": "hard", "count": 30}, "chosen by their loss"),
        (sequence({"rule": "hard", "count": 30}, {"count": 20}), "chosen by their loss"),
        (
            sequence({"rule": "class", "labels": [3], "fraction": 0.5}, {"count": 20}),
            "a part of some classes",
        ),
    ],
)
def test_a_forget_set_that_is_no_random_draw_has_neither_floor_nor_p_value_and_says_why(
    outcomes, forget, why
):
    *_, (_, _, outcome) = outcomes(forget)

    for name in OF_RANDOM_DRAWS:
        assert outcome.metrics[name] is None
        assert why in outcome.reasons[name]
    assert 0 <= outcome.metrics["forget_auc_test"] <= 1


@pytest.mark.parametrize(
    "forget", [{}, {"rule": "class", "labels": [3]}, {"rule": "indices", "indices": DRAWN}]
)
def test_a_random_draw_a_class_and_a_list_have_floors_and_a_p_value(outcomes, forget):
    ((_, _, outcome),) = outcomes(forget)

    assert all(outcome.metrics[name] is not None for name in OF_RANDOM_DRAWS)


def test_the_default_forget_set_as_a_list_gives_the_same_numbers(outcomes):
    ((_, _, drawn),) = outcomes({})
    ((_, _, listed),) = outcomes({"rule": "indices", "indices": DRAWN})

    timed = {"runtime_seconds", "runtime_efficiency"}
    assert drawn.metrics.keys() == listed.metrics.keys() > timed
    assert all(drawn.metrics[name] == listed.metrics[name] for name in drawn.metrics.keys() - timed)


def test_machines_that_round_otherwise_find_the_same_hardest_samples(tmp_path, catalogue):
    """Each layer's outputs are off by a hundred thousand units in the last place."""
    scoring, trained, *_ = plan(resolved({"rule": "hard", "count": 100}, catalogue))
    store_random_weights(tmp_path, scoring)

    found = bench(tmp_path).sets(trained.unit.setting, 0).split.fingerprints

    with rounding_otherwise():
        assert bench(tmp_path).sets(trained.unit.setting, 0).split.fingerprints == found


def test_an_original_that_diverged_finds_no_hardest_samples(tmp_path, catalogue):
    scoring, trained, *_ = plan(resolved({"rule": "hard", "count": 100}, catalogue))
    store_random_weights(tmp_path, scoring, factor=float("nan"))

    with pytest.raises(ForgetSetInvalid, match="diverged"):
        bench(tmp_path).sets(trained.unit.setting, 0)


def bench(folder: Path) -> Bench:
    return Bench(ArtifactStore(folder), data_dir=folder, cache_dir=folder / "cache", device="cpu")


def store_random_weights(folder: Path, trained: PlannedUnit, factor: float = 1.0) -> None:
    """What training would leave."""
    model = bench(folder).fresh_model(trained.unit.setting, 0)
    weights = {name: value * factor for name, value in model.state_dict().items()}
    ArtifactStore(folder).write(trained.id, tensors={"model": weights}, record={})


@contextmanager
def rounding_otherwise() -> Iterator[None]:
    def off(_module, _inputs, outputs):
        return outputs * (1 + 1e5 * torch.finfo(outputs.dtype).eps * torch.randn_like(outputs))

    handle = register_module_forward_hook(off)
    try:
        yield
    finally:
        handle.remove()
