"""CF-k's own identities (methods §5.2)."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from core.catalog.published import CF_K
from core.models import resnet, tiny_vit
from core.unlearners.pieces import only_trainable, tail
from tests.toys import ToyNet, mean_loss, original, run, same_weights, toy_sets

WHOLE = {"batch_size": 64, "decay_factor": 1.0}  # one batch per epoch: no order to draw


def layers_of(model: nn.Module) -> list[nn.Module]:
    """Stem, stages and classifier."""
    return [model.stem, *model.stages, model.classifier]


@torch.no_grad()
def distance(unlearned: nn.Module) -> float:
    """Of the weights from the original's."""
    pairs = zip(unlearned.parameters(), original().parameters(), strict=True)
    return sum((after - before).square().sum().item() for after, before in pairs) ** 0.5


def test_zero_epochs_are_the_identity():
    for variant in ("official", "fixed"):
        assert same_weights(run(CF_K, num_epochs=0, variant=variant), original())


@pytest.mark.parametrize("num_stages", [0, 1, 2, 3])
def test_only_the_last_k_stages_and_the_classifier_change(num_stages):
    unlearned = run(CF_K, num_stages=num_stages)

    layers = zip(layers_of(original()), layers_of(unlearned), strict=True)
    changed = [not same_weights(before, after) for before, after in layers]
    assert changed == [False] * (4 - num_stages) + [True] * (num_stages + 1)


def test_more_stages_than_there_are_mean_all_of_them():
    assert same_weights(run(CF_K, num_stages=9), run(CF_K, num_stages=3))
    assert not same_weights(run(CF_K, num_stages=3), run(CF_K, num_stages=2))


def test_the_official_variant_leaves_all_batch_norm_statistics_as_they_were():
    unlearned = run(CF_K, num_stages=3, variant="official")

    for before, after in zip(original().buffers(), unlearned.buffers(), strict=True):
        assert torch.equal(before, after)


def test_the_fixed_variant_trains_in_train_mode_throughout_and_the_same_weights():
    unlearned = run(CF_K, num_stages=1, variant="fixed")

    moved = [not torch.equal(*pair) for pair in zip(original().buffers(), unlearned.buffers(), strict=True)]
    assert all(moved)
    frozen = zip(original().stem.parameters(), unlearned.stem.parameters(), strict=True)
    assert all(torch.equal(before, after) for before, after in frozen)


def test_the_penalty_pulls_to_the_start_and_so_does_not_count_in_the_first_step():
    def steps(number, penalty):
        return run(CF_K, num_epochs=number, penalty=penalty, num_stages=3, learning_rate=0.1, **WHOLE)

    for before, after in zip(steps(1, 0.0).parameters(), steps(1, 1.0).parameters(), strict=True):
        torch.testing.assert_close(before, after)
    assert distance(steps(20, 1.0)) < 0.7 * distance(steps(20, 0.0))


def test_a_step_is_plain_gradient_descent_without_momentum_or_weight_decay():
    sets = toy_sets()
    batch = sets["retain"].batch(torch.arange(48))
    model = ToyNet()
    model.load_state_dict(original().state_dict())
    with only_trainable(model.eval(), model.classifier.parameters()) as weights:
        for _ in range(3):
            gradients = torch.autograd.grad(cross_entropy(model(batch.images), batch.labels), weights)
            with torch.no_grad():
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight.sub_(gradient, alpha=0.05)

    unlearned = run(CF_K, num_stages=0, num_epochs=3, learning_rate=0.05, penalty=0.0, **WHOLE)

    torch.testing.assert_close(unlearned.classifier.weight, model.classifier.weight)


def test_the_rate_decays_after_the_milestones_counted_from_zero():
    def after(num_epochs, decay_factor):
        return run(CF_K, num_epochs=num_epochs, decay_factor=decay_factor, batch_size=64)

    assert same_weights(after(2, 0.0), after(2, 1.0))  # milestones 1, 1, 1 and epochs 0, 1
    assert not same_weights(after(3, 0.0), after(3, 1.0))


def test_the_retain_loss_falls():
    retain = toy_sets()["retain"]

    assert mean_loss(run(CF_K, num_stages=3, penalty=0.0), retain) < mean_loss(original(), retain)


@pytest.mark.parametrize("variant", ["official", "fixed"])
def test_a_diverging_run_ends_without_an_error_and_leaves_the_frozen_weights(variant):
    diverged = run(CF_K, learning_rate=10.0, penalty=1.0, num_epochs=30, variant=variant, decay_factor=1.0)

    assert not diverged.classifier.weight.isfinite().all()
    frozen = zip(original().stem.parameters(), diverged.stem.parameters(), strict=True)
    assert all(torch.equal(before, after) for before, after in frozen)


@pytest.mark.parametrize(
    ("build", "parts", "millions"),
    [
        (resnet.resnet18, resnet.parts, [0.01, 8.40, 10.50, 11.02, 11.17]),
        (tiny_vit.tiny_vit, tiny_vit.parts, [0.00, 4.84, 9.93, 10.43, 10.43]),
    ],
    ids=["resnet18", "tiny_vit"],
)
def test_k_trains_this_many_million_weights_of_the_real_architectures(build, parts, millions):
    with torch.device("meta"):
        model_parts = parts(build(10))

    sizes = [sum(p.numel() for module in tail(model_parts, k) for p in module.parameters()) for k in range(5)]

    assert [round(size / 1e6, 2) for size in sizes] == millions
