"""SRL's own identities (methods §3.3)."""

from itertools import chain

import torch
from torch import Tensor

from core.catalog.classical import SRL
from core.unlearners.batches import RandomlyRelabelled
from tests.toys import accuracy, mean_loss, numbered, numbers, original, run, same_weights, toy_sets

RETAIN, FORGET = numbered(0, 30), numbered(30, 12)


def relabelled(seed: int = 0, num_classes: int = 3, batch_size: int = 8) -> RandomlyRelabelled:
    return RandomlyRelabelled(RETAIN, FORGET, num_classes, batch_size, torch.Generator().manual_seed(seed))


def one_pass(mixed: RandomlyRelabelled) -> dict[int, int]:
    """The label that each sample has in one epoch, by the sample's number."""
    batches = list(mixed)
    labels: Tensor = torch.cat([batch.labels for batch in batches])
    return dict(zip(numbers(torch.cat([batch.images for batch in batches])), labels.tolist(), strict=True))


def test_zero_epochs_are_the_identity():
    assert same_weights(run(SRL, num_epochs=0), original())


def test_an_epoch_is_one_pass_over_both_sets_in_mixed_batches():
    batches = [numbers(batch.images) for batch in relabelled()]

    assert [len(batch) for batch in batches] == [8, 8, 8, 8, 8, 2]
    assert sorted(chain.from_iterable(batches)) == list(range(42))
    assert sum(min(batch) < 30 <= max(batch) for batch in batches) > 1


def test_retain_labels_are_never_altered():
    mixed = relabelled()

    for _ in range(20):
        labels = one_pass(mixed)
        assert [labels[number] for number in range(30)] == RETAIN.labels.tolist()


def test_the_sets_themselves_keep_their_labels():
    one_pass(relabelled())

    assert FORGET.labels.tolist() == [number % 3 for number in range(12)]


def test_forget_labels_are_uniform_with_the_true_one_among_them():
    mixed = relabelled()
    drawn = torch.tensor([[one_pass(mixed)[30 + k] for k in range(12)] for _ in range(400)])

    counts = torch.stack([(drawn == label).sum(dim=0) for label in range(3)])

    # 133 ± 9 of 400 for each sample and label: five standard deviations either way
    assert counts.min() > 133 - 47
    assert counts.max() < 133 + 47


def test_forget_labels_are_drawn_anew_in_every_epoch():
    mixed = relabelled(num_classes=10)

    passes = [tuple(one_pass(mixed)[30 + k] for k in range(12)) for _ in range(5)]

    assert len(set(passes)) == 5


def test_every_class_can_be_drawn_and_no_other():
    mixed = relabelled(num_classes=10)

    drawn = {label for _ in range(40) for number, label in one_pass(mixed).items() if number >= 30}

    assert drawn == set(range(10))


def test_the_forget_labels_of_the_data_play_no_part():
    sets = toy_sets()
    forget = sets["forget"]
    others = {**sets, "forget": type(forget)(forget.pixels, forget.labels.flip(0), forget.mean, forget.std)}

    assert same_weights(run(SRL, sets=others), run(SRL, sets=sets))


def test_the_forget_set_is_unlearnt_while_the_retain_set_is_kept():
    sets = toy_sets()

    unlearned = run(SRL, num_epochs=10)

    assert mean_loss(unlearned, sets["forget"]) > 5 * mean_loss(original(), sets["forget"])
    assert accuracy(unlearned, sets["retain"]) > 0.9
