"""From values to groups G1/G2/G3/F and from groups to ranks (protocol §7): pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

import numpy as np
from sklearn.cluster import AgglomerativeClustering

NUM_GROUPS = 3


class Group(StrEnum):
    """The best, middle and worst cluster of a setting, and the failed."""

    G1 = "G1"
    G2 = "G2"
    G3 = "G3"
    F = "F"


CLUSTERED = (Group.G1, Group.G2, Group.G3)


@dataclass(frozen=True)
class GroupCounts:
    """How often one unlearner landed in each group, over the settings of a board."""

    g1: int
    g2: int
    g3: int
    failed: int

    @property
    def rank_key(self) -> tuple[int, int, int]:
        """What ranks are sorted by, descending; at equal G1 and G2 more G3 is fewer failures (§7.2)."""
        return (self.g1, self.g2, self.g3)


@dataclass(frozen=True)
class Grouping:
    """The groups of one setting; `is_ambiguous` flags a tie in merge heights: another cut was as good."""

    groups: Mapping[str, Group]
    is_ambiguous: bool


def group_values(values: Mapping[str, float], *, higher_is_better: bool) -> Grouping:
    """Cluster the methods' values of one setting into G1, G2 and G3.

    Ward linkage into three clusters, ordered by mean, best first. With three distinct values or fewer each is
    its own cluster, filled from G1 downwards; equal values always share a group (§7.1).

    Args:
        values: finite means by method; the failed are left out by the caller.
        higher_is_better: the direction of the metric.

    Raises:
        ValueError: a value is NaN or infinite: such a method has failed, it has no value.
    """
    bad = [method for method, value in values.items() if not isfinite(value)]
    if bad:
        raise ValueError(f"Methods {bad} have no finite value; failed methods are not clustered.")
    distinct = sorted(set(values.values()), reverse=higher_is_better)
    if len(distinct) <= NUM_GROUPS:
        order = {value: CLUSTERED[index] for index, value in enumerate(distinct)}
        return Grouping({method: order[value] for method, value in values.items()}, is_ambiguous=False)
    groups, is_ambiguous = _cluster(list(values.values()), higher_is_better=higher_is_better)
    return Grouping(dict(zip(values, groups, strict=True)), is_ambiguous)


def count_groups(groups: list[Group]) -> GroupCounts:
    """How often each group occurs."""
    return GroupCounts(
        g1=groups.count(Group.G1),
        g2=groups.count(Group.G2),
        g3=groups.count(Group.G3),
        failed=groups.count(Group.F),
    )


def dense_ranks(counts: Mapping[str, GroupCounts]) -> dict[str, int]:
    """Rank by (G1, G2, G3), each descending; equal counts share a rank, and no rank is skipped (§7.2)."""
    keys = sorted({count.rank_key for count in counts.values()}, reverse=True)
    rank = {key: index for index, key in enumerate(keys, start=1)}
    return {method: rank[count.rank_key] for method, count in counts.items()}


def _cluster(values: list[float], *, higher_is_better: bool) -> tuple[list[Group], bool]:
    """Ward's three clusters of at least four distinct values, and whether a tie made them arbitrary."""
    # Equal values are merged at height 0, so they share a group. Sorting makes ties independent of the
    # input's order.
    order = np.argsort(values, kind="stable")
    column = np.asarray(values, dtype=np.float64)[order].reshape(-1, 1)
    clustering = AgglomerativeClustering(n_clusters=NUM_GROUPS, linkage="ward", compute_distances=True).fit(
        column
    )
    means = {label: column[clustering.labels_ == label].mean() for label in range(NUM_GROUPS)}
    best_first = sorted(means, key=lambda label: means[label], reverse=higher_is_better)
    group_of = {label: CLUSTERED[position] for position, label in enumerate(best_first)}
    groups: list[Group] = [Group.F] * len(values)
    for position, label in zip(order, clustering.labels_, strict=True):
        groups[int(position)] = group_of[int(label)]
    heights = clustering.distances_
    last_made, first_left = heights[-NUM_GROUPS], heights[-NUM_GROUPS + 1]
    return groups, bool(np.isclose(last_made, first_left, rtol=1e-9, atol=0))
