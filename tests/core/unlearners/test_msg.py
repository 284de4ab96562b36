"""MSG's own identities (methods §4.2).

The toy sets fit into one batch here, so that the gradients of the selection can be recomputed in a line.
"""

import math
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.catalog.challenge import MSG
from core.errors import ForgetSetInvalid, ModelUnsuitable
from core.optimisers import triangular
from core.unlearners import msg
from core.unlearners.pieces import accumulate_gradients
from tests.toys import ToyNet, original, run, toy_set, toy_sets

SETS = toy_sets(retain=24, forget=24)
ONE_BATCH = {"sets": SETS, "batch_size": 24, "weight_decay": 0.0}


def kernels(model: nn.Module) -> dict[str, nn.Parameter]:
    modules = model.named_modules()
    return {f"{name}.weight": module.weight for name, module in modules if isinstance(module, nn.Conv2d)}


def gradients(model: nn.Module, **weights: float) -> dict[str, Tensor]:
    """The kernels' gradients of a weighted sum of losses, each over a whole set in train mode."""
    model = deepcopy(model).train()
    for name, weight in weights.items():
        batch = SETS[name].batch(torch.arange(len(SETS[name])))
        (weight * cross_entropy(model(batch.images), batch.labels)).backward()
    return {name: kernel.grad for name, kernel in kernels(model).items()}


def redrawn(unlearned: nn.Module) -> dict[str, Tensor]:
    """The mask of each kernel's changed entries, after zero epochs."""
    before = kernels(original())
    return {name: kernel != before[name] for name, kernel in kernels(unlearned).items()}


@pytest.mark.parametrize("variant", ["official", "fixed"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_zero_epochs_redraw_exactly_the_share_of_every_kernel(variant, share):
    unlearned = run(MSG, variant=variant, redraw_share=share, num_epochs=0)

    counts = {name: int(mask.sum()) for name, mask in redrawn(unlearned).items()}

    assert counts == {name: round(share * kernel.numel()) for name, kernel in kernels(original()).items()}


@pytest.mark.parametrize("variant", ["official", "fixed"])
def test_zero_epochs_change_no_other_parameter(variant):
    unlearned = run(MSG, variant=variant, num_epochs=0)

    others = dict(original().named_parameters()).keys() - kernels(original()).keys()
    before, after = original().state_dict(), unlearned.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in others)


@pytest.mark.parametrize("variant", ["official", "fixed"])
def test_the_redrawn_entries_are_those_of_smallest_contrast_gradient(variant):
    contrast = gradients(original(), retain=1.0, forget=-1.0)

    unlearned = run(MSG, variant=variant, num_epochs=0, **ONE_BATCH)

    for name, mask in redrawn(unlearned).items():
        size = contrast[name].abs()
        assert size[mask].max() <= size[~mask].min() * (1 + 1e-3), name


@pytest.mark.parametrize(
    ("variant", "retain_batches"), [("official", [64, 64, 2]), ("fixed", [32, 32, 32, 32, 2])]
)
def test_the_official_retain_gradients_come_in_batches_of_64_whatever_the_batch_size(
    monkeypatch, variant, retain_batches
):
    sizes = []

    def recorded(model, batches, **options):
        batches = list(batches)
        sizes.append([len(batch) for batch in batches])
        accumulate_gradients(model, batches, **options)

    monkeypatch.setattr(msg, "accumulate_gradients", recorded)
    run(MSG, sets=toy_sets(retain=200, forget=130), variant=variant, batch_size=32, num_epochs=0)

    assert sizes == [retain_batches, [32, 32, 32, 32, 2]]


def test_gradients_weigh_batches_alike_or_samples_alike():
    model, batches = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3)), list(toy_set(20).in_order(8))
    means = []
    for batch in batches:
        loss = cross_entropy(model(batch.images), batch.labels)
        means.append(torch.autograd.grad(loss, model[1].weight)[0])

    for per_sample, expected in ((False, sum(means)), (True, 8 * means[0] + 8 * means[1] + 4 * means[2])):
        model.zero_grad()
        accumulate_gradients(model, batches, weight=-2.0, per_sample=per_sample)
        torch.testing.assert_close(model[1].weight.grad, -2 * expected)


def test_redrawn_entries_have_the_variance_of_their_fan_out():
    unlearned = run(MSG, redraw_share=1.0, num_epochs=0)

    for _, kernel in list(kernels(unlearned).items())[1:]:
        fan_out = kernel.shape[0] * 9
        assert kernel.mean().abs() < 0.2 * math.sqrt(2 / fan_out)
        assert kernel.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.15)


def test_running_statistics_drift_in_the_official_variant_and_are_restored_in_the_fixed_one():
    official, fixed = (run(MSG, variant=variant, num_epochs=0) for variant in ("official", "fixed"))

    assert not torch.equal(official.stem[1].running_mean, original().stem[1].running_mean)
    assert all(torch.equal(*pair) for pair in zip(fixed.buffers(), original().buffers(), strict=True))


def test_one_step_moves_redrawn_entries_by_their_gradient_and_the_others_by_a_tenth_of_it():
    start = run(MSG, num_epochs=0, **ONE_BATCH)
    gradient, masks = gradients(start, retain=1.0), redrawn(start)

    unlearned = run(MSG, num_epochs=1, learning_rate=0.1, **ONE_BATCH)

    for name, kernel in kernels(unlearned).items():
        step = 0.1 * gradient[name] * torch.where(masks[name], 1.0, 0.1)
        torch.testing.assert_close(kernel, kernels(start)[name] - step)


def test_weight_decay_is_not_damped():
    free, decayed = (run(MSG, num_epochs=1, **{**ONE_BATCH, "weight_decay": decay}) for decay in (0.0, 0.5))

    for name, start in kernels(run(MSG, num_epochs=0, **ONE_BATCH)).items():
        torch.testing.assert_close(kernels(decayed)[name], kernels(free)[name] - 0.02 * 0.5 * start)


def test_damping_is_gone_afterwards():
    unlearned = run(MSG)
    copy = ToyNet().eval()
    copy.load_state_dict(unlearned.state_dict())

    for model in (unlearned, copy):
        model(SETS["retain"].batch(torch.arange(24)).images).square().sum().backward()

    for name, kernel in kernels(unlearned).items():
        assert torch.equal(kernel.grad, kernels(copy)[name].grad)


def test_a_forget_set_larger_than_the_retain_set_will_do():
    unlearned = run(MSG, sets=toy_sets(retain=12, forget=48))

    assert all(parameter.isfinite().all() for parameter in unlearned.parameters())


def test_a_frozen_convolution_is_refused_by_name():
    model = deepcopy(original())
    model.stem[0].weight.requires_grad = False

    with pytest.raises(ModelUnsuitable, match=r"Conv2d\(3, 4"):
        run(MSG, model=model)


@pytest.mark.parametrize(
    ("num_epochs", "factors"),
    [
        (1, [1]),
        (2, [1, 1 / 2]),
        (3, [1 / 2, 1, 1 / 2]),
        (4, [1 / 2, 1, 2 / 3, 1 / 3]),
        (5, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3]),
    ],
)
def test_the_rate_rises_to_the_middle_and_falls_again(num_epochs, factors):
    schedule = triangular(num_epochs)

    assert [schedule(epoch) for epoch in range(num_epochs)] == pytest.approx(factors)


def test_a_single_sample_to_forget_is_refused_as_batch_norm_cannot_normalise_it():
    with pytest.raises(ForgetSetInvalid, match="at least two samples"):
        run(MSG, sets=toy_sets(forget=1))
