"""From values to groups G1/G2/G3/F and from groups to ranks (protocol §7): pure functions."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isfinite

import numpy as np

NUM_GROUPS = 3


class Group(StrEnum):
    """The best, middle and worst cluster of a setting, and the failed."""

    G1 = "G1"
    G2 = "G2"
    G3 = "G3"
    F = "F"


CLUSTERED = (Group.G1, Group.G2, Group.G3)


class Linkage(StrEnum):
    """What merges clusters. Ward is the protocol's (protocol §7.1); the others show how much hangs on it."""

    WARD = "ward"
    AVERAGE = "average"
    COMPLETE = "complete"
    SINGLE = "single"


@dataclass(frozen=True)
class GroupCounts:
    """How often one unlearner landed in each group, over the settings of a board."""

    g1: int
    g2: int
    g3: int
    failed: int

    @property
    def rank_key(self) -> tuple[int, int, int]:
        """What ranks are sorted by, descending: at equal G1 and G2 more G3 is fewer F (protocol §7.2)."""
        return (self.g1, self.g2, self.g3)


@dataclass(frozen=True)
class Grouping:
    """The groups of one setting.

    Attributes:
        groups: by method.
        cuts: the points between G1 and G2 and between G2 and G3; empty where there are not three groups.
        is_frozen: whether the reference cohort alone fixed the cut points.
        is_ambiguous: a tie in merge heights: another cut was as good.
    """

    groups: Mapping[str, Group]
    cuts: tuple[float, ...]
    is_frozen: bool
    is_ambiguous: bool


def group_values(
    values: Mapping[str, float],
    *,
    higher_is_better: bool,
    cohort: Container[str] | None = None,
    linkage: Linkage = Linkage.WARD,
) -> Grouping:
    """Cluster the methods' values of one setting into G1, G2 and G3.

    Three clusters by `linkage`, ordered by mean, best first. With three distinct values or fewer each is its
    own cluster, filled from G1 downwards; equal values always share a group (protocol §7.1).

    With a `cohort` only its members are clustered. The midpoints between neighbouring groups' extreme values
    are the cut points that place all others, each in the nearest group (the better one on a cut point), so
    that no newcomer moves anybody. A cohort with fewer than three distinct values has no two cut points to
    give; then all methods are clustered.

    Args:
        values: finite means by method; the failed are left out by the caller.
        higher_is_better: the direction of the metric.
        cohort: the methods that fix the cut points; None for all.
        linkage: what merges clusters.

    Raises:
        ValueError: a value is NaN or infinite: such a method has failed, it has no value.
    """
    bad = [method for method, value in values.items() if not isfinite(value)]
    if bad:
        raise ValueError(f"Methods {bad} have no finite value; failed methods are not clustered.")
    members = {method: value for method, value in values.items() if cohort is None or method in cohort}
    is_frozen = cohort is not None and len(set(members.values())) >= NUM_GROUPS
    clustered = members if is_frozen else values
    groups, is_ambiguous = _cluster(clustered, higher_is_better=higher_is_better, linkage=linkage)
    cuts = _cut_points(clustered, groups, higher_is_better=higher_is_better)
    for method in values.keys() - groups.keys():
        groups[method] = _place(values[method], cuts, higher_is_better=higher_is_better)
    return Grouping({method: groups[method] for method in values}, cuts, is_frozen, is_ambiguous)


def count_groups(groups: list[Group]) -> GroupCounts:
    """How often each group occurs."""
    return GroupCounts(
        g1=groups.count(Group.G1),
        g2=groups.count(Group.G2),
        g3=groups.count(Group.G3),
        failed=groups.count(Group.F),
    )


def dense_ranks(counts: Mapping[str, GroupCounts]) -> dict[str, int]:
    """Rank by (G1, G2, G3), each descending; equal counts share a rank, none is skipped (protocol §7.2)."""
    keys = sorted({count.rank_key for count in counts.values()}, reverse=True)
    rank = {key: index for index, key in enumerate(keys, start=1)}
    return {method: rank[count.rank_key] for method, count in counts.items()}


def _cluster(
    values: Mapping[str, float], *, higher_is_better: bool, linkage: Linkage
) -> tuple[dict[str, Group], bool]:
    """The clusters of one setting's values, and whether a tie made them arbitrary."""
    distinct = sorted(set(values.values()), reverse=higher_is_better)
    if len(distinct) <= NUM_GROUPS:
        return {method: CLUSTERED[distinct.index(value)] for method, value in values.items()}, False
    from sklearn.cluster import AgglomerativeClustering  # half of a worker's start, which never ranks

    # Equal values are merged at height 0, so they share a group. Sorting makes ties independent of the
    # input's order.
    methods = sorted(values, key=lambda method: values[method])
    column = np.asarray([values[method] for method in methods], dtype=np.float64).reshape(-1, 1)
    clustering = AgglomerativeClustering(
        n_clusters=NUM_GROUPS, linkage=linkage.value, compute_distances=True
    ).fit(column)
    labels = [int(label) for label in clustering.labels_]
    ascending = list(dict.fromkeys(labels))  # clusters of one-dimensional values are contiguous
    best_first = ascending[::-1] if higher_is_better else ascending
    groups = {
        method: CLUSTERED[best_first.index(label)] for method, label in zip(methods, labels, strict=True)
    }
    heights = clustering.distances_
    last_made, first_left = heights[-NUM_GROUPS], heights[-NUM_GROUPS + 1]
    return groups, bool(np.isclose(last_made, first_left, rtol=1e-9, atol=0))


def _cut_points(
    values: Mapping[str, float], groups: Mapping[str, Group], *, higher_is_better: bool
) -> tuple[float, ...]:
    """Midpoints between the extreme values of neighbouring groups, best first; empty without three groups."""
    best, worst = (max, min) if higher_is_better else (min, max)
    of_group = [[values[method] for method in groups if groups[method] is group] for group in CLUSTERED]
    if not all(of_group):
        return ()
    return tuple((worst(upper) + best(lower)) / 2 for upper, lower in pairwise(of_group))


def _place(value: float, cuts: tuple[float, ...], *, higher_is_better: bool) -> Group:
    """The group of a value that did not take part in the clustering."""
    return CLUSTERED[sum(value < cut if higher_is_better else value > cut for cut in cuts)]
