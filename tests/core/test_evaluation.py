"""The metrics of one model, against a plain loop and at their known answers (protocol §5)."""

import math
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor

from core.attacks.noise import indiscernibility_floor
from core.datasets.load import Sets
from core.evaluation import (
    COMPARED,
    SET_NAMES,
    Evaluation,
    distances,
    evaluate,
    noise_metrics,
    own_metrics,
    retention,
)
from core.splits import Split
from tests.toys import NUM_CLASSES, SIZES, ToyNet, original, same_weights, toy_sets


@pytest.fixture
def sets() -> Sets:
    indices = {name: np.arange(count) for name, count in SIZES.items()}
    return Sets(**toy_sets(), num_classes=NUM_CLASSES, split=Split(**indices))


def uncertain(model: torch.nn.Module) -> torch.nn.Module:
    """A copy that errs: its weights are blurred."""
    torch.manual_seed(1)
    copy = deepcopy(model)
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return copy


def evaluation(logits: Tensor, labels: Tensor) -> Evaluation:
    return Evaluation(dict.fromkeys(SET_NAMES, logits), dict.fromkeys(SET_NAMES, labels))


def test_accuracies_and_losses_are_those_of_a_plain_loop(sets):
    model = uncertain(original())
    found = evaluate(model, sets)

    for name in SET_NAMES:
        data, is_right, losses = getattr(sets, name), [], []
        for pixels, label in zip(data.pixels, data.labels.tolist(), strict=True):
            image = (pixels / 255 - data.mean.view(3, 1, 1)) / data.std.view(3, 1, 1)
            logits = model(image[None])[0].detach().double()
            is_right.append(logits.argmax().item() == label)
            losses.append(math.log(sum(math.exp(logit) for logit in logits)) - logits[label].item())

        assert found.accuracy(name) == pytest.approx(np.mean(is_right))
        assert found.losses(name).tolist() == pytest.approx(losses, abs=1e-5)


class Greedy(ToyNet):
    """The toy net on a device that holds no more than so many samples."""

    most = 0

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().forward(images)


def greedy(model: torch.nn.Module, most: int) -> Greedy:
    found = Greedy()
    found.load_state_dict(model.state_dict())
    found.most = most
    return found


def test_where_memory_runs_out_fewer_samples_go_through_at_once_with_the_same_logits(sets):
    plain = evaluate(original(), sets)
    found = evaluate(greedy(original(), most=5), sets)

    assert (plain.batch_size, found.batch_size) == (1024, 4)
    for name in SET_NAMES:
        torch.testing.assert_close(found.logits[name], plain.logits[name])


def test_where_there_is_no_memory_for_one_sample_it_is_an_error(sets):
    with pytest.raises(torch.OutOfMemoryError):
        evaluate(greedy(original(), most=0), sets)


def test_losses_are_in_double_precision(sets):
    confident = evaluation(torch.tensor([[30.0, 0.0]]), torch.tensor([0]))

    # 1 + 9.4e-14 is 1 in single precision
    assert confident.losses("test").item() == pytest.approx(math.exp(-30), rel=1e-3)


def test_evaluating_twice_is_the_same_and_leaves_the_model_as_it_was(sets):
    model = deepcopy(original()).train()

    first, again = evaluate(model, sets), evaluate(model, sets)

    assert all(torch.equal(first.logits[name], again.logits[name]) for name in SET_NAMES)
    assert same_weights(model, original())
    assert not model.training


def test_the_training_transform_is_not_applied(sets):
    def explode(pixels, generator):
        raise AssertionError("augmented")

    object.__setattr__(sets.retain, "augmentation", explode)

    assert evaluate(original(), sets).is_finite


def test_a_logit_that_is_not_finite_shows():
    logits = torch.zeros(4, 3)
    assert evaluation(logits, torch.zeros(4)).is_finite

    logits[2, 1] = torch.nan

    assert not evaluation(logits, torch.zeros(4)).is_finite


def test_own_metrics_are_accuracies_and_how_well_the_attack_does(sets):
    metrics = own_metrics(evaluate(original(), sets))

    kinds = ("accuracy", "mia", "indiscernibility")
    assert set(metrics) == {f"{name}_accuracy" for name in SET_NAMES} | {
        f"{kind}_{name}" for kind in kinds[1:] for name in ("validation", "test")
    }
    assert all(0 <= value <= 1 for value in metrics.values())


@pytest.mark.parametrize(("mia", "expected"), [(0.5, 1.0), (0.0, 0.0), (1.0, 0.0), (0.75, 0.5), (0.25, 0.5)])
def test_indiscernibility_is_one_for_a_coin_toss_and_zero_for_certainty(monkeypatch, sets, mia, expected):
    monkeypatch.setattr("core.evaluation.attack_accuracy", lambda forget, heldout: mia)

    metrics = own_metrics(evaluate(original(), sets))

    assert metrics["mia_test"] == mia
    assert metrics["indiscernibility_test"] == metrics["indiscernibility_validation"] == expected


