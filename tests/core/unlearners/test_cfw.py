"""CFW's own identities (methods §4.3)."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from core.catalog.challenge import CFW
from core.models import resnet, tiny_vit
from core.unlearners import cfw
from core.unlearners.cfw import balanced_weights, weighted_by_batch, weighted_by_sample
from tests.toys import original, poisoned, run, same_weights, small, task_for, toy_sets

KERNELS = {"stem.0.weight", "stages.0.0.weight", "stages.1.0.weight", "stages.2.0.weight"}


@pytest.fixture
def noises(monkeypatch):
    """The standard deviation of every noise that is added, as it comes."""
    added = []
    add_noise = cfw.add_noise

    def recorded(tensors, sd, generator):
        added.append(sd)
        add_noise(tensors, sd, generator)

    monkeypatch.setattr(cfw, "add_noise", recorded)
    return added


def changed(before, after):
    other = after.state_dict()
    return {name for name, tensor in before.state_dict().items() if not torch.equal(tensor, other[name])}


@pytest.mark.parametrize(("scope", "names"), [("stem", {"stem.0.weight"}), ("all_conv", KERNELS)])
def test_zero_epochs_add_noise_to_the_convolutions_in_scope_and_to_nothing_else(scope, names):
    assert changed(original(), run(CFW, num_epochs=0, scope=scope)) == names


@pytest.mark.parametrize(
    ("architecture", "build", "scope", "count", "num_weights"),
    [
        (resnet, resnet.resnet18, "stem", 1, 9_408),
        (resnet, resnet.resnet18, "all_conv", 20, 11_166_912),
        (tiny_vit, tiny_vit.tiny_vit, "stem", 1, 864),
    ],
)
def test_of_every_architecture_as_many_weights_as_expected_get_noise(
    architecture, build, scope, count, num_weights
):
    before = build(10)
    after = deepcopy(before)
    task = replace(task_for(CFW, toy_sets()), parts_of=architecture.parts)

    cfw.unlearn(after, task, small(CFW, num_epochs=0, start_sd=0.3, scope=scope))

    names = changed(before, after)
    noise = torch.cat([(after.state_dict()[n] - before.state_dict()[n]).flatten() for n in names])
    assert (len(names), len(noise)) == (count, num_weights)
    assert noise.std().item() == pytest.approx(0.3, rel=0.1)
    assert noise.mean().item() == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("num_epochs", "expected"), [(0, [0.2]), (1, [0.2]), (2, [0.2, 0.1]), (4, [0.2, 0.1])]
)
def test_noise_comes_once_at_the_start_and_once_before_a_last_epoch_that_is_not_the_first(
    noises, num_epochs, expected
):
    run(CFW, num_epochs=num_epochs, start_sd=0.2, final_sd=0.1)

    assert noises == expected


def test_after_the_final_noise_there_is_one_epoch_left(monkeypatch):
    num_done, fit = [], cfw.fit

    def recorded(*args, on_epoch, **options):
        def both(done):
            num_done.append((done, len(noise)))
            on_epoch(done)

        return fit(*args, on_epoch=both, **options)

    noise = []
    monkeypatch.setattr(cfw, "fit", recorded)
    monkeypatch.setattr(cfw, "add_noise", lambda tensors, sd, generator: noise.append(sd))

    run(CFW, num_epochs=4)

    assert num_done == [(1, 1), (2, 1), (3, 1), (4, 2)]


def test_noise_without_spread_is_the_identity():
    assert same_weights(run(CFW, num_epochs=0, start_sd=0.0), original())


def test_a_run_that_diverges_gets_no_final_noise(noises):
    run(CFW, sets={"retain": poisoned(toy_sets()["retain"])}, num_epochs=2)

    assert len(noises) == 1


def test_balanced_weights_are_the_inverse_of_the_share_of_a_class_among_those_present():
    weights = balanced_weights(torch.tensor([0, 0, 0, 2, 2, 4]), num_classes=6)

    assert weights.tolist() == pytest.approx([6 / 9, 0, 6 / 6, 0, 6 / 3, 0])


def test_a_class_that_the_retain_set_lacks_leaves_the_others_their_weights():
    sets = toy_sets()
    retain = sets["retain"].subset(sets["retain"].labels != 1)

    unlearned = run(CFW, sets={"retain": retain}, variant="fixed")

    assert balanced_weights(retain.labels, 3).tolist() == [1, 0, 1]
    assert all(tensor.isfinite().all() for tensor in unlearned.state_dict().values())


@pytest.mark.parametrize("weighted", [weighted_by_batch, weighted_by_sample])
def test_with_as_many_samples_of_each_class_the_loss_is_plain_cross_entropy(weighted):
    logits, labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3

    loss = weighted(logits, labels, balanced_weights(labels, 3))

    torch.testing.assert_close(loss, F.cross_entropy(logits, labels))


def test_the_variants_differ_in_what_the_class_weights_multiply():
    logits = torch.tensor([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    labels = torch.tensor([0, 0, 0, 1])
    weights = balanced_weights(labels, 2)
    right, wrong = F.cross_entropy(logits, labels, reduction="none")[[0, 3]].tolist()

    assert weighted_by_batch(logits, labels, weights).item() == pytest.approx((3 * right + wrong) / 4)
    assert weighted_by_sample(logits, labels, weights).item() == pytest.approx((right + wrong) / 2)


def test_the_variants_agree_on_balanced_classes_and_not_on_others():
    balanced, others = toy_sets(), toy_sets(retain=47)

    for official, fixed in zip(
        run(CFW, sets=balanced, variant="official").parameters(),
        run(CFW, sets=balanced, variant="fixed").parameters(),
        strict=True,
    ):
        torch.testing.assert_close(official, fixed, rtol=1e-3, atol=1e-4)
    assert not same_weights(run(CFW, sets=others, variant="official"), run(CFW, sets=others, variant="fixed"))
