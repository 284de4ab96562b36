"""The grouping of `core.ranking`, for thousands of redrawn settings at once.

Ward's and the other linkages on one-dimensional values only ever merge neighbours, so a merge is the smallest
of n - 1 distances, found for all settings in one step. Where two distances are equal the choice is
scikit-learn's (protocol §7.1), so such settings are handed to it one by one.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.ranking import CLUSTERED, NUM_GROUPS, Linkage, group_values

Values: TypeAlias = NDArray[np.float64]
Groups: TypeAlias = NDArray[np.int8]

NO_GROUP = -1
RELATIVE_TIE = 1e-9  # distances closer than this may be merged in either order, for rounding's sake
ROUNDING = 1e-14  # of the largest value


def group_many(
    values: Values, in_cohort: NDArray[np.bool_], *, higher_is_better: bool, linkage: Linkage = Linkage.WARD
) -> Groups:
    """The groups of `group_values`, for each row of `values`.

    Args:
        values: draws x methods; NaN where a method has no value.
        in_cohort: methods; whose values fix the cut points.
        higher_is_better: the direction of the metric.
        linkage: what merges clusters.

    Returns:
        Draws x methods: 0, 1 and 2 for G1, G2 and G3, -1 for NaN.
    """
    badness = -values if higher_is_better else values
    members = np.where(in_cohort, badness, np.nan)
    is_frozen = _num_distinct(members) >= NUM_GROUPS
    clustered = np.where(is_frozen[:, None], members, badness)
    groups, is_tied = _cluster_many(clustered, linkage)
    for row in np.flatnonzero(is_tied):
        groups[row] = _by_library(
            -clustered[row] if higher_is_better else clustered[row], higher_is_better, linkage
        )
    return _placed(badness, clustered, groups)


def _placed(badness: Values, clustered: Values, groups: Groups) -> Groups:
    """The groups, completed by those who took no part in the clustering, by the cut points."""
    left = (groups == NO_GROUP) & ~np.isnan(badness)
    if not left.any():
        return groups
    placed = groups.copy()
    placed[left] = 0
    for upper in range(NUM_GROUPS - 1):
        last = np.max(np.where(groups == upper, clustered, -np.inf), axis=1)
        first = np.min(np.where(groups == upper + 1, clustered, np.inf), axis=1)
        cut = (last + first) / 2
        placed[left] += (badness > cut[:, None])[left]
    return placed


def _cluster_many(values: Values, linkage: Linkage) -> tuple[Groups, NDArray[np.bool_]]:
    """Clusters of each row, numbered upwards by value, and the rows in which a tie left a merge open."""
    order = np.argsort(values, axis=1, kind="stable")  # NaN last
    means = np.take_along_axis(values, order, axis=1)
    lows, highs, sizes = means.copy(), means.copy(), (~np.isnan(means)).astype(np.float64)
    slack = ROUNDING * np.nan_to_num(np.abs(values)).max(axis=1, initial=0.0)
    is_tied = np.zeros(len(values), dtype=np.bool_)
    while True:
        distances = _distances(means, lows, highs, sizes, linkage)
        nearest = np.argmin(distances, axis=1) if distances.shape[1] else np.zeros(len(values), dtype=np.intp)
        smallest = distances.min(axis=1, initial=np.inf)
        num_clusters = (sizes > 0).sum(axis=1)
        # Equal values are one cluster even where that leaves fewer than three.
        merges = (num_clusters > NUM_GROUPS) | (smallest == 0)
        if not merges.any():
            break
        others = distances.copy()
        np.put_along_axis(others, nearest[:, None], np.inf, axis=1)
        margin = others.min(axis=1, initial=np.inf) - smallest
        is_tied |= merges & (smallest > 0) & (margin <= RELATIVE_TIE * smallest + slack)
        means, lows, highs, sizes = _merged(means, lows, highs, sizes, np.where(merges, nearest, -1))
    ends = np.cumsum(sizes, axis=1)
    positions = np.arange(values.shape[1])
    labels = (ends[:, None, :NUM_GROUPS] <= positions[None, :, None]).sum(axis=2).astype(np.int8)
    groups = np.full(values.shape, NO_GROUP, dtype=np.int8)
    np.put_along_axis(groups, order, labels, axis=1)
    groups[np.isnan(values)] = NO_GROUP
    return groups, is_tied


def _distances(means: Values, lows: Values, highs: Values, sizes: Values, linkage: Linkage) -> Values:
    """Between neighbouring clusters; infinite behind the last one."""
    if linkage is Linkage.WARD:
        left, right = sizes[:, :-1], sizes[:, 1:]
        with np.errstate(invalid="ignore"):
            found = np.sqrt(2 * left * right / (left + right)) * (means[:, 1:] - means[:, :-1])
    elif linkage is Linkage.AVERAGE:
        found = means[:, 1:] - means[:, :-1]
    elif linkage is Linkage.COMPLETE:
        found = highs[:, 1:] - lows[:, :-1]
    else:
        found = lows[:, 1:] - highs[:, :-1]
    return np.where(np.isnan(found), np.inf, found)


def _merged(
    means: Values, lows: Values, highs: Values, sizes: Values, where: NDArray[np.intp]
) -> tuple[Values, Values, Values, Values]:
    """Each row's clusters at `where` and behind it made one, the rest moved up; -1 merges nothing."""
    rows = np.flatnonzero(where >= 0)
    at = where[rows]
    left, right = sizes[rows, at], sizes[rows, at + 1]
    means[rows, at] = np.where(
        means[rows, at] == means[rows, at + 1],  # or equal values drift apart by rounding
        means[rows, at],
        (left * means[rows, at] + right * means[rows, at + 1]) / (left + right),
    )
    highs[rows, at] = highs[rows, at + 1]
    sizes[rows, at] = left + right
    columns = np.arange(means.shape[1])
    moves = (where[:, None] >= 0) & (columns > where[:, None])
    source = np.minimum(columns + moves, means.shape[1] - 1)
    emptied = (where >= 0)[:, None] & (columns == means.shape[1] - 1)
    shifted = [np.take_along_axis(array, source, axis=1) for array in (means, lows, highs, sizes)]
    for array, nothing in zip(shifted, (np.nan, np.nan, np.nan, 0.0), strict=True):
        array[emptied] = nothing
    return shifted[0], shifted[1], shifted[2], shifted[3]


def _by_library(values: Values, higher_is_better: bool, linkage: Linkage) -> Groups:
    present = {str(method): float(value) for method, value in enumerate(values) if not np.isnan(value)}
    found = group_values(present, higher_is_better=higher_is_better, linkage=linkage).groups
    groups = np.full(len(values), NO_GROUP, dtype=np.int8)
    for method, group in found.items():
        groups[int(method)] = CLUSTERED.index(group)
    return groups


def _num_distinct(values: Values) -> NDArray[np.intp]:
    ordered = np.sort(values, axis=1)
    is_new = np.diff(ordered, axis=1, prepend=-np.inf) > 0
    return np.asarray(is_new.sum(axis=1), dtype=np.intp)
