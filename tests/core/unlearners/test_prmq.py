"""PRMQ's own identities (methods §4.4)."""

from copy import deepcopy
from dataclasses import replace
from itertools import chain

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from core.catalog.challenge import PRMQ, PRMQHyperparameters
from core.catalog.work import SetSizes
from core.datasets.streams import InTotal, Shuffled
from core.losses import entropy
from core.models.resnet import resnet18
from core.models.tiny_vit import tiny_vit
from core.training import fit
from core.unlearners import prmq
from core.unlearners.prmq import pooled, prune_and_redraw, round_to_half, weights_by_rarity
from tests.toys import numbered, numbers, original, run, same_weights, toy_sets


def pool_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """The weights and biases of convolutions and linear layers, by name."""
    return {
        f"{name}.{key}": parameter
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
        for key, parameter in module.named_parameters(recurse=False)
    }


def pruned(amount: float, start: nn.Module | None = None) -> nn.Module:
    model = deepcopy(start or original())
    prune_and_redraw(model, amount, torch.Generator().manual_seed(0))
    return model


def changed_entries(before: nn.Module, after: nn.Module) -> dict[str, torch.Tensor]:
    """The mask of each parameter's changed entries."""
    old = dict(before.named_parameters())
    return {name: parameter != old[name] for name, parameter in after.named_parameters()}


@pytest.mark.parametrize("amount", [0.0, 0.3, 0.99, 1.0])
def test_exactly_the_share_of_the_whole_pool_changes(amount):
    changed = changed_entries(original(), pruned(amount))

    num_pooled = sum(tensor.numel() for tensor in pool_of(original()).values())
    assert sum(int(mask.sum()) for mask in changed.values()) == round(amount * num_pooled)


def test_the_smallest_entries_of_all_layers_together_are_the_ones_that_change():
    before, changed = pool_of(original()), changed_entries(original(), pruned(0.5))

    largest_changed = max(before[name][changed[name]].abs().max() for name in before if changed[name].any())
    smallest_kept = min(
        before[name][~changed[name]].abs().min() for name in before if not changed[name].all()
    )
    assert largest_changed <= smallest_kept


def test_nothing_outside_convolutions_and_linear_layers_changes():
    before, after = original().state_dict(), pruned(1.0).state_dict()

    assert all(torch.equal(before[name], after[name]) for name in before.keys() - pool_of(original()).keys())


def test_pruned_weights_are_uniform_within_one_over_the_root_of_their_fan_in():
    model = pruned(1.0)

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            bound = (module.in_channels * 9) ** -0.5
            assert 0.95 * bound < module.weight.abs().max() <= bound
            assert module.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.15)


def test_the_fan_in_of_a_grouped_convolution_is_that_of_one_group():
    bound = 9**-0.5

    model = pruned(1.0, nn.Sequential(nn.Conv2d(32, 32, 3, groups=32)))

    assert 0.95 * bound < model[0].weight.abs().max() <= bound


def test_pruned_biases_are_zero_and_the_others_are_kept():
    start = deepcopy(original())
    with torch.no_grad():
        start.classifier.bias.copy_(torch.tensor([1e-9, 100.0, -1e-9]))

    assert pruned(0.5, start).classifier.bias.tolist() == [0, 100, 0]
    assert pruned(1.0, start).classifier.bias.tolist() == [0, 0, 0]


def test_weights_that_were_zero_before_are_not_redrawn_unless_pruned():
    start = deepcopy(original())
    with torch.no_grad():
        start.stem[0].weight.zero_()

    assert same_weights(pruned(0.0, start), start)


@pytest.mark.parametrize(
    ("build", "num_weights", "num_bias_entries"), [(resnet18, 21, 10), (tiny_vit, 68, 24_202)]
)
def test_on_the_real_architectures_all_convolutions_and_linear_layers_are_pooled(
    build, num_weights, num_bias_entries
):
    with torch.device("meta"):
        weights, biases = pooled(build(10))

    assert len(weights) == num_weights
    assert sum(bias.numel() for bias in biases) == num_bias_entries


@pytest.mark.parametrize("variant", ["official", "fixed"])
@pytest.mark.parametrize("num_epochs", [0, 1.5])
def test_every_value_of_the_result_is_one_that_half_precision_has(variant, num_epochs):
    unlearned = run(PRMQ, variant=variant, num_epochs=num_epochs)

    for tensor in unlearned.state_dict().values():
        assert torch.equal(tensor, tensor.half().to(tensor.dtype))


@pytest.mark.parametrize("variant", ["official", "fixed"])
def test_zero_epochs_take_no_step(variant):
    expected = deepcopy(original())
    prune_and_redraw(expected, 0.7, torch.Generator().manual_seed(0))
    round_to_half(expected)

    assert same_weights(run(PRMQ, variant=variant, num_epochs=0, prune_amount=0.7), expected)


