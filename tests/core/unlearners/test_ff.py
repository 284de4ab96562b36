"""FF's own identities (methods §5.6)."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from core.catalog.published import FF
from core.models import resnet, tiny_vit
from core.unlearners import ff
from core.unlearners.per_sample import per_sample_gradients
from tests.toys import ToyNet, original, run, same_weights, small, task_for, toy_set, toy_sets

both_variants = pytest.mark.parametrize("variant", ["official", "fixed"])


class Indifferent(ToyNet):
    """Answers zeros whatever it sees, so that no weight carries information."""

    def forward(self, images):
        return 0 * super().forward(images)


def changes(unlearned, before):
    return [after - start for after, start in zip(unlearned.parameters(), before.parameters(), strict=True)]


def entries(model, unlearned, wanted):
    """The changes of the parameters that are `wanted`, in one row."""
    return torch.cat(
        [
            (parameter - before).flatten()
            for (name, parameter), before in zip(
                unlearned.named_parameters(), model.parameters(), strict=True
            )
            if wanted(name, parameter)
        ]
    )


@both_variants
def test_no_alpha_is_the_identity(variant):
    assert same_weights(run(FF, alpha=0.0, variant=variant), original())


@both_variants
def test_half_of_alpha_is_the_same_noise_divided_by_the_root_of_two(variant):
    whole = changes(run(FF, alpha=0.01, variant=variant), original())
    half = changes(run(FF, alpha=0.005, variant=variant), original())

    for one, other in zip(whole, half, strict=True):
        torch.testing.assert_close(other * 2**0.5, one, rtol=1e-4, atol=1e-5)


@both_variants
def test_batch_norm_statistics_stay(variant):
    unlearned = run(FF, variant=variant)

    for before, after in zip(original().buffers(), unlearned.buffers(), strict=True):
        assert torch.equal(before, after)


@both_variants
@pytest.mark.parametrize(
    ("of", "variance"),
    [
        (lambda name, parameter: parameter.ndim == 4, 1000),
        (lambda name, parameter: name.startswith("classifier"), 10 * 100),
        (lambda name, parameter: parameter.ndim == 1 and not name.startswith("classifier"), 10 * 1000),
    ],
    ids=["convolutions", "classifier", "normalisation"],
)
def test_without_information_the_noise_is_as_large_as_it_may_be(variant, of, variance):
    torch.manual_seed(0)
    model = Indifferent()

    runs = [run(FF, model=model, alpha=0.1, variant=variant, seed=seed) for seed in range(10)]

    moved = torch.cat([entries(model, unlearned, of) for unlearned in runs])
    assert moved.square().mean().sqrt().item() == pytest.approx((0.1 * variance) ** 0.5, rel=0.1)


def test_the_variance_falls_with_the_information_and_is_averaged_over_inputs():
    fisher = torch.tensor([[0.5, 0.25], [0.0, 1.0]])

    variance = ff.noise_variance(fisher, 0.1, is_classifier=False)

    torch.testing.assert_close(variance, torch.tensor([[0.1 * (2 + 4) / 2], [0.1 * (1000 + 1) / 2]]))


def test_the_classifier_is_told_by_its_place_not_by_its_width():
    fisher = torch.zeros(4, 3, 3, 3)  # as many outputs as a task of four classes

    assert ff.noise_variance(fisher, 1.0, is_classifier=False).unique().tolist() == [1000]
    assert ff.noise_variance(fisher, 1.0, is_classifier=True).unique().tolist() == [1000]  # 10 · 100
    assert ff.noise_variance(fisher[:, 0, 0, 0], 1.0, is_classifier=False).unique().tolist() == [10_000]
    assert ff.noise_variance(fisher[:, 0, 0, 0], 1.0, is_classifier=True).unique().tolist() == [1000]


def test_official_information_multiplies_batch_means():
    model, data = original(), toy_set(10)
    expected = [torch.zeros_like(parameter) for parameter in model.parameters()]
    for rows in (torch.arange(6), torch.arange(6, 10)):
        images = data.batch(rows).images
        for label in range(3):
            share = model(images).softmax(dim=1)[:, label].mean().item()
            loss = cross_entropy(model(images), torch.full((len(rows),), label))
            for total, gradient in zip(
                expected, torch.autograd.grad(loss, list(model.parameters())), strict=True
            ):
                total += share * gradient.square() / 2  # two batches

    for own, reference in zip(ff.fisher_of_batch_means(model, data, 6), expected, strict=True):
        torch.testing.assert_close(own, reference, rtol=1e-3, atol=1e-9)


def test_fixed_information_is_unbiased():
    model, sample = deepcopy(original()), toy_set(1)
    with torch.no_grad():
        model.classifier.weight.mul_(0.2)  # unsure, so that all labels are drawn
    images = sample.batch(torch.zeros(3, dtype=torch.int64)).images
    probabilities = model(images[:1]).softmax(dim=1)[0].detach()
    of_labels = per_sample_gradients(
        model, lambda logits, label: cross_entropy(logits, label.unsqueeze(0)), images, torch.arange(3)
    )
    exact = [torch.einsum("y,y...->...", probabilities, rows.square()) for rows in of_labels]

    repeated = sample.subset(torch.zeros(1000, dtype=torch.int64))
    estimate = ff.fisher_of_samples(model, repeated, torch.Generator().manual_seed(0))

    for own, reference in zip(estimate, exact, strict=True):
        assert own.sum().item() == pytest.approx(reference.sum().item(), rel=0.15)


def test_fixed_information_does_not_depend_on_how_many_samples_go_at_once(monkeypatch):
    data = toy_set(20)
    together = ff.fisher_of_samples(original(), data, torch.Generator().manual_seed(0))

    monkeypatch.setattr(ff, "GRADIENT_BLOCK", 3)
    apart = ff.fisher_of_samples(original(), data, torch.Generator().manual_seed(0))

    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize(
    ("uniform", "label"), [(0.0, 0), (0.49, 0), (0.51, 1), (0.74, 1), (0.76, 2), (1.0, 2)]
)
def test_a_label_is_drawn_by_its_probability(uniform, label):
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log()

    assert ff.draw_label(logits, torch.tensor(uniform)).tolist() == [label]


@both_variants
def test_weights_that_are_not_a_number_do_not_raise(variant):
    model = deepcopy(original())
    nn.init.constant_(model.classifier.weight, torch.nan)

    run(FF, model=model, variant=variant)


@both_variants
@pytest.mark.parametrize("architecture", [resnet, tiny_vit])
def test_it_moves_every_parameter_of_the_real_architectures(variant, architecture):
    torch.manual_seed(0)
    build = resnet.resnet18 if architecture is resnet else tiny_vit.tiny_vit
    model = build(3)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    retain = replace(toy_set(4), pixels=toy_set(4).pixels.repeat(1, 1, 4, 4))
    task = replace(task_for(FF, {**toy_sets(), "retain": retain}), parts_of=architecture.parts)

    ff.unlearn(model, task, small(FF, variant=variant))

    for parameter, start in zip(model.parameters(), before, strict=True):
        assert not torch.equal(parameter, start)
        assert parameter.isfinite().all()
