"""IU's own identities (methods §5.7)."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from core.catalog.published import IU
from core.models import resnet, tiny_vit
from core.unlearners import iu
from tests.toys import NUM_CLASSES, mean_loss, original, run, same_weights, small, task_for, toy_set, toy_sets

both_variants = pytest.mark.parametrize("variant", ["official", "fixed"])


class Linear(nn.Module):
    """Twelve weights on the mean colour: small enough for a dense curvature matrix."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Linear(3, NUM_CLASSES)

    def forward(self, images):
        return self.classifier(images.mean(dim=(-2, -1)))


def flat(vector):
    return torch.cat([tensor.detach().flatten() for tensor in vector])


def change(unlearned, before):
    return flat(unlearned.parameters()) - flat(before.parameters())


def gradient(model, data, reduction="mean"):
    batch = data.batch(torch.arange(len(data)))
    loss = cross_entropy(model(batch.images), batch.labels, reduction=reduction)
    return flat(torch.autograd.grad(loss, list(model.parameters())))


def each_gradient(model, data):
    """The gradients of single samples, `(M, P)`, one by one."""
    return torch.stack([gradient(model, data.subset(torch.tensor([row]))) for row in range(len(data))])


def linear(seed=0):
    torch.manual_seed(seed)
    return Linear()


@both_variants
def test_no_alpha_is_the_identity(variant):
    assert same_weights(run(IU, alpha=0.0, variant=variant), original())


@both_variants
def test_the_change_is_linear_in_alpha(variant):
    once, twice = (change(run(IU, alpha=alpha, variant=variant), original()) for alpha in (5.0, 10.0))

    torch.testing.assert_close(twice, 2 * once, rtol=1e-3, atol=1e-6)


@both_variants
def test_a_forget_set_like_the_retain_set_changes_nothing(variant):
    sets = toy_sets()
    alike = {**sets, "forget": sets["retain"]}

    unlearned = run(IU, sets=alike, alpha=1.0, variant=variant)

    torch.testing.assert_close(flat(unlearned.parameters()), flat(original().parameters()), rtol=0, atol=1e-6)


@both_variants
def test_batch_norm_statistics_stay(variant):
    for before, after in zip(original().buffers(), run(IU, variant=variant).buffers(), strict=True):
        assert torch.equal(before, after)


def test_the_influence_is_what_the_forget_set_adds_to_the_mean_gradient():
    model, sets = original(), toy_sets(retain=40, forget=8)

    influence = flat(iu.influence(model, sets["retain"], sets["forget"]))

    retain_alone = gradient(model, sets["retain"])
    together = gradient(model, sets["retain"].joined(sets["forget"]))
    torch.testing.assert_close(influence, together - retain_alone, rtol=1e-3, atol=1e-6)


@both_variants
def test_a_step_takes_the_loss_up_on_a_forget_set_that_pulls_against_the_retain_set(variant):
    sets = toy_sets()
    forget = replace(sets["forget"], labels=sets["forget"].labels.roll(1))

    unlearned = run(IU, sets={**sets, "forget": forget}, alpha=0.1, variant=variant)

    assert mean_loss(unlearned, forget) > mean_loss(original(), forget)


def test_the_official_step_stays_between_the_influence_and_the_first_sample_s_gradient():
    sets = toy_sets()
    model = linear()
    influence = iu.influence(model, sets["retain"], sets["forget"])
    first = gradient(model, sets["retain"].subset(torch.tensor([0])))

    step = flat(iu.one_direction(model, sets["retain"], influence))

    plane = torch.stack([flat(influence), first], dim=1)
    coefficients = torch.linalg.lstsq(plane, step).solution
    torch.testing.assert_close(plane @ coefficients, step, rtol=1e-4, atol=1e-6)
    assert coefficients[0].item() == pytest.approx(1)
    assert abs(coefficients[1].item()) > 1e-5


def test_the_official_step_follows_the_recursion(monkeypatch):
    monkeypatch.setattr(iu, "IU_SAMPLES", 4)
    model, sets = linear(), toy_sets()
    influence = iu.influence(model, sets["retain"], sets["forget"])
    first, *others = each_gradient(model, sets["retain"])[:6]  # N + 2 samples
    expected, direction = flat(influence), first
    for other in others:
        divisor = 4 + direction @ other
        expected = expected - (expected @ other) / divisor * direction
        direction = direction * 4 / divisor

    step = flat(iu.one_direction(model, sets["retain"], influence))

    torch.testing.assert_close(step, expected)


def test_one_retain_sample_leaves_the_official_step_as_it_is():
    model, sets = linear(), toy_sets(retain=1)
    influence = iu.influence(model, sets["retain"], sets["forget"])

    assert torch.equal(flat(iu.one_direction(model, sets["retain"], influence)), flat(influence))


@pytest.mark.parametrize("count", [1, 7, 50, 60, 120])
def test_the_fixed_step_is_the_dense_solution(count):
    model, samples = linear(), toy_set(count, seed=5)
    vector = [torch.randn(parameter.shape) for parameter in model.parameters()]
    gradients = each_gradient(model, samples)
    curvature = torch.eye(12) + gradients.T @ gradients / count

    step = flat(iu.damped_inverse(model, samples, vector))

    torch.testing.assert_close(step, torch.linalg.solve(curvature, flat(vector)), rtol=1e-4, atol=1e-5)


def test_the_fixed_step_draws_the_samples_that_stand_for_the_curvature(monkeypatch):
    monkeypatch.setattr(iu, "IU_SAMPLES", 10)

    first, again, other = (run(IU, variant="fixed", alpha=50.0, seed=seed) for seed in (1, 1, 2))

    assert same_weights(first, again)
    assert not same_weights(first, other)


@both_variants
def test_weights_that_are_not_a_number_do_not_raise(variant):
    model = deepcopy(original())
    nn.init.constant_(model.classifier.weight, torch.nan)

    run(IU, model=model, variant=variant)


@both_variants
@pytest.mark.parametrize("architecture", [resnet, tiny_vit])
def test_it_moves_every_parameter_of_the_real_architectures(variant, architecture):
    torch.manual_seed(0)
    build = resnet.resnet18 if architecture is resnet else tiny_vit.tiny_vit
    model = build(NUM_CLASSES)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    samples = {
        name: replace(data, pixels=data.pixels.repeat(1, 1, 4, 4))
        for name, data in toy_sets(retain=3, forget=3).items()
    }

    iu.unlearn(model, task_for(IU, samples), small(IU, variant=variant, alpha=100.0))

    moved = [
        not torch.equal(parameter, start) for parameter, start in zip(model.parameters(), before, strict=True)
    ]
    assert sum(moved) > 0.9 * len(moved)  # an unused relative position has no gradient
    assert all(parameter.isfinite().all() for parameter in model.parameters())
