"""How sure ranks are: what redrawing model seeds does to them."""

from dataclasses import replace

import numpy as np
import pytest

from core.board import Method, Metric, build_board
from core.ranking import Group
from core.seed_values import SeedValue, summarise
from core.uncertainty import RankInterval, RowUncertainty, Uncertainty, bootstrap
from tests.core.test_board import setting

DIGITS, MNIST = setting("digits"), setting("mnist")
SEEDS = range(5)
NOISE = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])


def models(unlearner: str, values, where=DIGITS, variant: str | None = None) -> list[SeedValue]:
    """One model per seed; None is a model that is not usable."""
    return [
        SeedValue(where.id, Method(unlearner, variant), seed, None if value is None else float(value))
        for seed, value in enumerate(values)
    ]


def redrawn(*cells, settings=(DIGITS,), metric=Metric.INDISCERNIBILITY, draws=200) -> Uncertainty:
    values = [value for cell in cells for value in cell]
    board = build_board("quick/1.0", metric, settings, summarise(values), required_seeds=len(SEEDS))
    return bootstrap(board, values, SEEDS, draws=draws)


def row(found: Uncertainty, label: str) -> RowUncertainty:
    return next(row for row in found.rows if row.row.method.label == label)


CLEAR = [models(name, mean + NOISE) for name, mean in (("ct", 0.9), ("ft", 0.5), ("ga", 0.1))]


def test_methods_far_apart_keep_their_ranks_and_are_distinguishable():
    found = redrawn(*CLEAR)

    assert [row.over_seeds for row in found.rows] == [RankInterval(n, n) for n in (1, 2, 3)]
    assert [row.not_distinguishable for row in found.rows] == [(), (), ()]


def test_methods_whose_order_hangs_on_the_seeds_share_ranks_in_their_intervals():
    found = redrawn(*CLEAR, models("msg", 0.88 + 2 * NOISE), models("srl", 0.52 + 2 * NOISE))
    close = redrawn(models("ct", 0.9 + NOISE), models("ft", 0.901 - NOISE))

    assert row(found, "ct").not_distinguishable == ("msg",)
    assert row(found, "msg").not_distinguishable == ("ct",)
    assert row(close, "ct").over_seeds == row(close, "ft").over_seeds == RankInterval(1, 2)


def test_seeds_are_redrawn_alike_for_all_methods():
    spread = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    always_ahead = redrawn(models("ct", spread + 0.001), models("ft", spread))

    assert row(always_ahead, "ct").over_seeds == RankInterval(1, 1)
    assert row(always_ahead, "ct").not_distinguishable == ()


def test_methods_that_share_their_rank_in_every_draw_are_not_distinguishable():
    found = redrawn(*CLEAR, models("msg", 0.9 + NOISE))

    assert row(found, "msg").not_distinguishable == ("ct",)


def test_the_probabilities_of_a_cell_are_shares_of_the_draws():
    close = redrawn(models("ct", 0.9 + NOISE), models("ft", 0.901 - NOISE))

    chances = row(close, "ct").cells[0].probabilities
    assert sum(chances.values()) == pytest.approx(1)
    assert 0.2 < chances[Group.G1] < 0.8
    assert chances[Group.G3] == chances[Group.F] == 0


def test_a_failed_method_is_failed_in_every_draw():
    found = redrawn(*CLEAR, models("ff", [0.9, None, 0.9, 0.9, 0.9]))

    assert row(found, "ff").cells[0].probabilities[Group.F] == 1
    assert row(found, "ff").over_seeds == RankInterval(4, 4)


def test_a_method_that_lacks_models_has_no_interval_and_no_probabilities():
    found = row(redrawn(*CLEAR, models("msg", [0.9, 0.9])), "msg")

    assert (found.over_seeds, found.over_settings, found.not_distinguishable) == (None, None, ())
    assert found.cells[0].probabilities == {}


def test_redrawing_the_settings_too_widens_the_interval():
    elsewhere = [models(name, mean + NOISE, MNIST) for name, mean in (("ct", 0.1), ("ft", 0.5), ("ga", 0.9))]

    found = redrawn(*CLEAR, *elsewhere, settings=(DIGITS, MNIST))

    assert row(found, "ct").over_seeds == RankInterval(1, 1)
    assert row(found, "ct").over_settings == RankInterval(1, 3)


def test_a_single_setting_cannot_be_redrawn():
    assert redrawn(*CLEAR).rows[0].over_settings is None


def test_a_single_model_seed_says_nothing_of_chance():
    cells = [models("ct", [0.9]), models("ft", [0.5]), models("ga", [0.1])]
    values = [value for cell in cells for value in cell]
    board = build_board("one/1.0", Metric.INDISCERNIBILITY, [DIGITS], summarise(values), required_seeds=1)

    first = bootstrap(board, values, [0]).rows[0]

    assert (first.row.rank, first.over_seeds, first.over_settings) == (1, None, None)
    assert first.not_distinguishable == ("ft", "ga")
    assert first.cells[0].probabilities == {}


def test_a_newcomer_widens_no_interval_of_the_cohort():
    cohort = [*CLEAR, models("msg", 0.7 + 3 * NOISE)]

    alone, joined = redrawn(*cohort), redrawn(*cohort, models("new", [-50, 0.9, 0.5, 3, 0.1]))

    assert [row(joined, r.row.method.label).cells for r in alone.rows] == [r.cells for r in alone.rows]


def test_the_standard_error_is_the_spread_over_the_root_of_the_models():
    assert redrawn(*CLEAR).rows[0].cells[0].standard_error == pytest.approx(np.std(NOISE, ddof=1) / 5**0.5)


def test_the_same_board_has_the_same_uncertainty_every_time():
    noisy = [models("ct", 0.9 + NOISE), models("ft", 0.901 - NOISE)]

    assert redrawn(*noisy) == redrawn(*noisy)


def test_where_lower_is_better_the_smallest_values_lead():
    found = redrawn(*CLEAR, metric=Metric.RETENTION_DEVIATION)

    assert row(found, "ga").over_seeds == RankInterval(1, 1)


def test_a_board_without_results_has_no_rows():
    assert redrawn(settings=()).rows == ()


def test_an_interval_contains_the_rank_even_of_a_board_made_otherwise():
    found = redrawn(*CLEAR)
    rows = tuple(replace(row.row, rank=3) for row in found.rows)
    values = [value for cell in CLEAR for value in cell]

    moved = bootstrap(replace(found.board, rows=rows), values, SEEDS, draws=20)

    assert all(row.over_seeds.low <= 3 <= row.over_seeds.high for row in moved.rows)
