"""SalUN's own identities (methods §5.1)."""

from dataclasses import replace
from itertools import accumulate

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.catalog.classical import SRL
from core.catalog.published import SALUN
from core.models.resnet import resnet18
from core.unlearners.salun import most_salient, saliency_of
from tests.toys import original, run, same_weights, small, task_for, toy_set, toy_sets

NUM_WEIGHTS = sum(parameter.numel() for parameter in original().parameters())
ONE_STEP = {"num_epochs": 1, "batch_size": 512, "weight_decay": 0.0}


def weights(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def moved(unlearned: nn.Module) -> Tensor:
    """Which of all weights differ from the original's."""
    return weights(unlearned) != weights(original())


def forget_gradients(order: Tensor, batch_size: int) -> list[Tensor]:
    """The original's gradient of each forget batch, in eval mode."""
    model, forget = original(), toy_sets()["forget"]
    gradients = []
    for rows in order.split(batch_size):
        batch = forget.batch(rows)
        loss = cross_entropy(model(batch.images), batch.labels)
        parts = torch.autograd.grad(loss, list(model.parameters()))
        gradients.append(torch.cat([part.flatten() for part in parts]))
    return gradients


@pytest.mark.parametrize("variant", ["official", "fixed"])
def test_zero_epochs_are_the_identity(variant):
    assert same_weights(run(SALUN, num_epochs=0, variant=variant), original())


@pytest.mark.parametrize("variant", ["official", "fixed"])
def test_when_all_weights_are_kept_it_is_srl(variant):
    settings = {"weight_decay": 0.01, "num_epochs": 3, "batch_size": 7, "augment": True}

    for seed in (0, 1):
        unlearned = run(SALUN, kept_share=1.0, variant=variant, seed=seed, **settings)
        assert same_weights(unlearned, run(SRL, seed=seed, **settings))


def test_when_none_is_kept_no_parameter_moves_but_batch_norm_statistics_do():
    for unlearned in (
        run(SALUN, kept_share=0.0, variant="official", weight_decay=0.0),
        run(SALUN, kept_share=0.0, variant="fixed", weight_decay=0.1),
    ):
        assert not moved(unlearned).any()
        assert not same_weights(unlearned, original())


@pytest.mark.parametrize("share", [0.1, 0.25, 1 / 3, 0.9])
def test_exactly_the_kept_share_of_all_weights_is_trained(share):
    unlearned = run(SALUN, kept_share=share, variant="fixed", weight_decay=0.1)

    assert moved(unlearned).sum() == int(share * NUM_WEIGHTS)


def test_ties_do_not_change_the_count():
    tied = [torch.zeros(4, 3), torch.ones(5), torch.zeros(())]

    for share in (0.0, 0.1, 0.5, 0.99, 1.0):
        masks = most_salient(tied, share)
        assert [mask.shape for mask in masks] == [scores.shape for scores in tied]
        assert sum(int(mask.sum()) for mask in masks) == int(share * 18)


def test_the_mask_is_global_and_not_per_layer():
    masks = most_salient([torch.tensor([5.0, 6.0, 7.0]), torch.tensor([[1.0, 8.0, 2.0]])], share=0.67)

    assert [mask.tolist() for mask in masks] == [[True, True, True], [[False, True, False]]]


def test_the_fixed_variant_trains_the_weights_with_the_largest_summed_gradients():
    unlearned = run(SALUN, kept_share=0.3, variant="fixed", batch_size=8, weight_decay=0.0)

    saliency = sum(forget_gradients(torch.arange(24), 8)).abs()  # in any order: the batches are equally large
    least = saliency[moved(unlearned)].min()
    assert least >= saliency[~moved(unlearned)].max() - 1e-6


def test_the_official_variant_sums_the_running_sums():
    unlearned = run(SALUN, kept_share=0.3, variant="official", batch_size=8, weight_decay=0.0, seed=3)

    order = torch.randperm(24, generator=torch.Generator().manual_seed(3))
    gradients = forget_gradients(order, 8)
    saliency = sum(accumulate(gradients)).abs()
    assert saliency[moved(unlearned)].min() >= saliency[~moved(unlearned)].max() - 1e-6
    plain = sum(gradients).abs()
    assert plain[moved(unlearned)].min() < plain[~moved(unlearned)].max() - 1e-4


def test_on_a_single_forget_batch_the_variants_differ_by_weight_decay_alone():
    official, fixed = (run(SALUN, variant=variant, **ONE_STEP) for variant in ("official", "fixed"))

    assert same_weights(official, fixed)


def test_weight_decay_moves_masked_weights_in_the_official_variant_alone():
    settings = {"kept_share": 0.3, "weight_decay": 0.1}
    official, fixed = (run(SALUN, variant=variant, **settings) for variant in ("official", "fixed"))

    assert moved(official).sum() > 0.9 * NUM_WEIGHTS
    assert moved(fixed).sum() == int(0.3 * NUM_WEIGHTS)


@pytest.mark.parametrize("variant", ["official", "fixed"])
def test_a_diverging_run_ends_without_an_error(variant):
    diverged = run(SALUN, learning_rate=10.0, num_epochs=20, kept_share=0.3, variant=variant)

    kept = weights(diverged)[~moved(diverged)]
    assert kept.isfinite().all()


def test_in_resnet18_at_32_pixels_most_weights_have_no_saliency_and_the_count_is_exact_nonetheless():
    torch.manual_seed(0)
    forget = toy_set(4)
    large = replace(forget, pixels=forget.pixels.repeat(1, 1, 4, 4))
    task = task_for(SALUN, {"retain": large, "forget": large})

    saliency = saliency_of(resnet18(10), task, small(SALUN))

    assert sum(int((scores == 0).sum()) for scores in saliency) >= 6_946_816
    assert sum(int(mask.sum()) for mask in most_salient(saliency, 0.5)) == 11_181_642 // 2