def test_the_attack_compares_the_forget_set_with_each_of_the_two_unseen_sets(monkeypatch, sets):
    calls = []
    monkeypatch.setattr("core.evaluation.attack_accuracy", lambda *sides: calls.append(sides) or 0.5)
    found = evaluate(original(), sets)

    own_metrics(found)

    assert [list(forget) for forget, _ in calls] == [found.losses("forget").tolist()] * 2
    assert [list(heldout) for _, heldout in calls] == [
        found.losses(n).tolist() for n in ("validation", "test")
    ]


def evaluated(forget: list[float], test: list[float]) -> Evaluation:
    """A model with these margins on its samples of class 0: the larger, the lower the loss."""
    margins = {"retain": forget, "forget": forget, "validation": test, "test": test}
    return Evaluation(
        logits={name: torch.tensor([[margin, 0.0] for margin in found]) for name, found in margins.items()},
        labels={name: torch.zeros(len(found), dtype=torch.int64) for name, found in margins.items()},
    )


def test_noise_metrics_tell_a_trace_from_unlearning_that_went_too_far():
    trace, unlearned = evaluated([5, 6, 7, 8], [1, 2, 3, 4]), evaluated([1, 2, 3, 4], [5, 6, 7, 8])

    assert [noise_metrics(found)["forget_auc_test"] for found in (trace, unlearned)] == [1, 0]
    assert noise_metrics(trace)["forget_auc_p_value_test"] == pytest.approx(2 / 70)  # of C(8, 4) choices


@pytest.mark.parametrize("num_forget", [5, 20])
def test_the_floor_of_indiscernibility_is_that_of_the_sizes_of_both_sets(num_forget):
    found = noise_metrics(evaluated([1.0] * num_forget, [2.0] * 50))

    floors = {found[f"indiscernibility_floor_{name}"] for name in ("validation", "test")}
    assert floors == {indiscernibility_floor(num_forget, 50)}


def test_a_model_against_itself_deviates_by_nothing():
    metrics = {"retain_accuracy": 0.9, "forget_accuracy": 0.7, "test_accuracy": 0.6}

    compared = retention(metrics, metrics)

    assert compared == {**{f"{name}_retention": 1.0 for name in COMPARED}, "retention_deviation": 0.0}


def test_retention_is_the_ratio_and_its_deviation_the_sum_of_distances_from_one():
    metrics = {"retain_accuracy": 0.9, "forget_accuracy": 0.3, "test_accuracy": 0.8}
    reference = {"retain_accuracy": 1.0, "forget_accuracy": 0.6, "test_accuracy": 0.5}

    compared = retention(metrics, reference)

    assert [compared[f"{name}_retention"] for name in COMPARED] == pytest.approx([0.9, 0.5, 1.6])
    assert compared["retention_deviation"] == pytest.approx(0.1 + 0.5 + 0.6)


def test_there_is_no_ratio_to_nothing_and_no_deviation_of_it_but_the_other_ratios_stay():
    metrics = {"retain_accuracy": 0.9, "forget_accuracy": 0.3, "test_accuracy": 0.8}

    compared = retention(metrics, {**metrics, "forget_accuracy": 0.0})

    assert compared == {
        "retain_retention": 1,
        "forget_retention": None,
        "test_retention": 1,
        "retention_deviation": None,
    }


def test_a_model_is_no_distance_from_itself():
    found = distances(original(), original().state_dict())

    assert found["l2_distance"] == found["relative_distance"] == 0
    assert found["direction_distance"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("factor", "plain", "direction"), [(3.0, 2.0, 0.0), (0.5, 0.5, 0.0), (-1.0, 2.0, 2.0)]
)
def test_a_rescaled_copy_has_the_same_direction_and_a_negated_one_the_opposite(factor, plain, direction):
    reference = {name: factor * tensor for name, tensor in original().state_dict().items()}

    found = distances(original(), reference)

    norm = torch.cat([p.flatten() for p in original().parameters()]).double().norm().item()
    assert found["l2_distance"] == pytest.approx(plain * norm, rel=1e-5)
    assert found["relative_distance"] == pytest.approx(plain, rel=1e-5)
    assert found["direction_distance"] == pytest.approx(direction, abs=1e-3)


def test_the_direction_distance_of_any_two_models_is_between_zero_and_two():
    for seed in range(10):
        torch.manual_seed(seed)
        found = distances(ToyNet(), ToyNet().state_dict())

        assert 0 < found["direction_distance"] < 2


def test_only_trainable_parameters_count():
    reference = {name: tensor.clone() for name, tensor in original().state_dict().items()}
    for name, _ in original().named_buffers():
        reference[name] += 1

    assert distances(original(), reference)["l2_distance"] == 0
