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

    assert accuracy_error(40, 40, share_below=share_below) == pytest.approx(accuracies.std(), rel=0.2)
    assert indiscernibility_floor(40, 40, share_below=share_below) == pytest.approx(
        np.quantile(indiscernibilities, 0.05), abs=0.05
    )


@pytest.mark.parametrize(("num_forget", "num_heldout"), [(6, 6), (3, 359), (9, 359), (359, 5)])
def test_below_ten_samples_the_noise_is_that_of_the_rank_statistic_of_all_of_them(num_forget, num_heldout):
    draw = np.random.default_rng(0)
    areas = np.array(
        [attack_accuracy(draw.normal(size=num_forget), draw.normal(size=num_heldout)) for _ in range(2000)]
    )
    indiscernibilities = 1 - np.abs(2 * areas - 1)

    assert accuracy_error(num_forget, num_heldout) == pytest.approx(areas.std(), rel=0.05)
    assert indiscernibility_floor(num_forget, num_heldout) == pytest.approx(
        np.quantile(indiscernibilities, 0.05), abs=0.05
    )


@pytest.mark.parametrize(("count", "fifth_percentile"), [(4250, 0.977), (5100, 0.983), (1613, 0.966)])
def test_with_heavy_tails_the_floor_is_the_protocols_and_by_default_it_is_wider(count, fifth_percentile):
    heldout = 10_000
    assert indiscernibility_floor(count, heldout, share_below=0.8) == pytest.approx(
        fifth_percentile, abs=0.005
    )
    assert fifth_percentile - 0.015 < indiscernibility_floor(count, heldout) < fifth_percentile


def test_four_times_the_samples_halve_the_noise():
    assert accuracy_error(4000, 4000) == pytest.approx(accuracy_error(1000, 1000) / 2)


def test_a_single_sample_says_nothing_but_stays_within_bounds():
    assert indiscernibility_floor(1, 359) == 0


@pytest.mark.parametrize(
    ("counts", "share"), [((0, 9), 0.5), ((9, 0), 0.5), ((10, 10), 0.0), ((10, 10), 1.0)]
)
def test_values_out_of_range_are_refused(counts, share):
    with pytest.raises(ValueError, match="noise floor takes"):
        indiscernibility_floor(*counts, share_below=share)
