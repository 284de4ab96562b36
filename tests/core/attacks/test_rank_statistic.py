"""Which way, and whether beyond noise, the forget losses lie to unseen ones (protocol §10)."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.attacks.rank_statistic import forget_auc, two_sided_reading


def losses(count: int, mean: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(mean, count)


@pytest.mark.parametrize("decimals", [1, 12])
def test_the_area_is_that_of_the_roc_curve_with_ties_counting_half(decimals):
    forget, heldout = losses(40).round(decimals), losses(70, 2, seed=1).round(decimals)
    is_forget = np.repeat([1, 0], [40, 70])

    assert forget_auc(forget, heldout) == pytest.approx(
        roc_auc_score(is_forget, -np.concatenate([forget, heldout]))
    )


def test_lower_forget_losses_are_remembered():
    reading = two_sided_reading(losses(100, 0.2), losses(100, seed=1))

    assert reading.verdict == "remembered"
    assert reading.auc > 0.5
    assert reading.p_value < 0.01


@pytest.mark.parametrize("count", [6, 100, 1000])
def test_higher_forget_losses_are_over_unlearned(count):
    reading = two_sided_reading(losses(count, seed=1) + 3, losses(count))

    assert reading.verdict == "over_unlearned"
    assert reading.auc < 0.5


@pytest.mark.parametrize("count", [6, 100, 1000])
def test_losses_like_unseen_ones_are_so(count):
    assert two_sided_reading(losses(count), losses(count, seed=3)).verdict == "like_unseen"


def test_equal_losses_everywhere_are_like_unseen():
    reading = two_sided_reading(np.ones(5), np.ones(9))

    assert (reading.auc, reading.p_value, reading.verdict) == (0.5, 1, "like_unseen")


def test_of_small_sets_the_p_value_is_exact():
    forget, heldout = np.array([1.0, 2, 2, 5]), np.array([2.0, 6, 7, 8, 9])
    both = np.concatenate([forget, heldout])
    areas = [
        forget_auc(both[list(chosen)], np.delete(both, list(chosen))) for chosen in combinations(range(9), 4)
    ]
    observed = forget_auc(forget, heldout)
    tails = (np.mean(np.array(areas) >= observed - 1e-12), np.mean(np.array(areas) <= observed + 1e-12))

    assert two_sided_reading(forget, heldout).p_value == pytest.approx(2 * min(tails))


def test_under_the_null_few_readings_are_beyond_noise():
    verdicts = [
        two_sided_reading(losses(300, seed=2 * k), losses(300, seed=2 * k + 1)).verdict for k in range(300)
    ]

    assert np.mean([verdict != "like_unseen" for verdict in verdicts]) == pytest.approx(0.05, abs=0.04)


def test_the_level_decides_what_is_noise():
    forget, heldout = losses(50, 0.7), losses(50, seed=1)
    p_value = two_sided_reading(forget, heldout).p_value

    assert two_sided_reading(forget, heldout, level=p_value * 0.99).verdict == "like_unseen"
    assert two_sided_reading(forget, heldout, level=p_value * 1.01).verdict == "remembered"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_losses_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="not finite"):
        two_sided_reading(losses(5), np.array([1, value]))
