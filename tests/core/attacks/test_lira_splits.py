"""The splits of U-LiRA are published, so they must never move (protocol §2.2)."""

import numpy as np
import pytest

from core.attacks.lira_splits import draw_lira_splits
from core.attacks.observations import FORGET, OUT, RETAIN
from core.splits import fingerprint


@pytest.fixture(scope="module")
def full():
    return draw_lira_splits(50_000)


def test_the_full_study_is_the_published_one(full):
    assert {
        name: fingerprint(getattr(full, name)) for name in ("validation", "train", "out", "retain", "forget")
    } == {
        "validation": "8316277275d26970",
        "train": "6ccab6955ede3ebf",
        "out": "886a6e0d9483ecd3",
        "retain": "bfaeed2bc726aadd",
        "forget": "626d9b54abe809b8",
    }
    assert full.forget[0, 0, :3].tolist() == [16130, 45508, 17503]


def test_forgotten_and_never_seen_counts_are_the_published_ones(full):
    codes = full.membership()

    forgotten, never_seen = ((codes == code).sum(axis=0) for code in (FORGET, OUT))
    in_splits = (codes == FORGET).reshape(64, 10, -1).any(axis=1).sum(axis=0)

    assert codes.shape == (640, 47_500)
    assert (forgotten.mean(), forgotten.min(), forgotten.max()) == (32, 8, 64)
    assert (never_seen.mean(), never_seen.min(), never_seen.max()) == (320, 160, 470)
    assert (in_splits.min(), in_splits.max()) == (6, 37)
    assert in_splits.mean() == pytest.approx(20.7, abs=0.05)


def test_a_smaller_study_is_a_part_of_the_larger_one():
    small, large = draw_lira_splits(1000, num_splits=2, num_draws=3), draw_lira_splits(1000)

    assert np.array_equal(small.pool, large.pool)
    assert np.array_equal(small.train, large.train[:2])
    assert np.array_equal(small.forget, large.forget[:2, :3])


@pytest.mark.parametrize("num_train", [40, 997, 1000])
def test_each_split_halves_the_pool_and_each_draw_parts_its_half(num_train):
    splits = draw_lira_splits(num_train, num_splits=2, num_draws=2)

    assert sorted([*splits.pool, *splits.validation]) == list(range(num_train))
    assert abs(splits.train.shape[1] - splits.out.shape[1]) <= 1
    for split in range(2):
        assert sorted([*splits.train[split], *splits.out[split]]) == sorted(splits.pool)
        for draw in range(2):
            assert sorted([*splits.retain[split, draw], *splits.forget[split, draw]]) == sorted(
                splits.train[split]
            )


def test_membership_says_what_each_model_had_of_each_sample_of_the_pool():
    splits = draw_lira_splits(200, num_splits=2, num_draws=3)

    codes = splits.membership()

    assert splits.models.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    for model, (split, draw) in enumerate(splits.models):
        for code, indices in (
            (OUT, splits.out[split]),
            (RETAIN, splits.retain[split, draw]),
            (FORGET, splits.forget[split, draw]),
        ):
            assert set(splits.pool[codes[model] == code]) == set(indices)


@pytest.mark.parametrize(("num_train", "num_splits", "num_draws"), [(39, 1, 1), (40, 0, 1), (40, 1, 0)])
def test_a_study_without_a_set_is_refused(num_train, num_splits, num_draws):
    with pytest.raises(ValueError, match="at least 40"):
        draw_lira_splits(num_train, num_splits=num_splits, num_draws=num_draws)
