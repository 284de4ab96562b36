"""BT's own identities (methods §5.5)."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from core.catalog.published import BT, BTHyperparameters
from core.losses import kl
from core.training import fit
from core.unlearners import bt
from core.unlearners.batches import Tagged, TaggedBatch
from tests.toys import (
    NUM_CLASSES,
    ToyNet,
    numbered,
    numbers,
    original,
    run,
    same_weights,
    small,
    task_for,
    toy_sets,
)

NUM_FORGET = 5


def untrained() -> nn.Module:
    """A bad teacher whose answers are far from uniform, in train mode as constructors leave it."""
    torch.manual_seed(7)
    model = ToyNet()
    nn.init.normal_(model.classifier.weight, std=5)
    return model


def mixed_batch() -> TaggedBatch:
    """Five forget samples, then eleven retain samples."""
    sets = toy_sets()
    union = sets["forget"].subset(torch.arange(NUM_FORGET)).joined(sets["retain"].subset(torch.arange(11)))
    return TaggedBatch(union.batch(torch.arange(16)).images, NUM_FORGET)


def trained(monkeypatch, bad: nn.Module, **overrides):
    """A model after the method, and the loss that it was trained on."""
    losses = []

    def recorded(model, batches, loss, *args, **kwargs):
        losses.append(loss)
        return fit(model, batches, loss, *args, **kwargs)

    monkeypatch.setattr(bt, "fit", recorded)
    model = deepcopy(original())
    task = replace(task_for(BT, toy_sets()), fresh_model=lambda: bad)
    bt.unlearn(model, task, small(BT, **overrides))
    return model.eval(), losses[0]


@torch.no_grad()
def logits(model: nn.Module, images: Tensor) -> Tensor:
    return deepcopy(model).eval()(images)


def test_zero_epochs_are_the_identity():
    assert same_weights(run(BT, num_epochs=0), original())


@pytest.mark.parametrize("num_epochs", [0, 2])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize(("variant", "divisor"), [("official", NUM_CLASSES), ("fixed", 1)])
def test_forget_samples_are_compared_with_the_bad_teacher_and_retain_samples_with_the_original(
    monkeypatch, variant, divisor, temperature, num_epochs
):
    bad, batch = untrained(), mixed_batch()

    student, loss = trained(monkeypatch, bad, variant=variant, temperature=temperature, num_epochs=num_epochs)

    targets = torch.cat(
        [logits(bad, batch.images)[:NUM_FORGET], logits(original(), batch.images)[NUM_FORGET:]]
    )
    q, p = ((each / temperature).softmax(dim=1) for each in (targets, logits(student, batch.images)))
    expected = (q * (q.log() - p.log())).sum() / (16 * divisor)
    torch.testing.assert_close(loss(batch).detach(), expected)


def test_a_model_that_still_is_the_original_has_nothing_to_learn_from_retain_samples(monkeypatch):
    student, loss = trained(monkeypatch, untrained(), num_epochs=0)

    value = loss(TaggedBatch(mixed_batch().images, num_forget=0))
    value.backward()

    assert value.item() == pytest.approx(0, abs=1e-6)
    assert all(parameter.grad.abs().max() < 1e-6 for parameter in student.parameters())


def test_a_batch_of_forget_samples_alone_will_do(monkeypatch):
    _, loss = trained(monkeypatch, untrained(), num_epochs=0)

    assert loss(TaggedBatch(mixed_batch().images, num_forget=16)).isfinite()


def test_the_answers_to_forget_samples_approach_the_bad_teachers(monkeypatch):
    bad, sets = untrained(), toy_sets()
    images = sets["forget"].batch(torch.arange(24)).images

    student, _ = trained(monkeypatch, bad, num_epochs=4)

    target = logits(bad, images)
    assert kl(target, logits(student, images)) < 0.5 * kl(target, logits(original(), images))


def test_the_bad_teacher_is_left_as_it_was_made(monkeypatch):
    bad = untrained()

    trained(monkeypatch, bad)

    assert same_weights(bad, untrained())


def test_the_labels_do_not_matter():
    sets = toy_sets()
    relabelled = {name: replace(data, labels=data.labels.roll(1)) for name, data in sets.items()}

    assert same_weights(run(BT, sets=relabelled), run(BT, sets=sets))


def test_the_student_trains_in_train_mode():
    unlearned = run(BT)

    moved = [not torch.equal(*pair) for pair in zip(original().buffers(), unlearned.buffers(), strict=True)]
    assert all(moved)


def test_dividing_by_the_number_of_classes_only_strengthens_weight_decay_that_much():
    common = {"num_epochs": 1, "batch_size": 72}

    official = run(BT, variant="official", weight_decay=0.3 / NUM_CLASSES, **common)
    fixed = run(BT, variant="fixed", weight_decay=0.3, **common)
    undivided = run(BT, variant="fixed", weight_decay=0.3 / NUM_CLASSES, **common)

    distance = [largest_difference(official, other) for other in (fixed, undivided)]
    assert distance[0] < 1e-4 < 1e-3 < distance[1]


def largest_difference(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max((first - second).abs().max().item() for first, second in pairs)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValidationError, match="temperature"):
        BTHyperparameters(temperature=temperature)


def test_tagged_batches_hold_every_sample_once_and_know_which_are_the_forget_sets():
    batches = Tagged(numbered(0, 40), numbered(40, 10), 8, torch.Generator().manual_seed(0))

    first, second = (list(batches) for _ in range(2))

    for batch in first:
        assert [number >= 40 for number in numbers(batch.images)] == [
            place < batch.num_forget for place in range(len(batch))
        ]
    assert [len(batch) for batch in first] == [8] * 6 + [2]
    assert sorted(number for batch in first for number in numbers(batch.images)) == list(range(50))
    assert [numbers(batch.images) for batch in first] != [numbers(batch.images) for batch in second]
    assert len({batch.num_forget for batch in first}) > 1
