"""The splits: which images are forgotten and held out is published, so it must never move (protocol §2.1)."""

from math import ceil

import numpy as np
import pytest

from core.spec.forget import RandomForget
from core.splits import Split, draw_split, drawn_official_split, fingerprint

DEFAULT = RandomForget(fraction=0.1, seed=123)
# num_train, then the fingerprints of validation, retain and forget set, and the first three forgotten images.
PUBLISHED = [
    (60_000, "4a5f2ef69284bb59", "1a45b723a06717c3", "d41285006b08fa4c", [12238, 20118, 23825]),
    (50_000, "b7f47c919b8a0b77", "2d774d0b1d74cd9b", "e9b620dfb49798b9", [33810, 44208, 6639]),
    (18_967, "69a2b5abc2570a66", "9f9926142fe0035c", "1b95b8a5185f0ddd", [1216, 11795, 8470]),
]


def drawn(
    num_train: int = 1000, num_test: int = 200, forget: RandomForget = DEFAULT, seed: int = 123
) -> Split:
    return draw_split(num_train, num_test, forget, validation_fraction=0.15, seed=seed)


@pytest.mark.parametrize(("num_train", "validation", "retain", "forget", "first"), PUBLISHED)
def test_the_splits_are_the_published_ones(num_train, validation, retain, forget, first):
    split = drawn(num_train)

    assert split.fingerprints["validation"] == validation
    assert split.fingerprints["retain"] == retain
    assert split.fingerprints["forget"] == forget
    assert split.forget[:3].tolist() == first


def test_the_split_of_utkface_which_has_no_official_one_is_the_published_one():
    train, test = drawn_official_split(23_708)

    assert (len(train), len(test)) == (18_967, 4_741)
    assert fingerprint(test) == "a61b4f1cc7bf08d4"
    assert fingerprint(train) == "773c6e9cba8e9a22"
    assert test[:3].tolist() == [18177, 23114, 5270]


@pytest.mark.parametrize("num_images", [5, 1797, 23_705, 23_708])
def test_a_drawn_official_split_uses_every_image_once_and_rounds_the_test_set_down(num_images):
    train, test = drawn_official_split(num_images)

    assert len(test) == num_images // 5
    assert sorted([*train, *test]) == list(range(num_images))


@pytest.mark.parametrize("num_train", [1438, 18_967, 50_000, 60_000])
def test_the_four_sets_are_disjoint_and_cover_every_image(num_train):
    split = drawn(num_train, num_test=359)

    everything = np.concatenate([split.retain, split.forget, split.validation, split.test])

    assert np.array_equal(np.sort(everything), np.arange(num_train + 359))


@pytest.mark.parametrize("num_train", [1438, 18_967, 60_000])
def test_the_held_out_sets_have_their_share_rounded_up(num_train):
    split = drawn(num_train, num_test=77)

    left = num_train - ceil(0.15 * num_train)
    assert len(split.validation) == ceil(0.15 * num_train)
    assert len(split.forget) == ceil(0.1 * left)
    assert len(split.retain) == left - len(split.forget)
    assert len(split.test) == 77


def test_the_test_images_follow_the_training_images_in_order():
    assert drawn(1000, num_test=3).test.tolist() == [1000, 1001, 1002]


def test_the_test_sets_size_moves_nothing_else():
    small, large = drawn(num_test=1).fingerprints, drawn(num_test=900).fingerprints

    assert {**small, "test": ""} == {**large, "test": ""}


def test_another_forget_seed_forgets_other_images_and_holds_out_the_same():
    one, other = drawn(), drawn(forget=RandomForget(fraction=0.1, seed=124))

    assert one.fingerprints["validation"] == other.fingerprints["validation"]
    assert one.fingerprints["forget"] != other.fingerprints["forget"]
    assert len(one.forget) == len(other.forget)


def test_another_split_seed_draws_every_set_anew():
    one, other = drawn(seed=123).fingerprints, drawn(seed=124).fingerprints

    assert all(one[name] != other[name] for name in ("retain", "forget", "validation"))


@pytest.mark.parametrize(("fraction", "size"), [(0.001, 1), (0.5, 425), (0.998, 849)])
def test_any_fraction_forgets_at_least_one_image(fraction, size):
    split = drawn(forget=RandomForget(fraction=fraction))

    assert len(split.forget) == size


def test_a_fingerprint_is_of_the_order_too_and_not_of_the_integers_width():
    indices = np.array([3, 1, 2])

    assert fingerprint(indices) == fingerprint(indices.astype(np.int32))
    assert fingerprint(indices) != fingerprint(np.sort(indices))
