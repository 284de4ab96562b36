"""The noise floor against simulation, and against the protocol's (§5.3)."""

import numpy as np
import pytest

from core.attacks.noise import noise_floor
from core.attacks.u_mia import attack_accuracy


@pytest.mark.parametrize(("tail", "share_below"), [(0, 0.5), (1, 0.69)])
def test_the_floor_is_what_identical_distributions_give(tail, share_below):
    draw = np.random.default_rng(0)

    def losses() -> np.ndarray:
        values = draw.normal(size=40)
        return np.exp(values) if tail else values

    accuracies = np.array([attack_accuracy(losses(), losses()) for _ in range(150)])
    indiscernibilities = 1 - np.abs(2 * accuracies - 1)
    floor = noise_floor(40, share_below=share_below)

    assert floor.accuracy_error == pytest.approx(accuracies.std(), rel=0.2)
    assert floor.standard_error == pytest.approx(indiscernibilities.std(), rel=0.25)
    assert floor.mean == pytest.approx(indiscernibilities.mean(), abs=0.04)


def test_below_ten_samples_the_floor_is_that_of_the_rank_statistic():
    draw = np.random.default_rng(0)
    areas = [attack_accuracy(draw.normal(size=6), draw.normal(size=6)) for _ in range(2000)]

    assert noise_floor(6).accuracy_error == pytest.approx(np.std(areas), rel=0.05)


@pytest.mark.parametrize(
    ("count", "mean", "fifth_percentile"), [(4250, 0.991, 0.977), (5100, 0.992, 0.983), (1613, 0.985, 0.966)]
)
def test_with_heavy_tails_the_floor_is_the_protocols(count, mean, fifth_percentile):
    floor = noise_floor(count, share_below=0.8)

    assert floor.mean == pytest.approx(mean, abs=0.001)
    assert floor.fifth_percentile == pytest.approx(fifth_percentile, abs=0.005)


def test_four_times_the_samples_halve_the_noise():
    assert noise_floor(4000).standard_error == pytest.approx(noise_floor(1000).standard_error / 2)


def test_a_single_sample_says_nothing_but_stays_within_bounds():
    floor = noise_floor(1)

    assert 0 <= floor.fifth_percentile <= floor.mean <= 1


@pytest.mark.parametrize(("count", "share"), [(0, 0.5), (10, 0.0), (10, 1.0)])
def test_values_out_of_range_are_refused(count, share):
    with pytest.raises(ValueError, match="noise floor takes"):
        noise_floor(count, share_below=share)