def test_what_half_precision_cannot_hold_becomes_infinite_for_the_harness_to_see():
    model = deepcopy(original())
    model.stem[1].running_var.fill_(1e5)

    assert run(PRMQ, model=model, num_epochs=0).stem[1].running_var.isinf().all()


@pytest.mark.parametrize(
    ("variant", "num_epochs", "num_steps"),
    [
        ("official", 0, 0),
        ("official", 0.5, 2),
        ("official", 1, 4),
        ("official", 1.5, 5),
        ("official", 2, 7),
        ("fixed", 0, 0),
        ("fixed", 0.1, 1),
        ("fixed", 1, 3),
        ("fixed", 1.5, 4),
        ("fixed", 2, 6),
    ],
)
def test_official_takes_whole_epochs_and_a_step_and_fixed_the_fraction_of_steps(
    monkeypatch, variant, num_epochs, num_steps
):
    reports = []

    def recorded(*args, **kwargs):
        reports.append(fit(*args, **kwargs))
        return reports[-1]

    monkeypatch.setattr(prmq, "fit", recorded)
    run(PRMQ, sets=toy_sets(retain=40), variant=variant, num_epochs=num_epochs, batch_size=16)

    assert [report.num_steps for report in reports] == [num_steps]


def test_the_steps_wrap_into_freshly_shuffled_passes():
    batches = InTotal(Shuffled(numbered(0, 10), 4, torch.Generator().manual_seed(0)), 8)

    passes = [[numbers(batch.images) for batch in batches] for _ in range(4)]

    assert [len(each) for each in passes] == [3, 3, 2, 0]
    assert sorted(chain(*passes[0])) == sorted(chain(*passes[1])) == list(range(10))
    assert passes[0] != passes[1]


def test_a_step_follows_weighted_cross_entropy_and_the_gap_to_the_originals_entropy():
    sets = {**toy_sets(), "retain": unbalanced()}
    one_step = {"sets": sets, "num_epochs": 0.5, "batch_size": 64, "weight_decay": 0.0, "prune_amount": 0.5}
    student = pruned(0.5).train()
    batch = sets["retain"].batch(torch.arange(40))
    weights = batch.labels.bincount()[batch.labels] ** -0.1
    logits = student(batch.images)
    losses = cross_entropy(logits, batch.labels, reduction="none")
    with torch.no_grad():
        target = entropy(original()(batch.images))
    ((weights * losses).sum() / weights.sum() + (entropy(logits) - target).square().mean()).backward()

    unlearned = run(PRMQ, learning_rate=0.1, **one_step)

    for start, after in zip(student.parameters(), unlearned.parameters(), strict=True):
        torch.testing.assert_close(after, start - 0.1 * start.grad, atol=1e-3, rtol=1e-3)


def unbalanced():
    """40 samples in which the second class is rare."""
    retain = toy_sets(retain=90)["retain"]
    return retain.subset(torch.cat([torch.where(retain.labels != 1)[0][:36], torch.tensor([1, 4, 7, 10])]))


def test_a_rare_class_weighs_more_and_an_absent_one_nothing():
    weights = weights_by_rarity(torch.tensor([0, 0, 0, 2]), 4)

    torch.testing.assert_close(weights, torch.tensor([3**-0.1, 0, 1, 0]))


def test_a_retain_set_without_one_of_the_classes_will_do():
    retain = toy_sets()["retain"]
    without = retain.subset(torch.where(retain.labels != 1)[0])

    unlearned = run(PRMQ, sets={**toy_sets(), "retain": without})

    assert all(tensor.isfinite().all() for tensor in unlearned.state_dict().values())


def test_divergence_ends_the_training_within_its_pass_without_raising(monkeypatch):
    reports = []

    def recorded(*args, **kwargs):
        reports.append(fit(*args, **kwargs))
        return reports[-1]

    monkeypatch.setattr(prmq, "fit", recorded)
    sets = toy_sets()
    infinite = {**sets, "retain": replace(sets["retain"], std=torch.zeros(3))}
    run(PRMQ, sets=infinite, num_epochs=50, batch_size=16)

    assert [(report.num_steps, report.has_diverged) for report in reports] == [(3, True)]


def test_work_counts_the_images_of_a_pass_that_breaks_off():
    sizes = SetSizes(retain=40, forget=0, validation=0, num_classes=3)
    hyperparameters = PRMQHyperparameters(num_epochs=1.5, batch_size=16, variant="fixed")

    work = hyperparameters.work(sizes)

    assert (work.forward, work.backward) == (2 * 56, 56)
