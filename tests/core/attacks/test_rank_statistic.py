"""Which way, and whether beyond noise, the forget losses lie to unseen ones (protocol §10)."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from core.attacks.rank_statistic import forget_auc, forget_reading, two_sided_p_value


def losses(count: int, mean: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(mean, count)


def reading(forget: np.ndarray, heldout: np.ndarray) -> str:
    return forget_reading(forget_auc(forget, heldout), two_sided_p_value(forget, heldout))


@pytest.mark.parametrize("decimals", [1, 12])
def test_the_area_is_that_of_the_roc_curve_with_ties_counting_half(decimals):
    forget, heldout = losses(40).round(decimals), losses(70, 2, seed=1).round(decimals)
    is_forget = np.repeat([1, 0], [40, 70])

    assert forget_auc(forget, heldout) == pytest.approx(
        roc_auc_score(is_forget, -np.concatenate([forget, heldout]))
    )


@pytest.mark.parametrize("count", [6, 100, 1000])
def test_lower_forget_losses_are_remembered_and_higher_ones_over_unlearned(count):
    assert reading(losses(count), losses(count, seed=1) + 3) == "remembered"
    assert reading(losses(count, seed=1) + 3, losses(count)) == "over_unlearned"


@pytest.mark.parametrize("count", [6, 100, 1000])
def test_losses_like_unseen_ones_are_so(count):
    assert reading(losses(count), losses(count, seed=3)) == "like_unseen"


def test_equal_losses_everywhere_are_like_unseen():
    assert (forget_auc(np.ones(5), np.ones(9)), two_sided_p_value(np.ones(5), np.ones(9))) == (0.5, 1)


def test_of_small_sets_the_p_value_is_exact():
    forget, heldout = np.array([1.0, 2, 2, 5]), np.array([2.0, 6, 7, 8, 9])
    both = np.concatenate([forget, heldout])
    areas = [
        forget_auc(both[list(chosen)], np.delete(both, list(chosen))) for chosen in combinations(range(9), 4)
    ]
    observed = forget_auc(forget, heldout)
    tails = (np.mean(np.array(areas) >= observed - 1e-12), np.mean(np.array(areas) <= observed + 1e-12))

    assert two_sided_p_value(forget, heldout) == pytest.approx(2 * min(tails))


@pytest.mark.parametrize("decimals", [1, 12])
@pytest.mark.parametrize(("num_forget", "num_heldout"), [(30, 900), (150, 60)])
def test_drawn_permutations_are_those_of_the_normal_approximation_where_that_holds(
    num_forget, num_heldout, decimals
):
    forget, heldout = (
        losses(num_forget, 1.3).round(decimals),
        losses(num_heldout, seed=1).round(decimals),
    )

    assert two_sided_p_value(forget, heldout) == pytest.approx(
        mannwhitneyu(forget, heldout, method="asymptotic").pvalue, rel=0.1
    )


def test_no_p_value_is_zero_and_it_does_not_matter_which_set_is_the_smaller():
    forget, heldout = losses(150), losses(400) + 50

    assert two_sided_p_value(forget, heldout) == two_sided_p_value(heldout, forget) == 2 / 10_000


def test_under_the_null_few_readings_are_beyond_noise():
    readings = [reading(losses(300, seed=2 * k), losses(300, seed=2 * k + 1)) for k in range(300)]

    assert np.mean([found != "like_unseen" for found in readings]) == pytest.approx(0.05, abs=0.04)


def test_the_level_decides_what_is_noise():
    assert forget_reading(0.6, 0.03, level=0.03) == "like_unseen"
    assert forget_reading(0.6, 0.03, level=0.031) == "remembered"


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("statistic", [forget_auc, two_sided_p_value])
def test_losses_that_are_not_finite_and_empty_sides_are_refused(statistic, value):
    with pytest.raises(ValueError, match="not finite"):
        statistic(losses(5), np.array([1, value]))
    with pytest.raises(ValueError, match="a side is empty"):
        statistic(losses(5), np.array([]))
