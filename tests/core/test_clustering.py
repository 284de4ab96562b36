"""Many groupings at once are the groupings one by one."""

from math import nan

import numpy as np
import pytest

from core.clustering import NO_GROUP, group_many
from core.ranking import CLUSTERED, Linkage, group_values

METHODS = 18


def one_by_one(values, in_cohort, *, higher_is_better: bool, linkage: Linkage) -> np.ndarray:
    """The groups by the library's clustering, row by row."""
    cohort = {str(index) for index in np.flatnonzero(in_cohort)}
    groups = np.full(values.shape, NO_GROUP)
    for place, row in enumerate(values):
        present = {str(index): float(value) for index, value in enumerate(row) if not np.isnan(value)}
        found = group_values(present, higher_is_better=higher_is_better, cohort=cohort, linkage=linkage)
        for index, group in found.groups.items():
            groups[place, int(index)] = CLUSTERED.index(group)
    return groups


def drawn(kind: str, rng: np.random.Generator) -> np.ndarray:
    shape = (60, METHODS)
    if kind == "grid":  # ties in plenty
        return rng.integers(0, 9, shape) / 8
    if kind == "coarse":  # often fewer than three distinct values
        return rng.integers(0, 3, shape).astype(float)
    if kind == "skewed":
        return np.exp(2 * rng.standard_normal(shape))
    return rng.random(shape)


@pytest.mark.parametrize("linkage", list(Linkage))
@pytest.mark.parametrize("kind", ["uniform", "skewed", "grid", "coarse"])
@pytest.mark.parametrize("higher_is_better", [True, False])
def test_groups_are_those_of_the_library(kind, linkage, higher_is_better):
    rng = np.random.default_rng(7)
    values = drawn(kind, rng)
    values[rng.random(values.shape) < 0.1] = nan
    in_cohort = rng.random(METHODS) < 0.7
    how = {"higher_is_better": higher_is_better, "linkage": linkage}

    assert np.array_equal(group_many(values, in_cohort, **how), one_by_one(values, in_cohort, **how))


@pytest.mark.parametrize("methods", [0, 1, 2, 3, 4])
def test_few_methods_are_grouped_like_many(methods):
    rng = np.random.default_rng(1)
    values = rng.random((5, methods))
    everyone = np.ones(methods, dtype=bool)
    how = {"higher_is_better": True, "linkage": Linkage.WARD}

    assert np.array_equal(group_many(values, everyone, **how), one_by_one(values, everyone, **how))


def test_no_value_is_no_group():
    groups = group_many(np.array([[0.9, nan, 0.1]]), np.ones(3, dtype=bool), higher_is_better=True)

    assert groups.tolist() == [[0, NO_GROUP, 1]]
