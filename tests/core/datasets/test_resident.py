"""Resident sets: batches, their order and their scale (protocol §1.4, §1.6)."""

import pytest
import torch

from core.datasets.resident import ResidentSet
from core.datasets.streams import Shuffled
from tests.toys import numbered, numbers


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flatten(batches) -> list[int]:
    return [number for batch in batches for number in numbers(batch.images)]


def test_in_order_is_the_order_with_a_short_last_batch():
    batches = list(numbered(0, 10).in_order(4))

    assert [numbers(batch.images) for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [len(batch) for batch in batches] == [4, 4, 2]


def test_shuffled_is_a_permutation_with_a_short_last_batch():
    batches = list(numbered(0, 50).shuffled(8, generator()))

    assert [len(batch) for batch in batches] == [8] * 6 + [2]
    assert sorted(flatten(batches)) == list(range(50))
    assert flatten(batches) != list(range(50))


def test_labels_stay_with_their_images():
    for batch in numbered(0, 50, num_classes=7).shuffled(8, generator()):
        assert [number % 7 for number in numbers(batch.images)] == batch.labels.tolist()


def test_every_epoch_has_its_own_order_and_the_seed_decides_it():
    stream, same = (Shuffled(numbered(0, 50), 8, generator(3)) for _ in range(2))

    first, second = flatten(stream), flatten(stream)

    assert first != second
    assert [flatten(same), flatten(same)] == [first, second]


def test_images_are_scaled_to_one_and_standardised_per_channel():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    data = ResidentSet(pixels, torch.zeros(1), torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 0.4, 0.25]))

    images = data.standardised(pixels)

    assert images.dtype == torch.float32
    assert images.flatten().tolist() == pytest.approx([-0.2, 0.0, 2.8], abs=1e-6)
    assert pixels.flatten().tolist() == [0, 51, 255]


def test_a_subset_has_the_chosen_samples_in_the_chosen_order():
    subset = numbered(10, 10).subset(torch.tensor([7, 0, 3]))

    assert flatten(subset.in_order(2)) == [17, 10, 13]
    assert subset.labels.tolist() == [1, 0, 0]


def test_joined_is_one_set_then_the_other():
    joined = numbered(0, 3).joined(numbered(7, 2))

    assert len(joined) == 5
    assert flatten(joined.in_order(8)) == [0, 1, 2, 7, 8]
    assert joined.labels.tolist() == [0, 1, 2, 0, 1]


def test_the_training_transform_is_applied_only_where_it_is_asked_for():
    plain = numbered(0, 9)
    data = ResidentSet(plain.pixels, plain.labels, plain.mean, plain.std, lambda pixels, _: pixels + 100)

    assert sorted(flatten(data.shuffled(4, generator(), augment=True))) == list(range(100, 109))
    assert sorted(flatten(data.shuffled(4, generator()))) == list(range(9))
    assert flatten(data.in_order(4)) == list(range(9))
    assert data.subset(torch.arange(2)).augmentation is data.augmentation
    assert data.joined(plain).augmentation is data.augmentation


def test_an_empty_set_has_no_batches():
    assert list(numbered(0, 0).in_order(4)) == []
