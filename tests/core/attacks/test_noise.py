"""The noise floor against simulation, and against that of protocol §5.3."""

import numpy as np
import pytest

from core.attacks.noise import accuracy_error, indiscernibility_floor
from core.attacks.u_mia import attack_accuracy


@pytest.mark.parametrize(("tail", "share_below"), [(0, 0.5), (1, 0.69)])
def test_the_floor_is_what_identical_distributions_seldom_fall_below(tail, share_below):
    draw = np.random.default_rng(0)

    def losses() -> np.ndarray:
        values = draw.normal(size=40)
        return np.exp(values) if tail else values

    accuracies = np.array([attack_accuracy(losses(), losses()) for _ in range(150)])
    indiscernibilities = 1 - np.abs(2 * accuracies - 1)

    assert accuracy_error(40, share_below=share_below) == pytest.approx(accuracies.std(), rel=0.2)
    assert indiscernibility_floor(40, share_below=share_below) == pytest.approx(
        np.quantile(indiscernibilities, 0.05), abs=0.05
    )


def test_below_ten_samples_the_error_is_that_of_the_rank_statistic():
    draw = np.random.default_rng(0)
    areas = [attack_accuracy(draw.normal(size=6), draw.normal(size=6)) for _ in range(2000)]

    assert accuracy_error(6) == pytest.approx(np.std(areas), rel=0.05)


@pytest.mark.parametrize(("count", "fifth_percentile"), [(4250, 0.977), (5100, 0.983), (1613, 0.966)])
def test_with_heavy_tails_the_floor_is_the_protocols_and_by_default_it_is_wider(count, fifth_percentile):
    assert indiscernibility_floor(count, share_below=0.8) == pytest.approx(fifth_percentile, abs=0.005)
    assert fifth_percentile - 0.015 < indiscernibility_floor(count) < fifth_percentile


def test_four_times_the_samples_halve_the_noise():
    assert accuracy_error(4000) == pytest.approx(accuracy_error(1000) / 2)


def test_a_single_sample_says_nothing_but_stays_within_bounds():
    assert indiscernibility_floor(1) == 0


@pytest.mark.parametrize(("count", "share"), [(0, 0.5), (10, 0.0), (10, 1.0)])
def test_values_out_of_range_are_refused(count, share):
    with pytest.raises(ValueError, match="noise floor takes"):
        indiscernibility_floor(count, share_below=share)
