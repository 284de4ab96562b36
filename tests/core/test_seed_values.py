"""What the models of a cell come to."""

import pytest

from core.board import Method
from core.seed_values import SeedValue, summarise
from core.spec.setting import SettingId

HERE = SettingId("set_here")


def model(
    seed: int, value: float | None, variant: str | None = None, speed: float | None = None
) -> SeedValue:
    return SeedValue(HERE, Method("ft", variant), seed, value, speed)


def test_a_summary_counts_models_and_averages_the_usable_ones():
    (found,) = summarise([model(0, 0.2, speed=4.0), model(1, None), model(2, 0.4, speed=6.0)])

    assert (found.seeds, found.usable, found.mean) == (3, 2, pytest.approx(0.3))
    assert (found.sd, found.runtime_efficiency) == (pytest.approx(0.02**0.5), 5.0)


def test_nothing_usable_has_no_mean_and_one_model_no_spread():
    (lost,) = summarise([model(0, None)])
    (single,) = summarise([model(0, 0.2)])

    assert (lost.mean, lost.sd, lost.runtime_efficiency) == (None, None, None)
    assert (single.mean, single.sd) == (0.2, None)


def test_equal_values_have_no_spread_whatever_their_size():
    (found,) = summarise([model(seed, 0.9999999) for seed in range(3)])

    assert found.sd == pytest.approx(0, abs=1e-12)


def test_variants_are_summarised_apart():
    found = summarise([model(0, 0.2, "official"), model(0, 0.4, "fixed"), model(1, 0.2, "official")])

    assert {one.method.variant: one.seeds for one in found} == {"official": 2, "fixed": 1}


def test_only_the_seeds_asked_for_count():
    (found,) = summarise([model(0, 0.2), model(3, 0.4)], seeds=range(3, 10))

    assert (found.seeds, found.mean) == (1, 0.4)
