"""Groups and ranks, against the paper's Table 1 and against what any grouping must keep (protocol §7)."""

import random
from math import inf, nan

import pytest

from core.ranking import Group, GroupCounts, Linkage, count_groups, dense_ranks, group_values

# Deep Unlearn, Table 1: rank, method, G1, G2, G3, F over nine settings.
RETENTION_DEVIATION = """
1 FT 8 1 0 0
1 MSG 8 1 0 0
2 PRMQ 7 2 0 0
3 CT 7 1 1 0
3 KDE 7 1 1 0
3 CFW 7 1 1 0
4 FCS 6 3 0 0
4 SalUN 6 3 0 0
5 NG+ 5 4 0 0
5 SRL 5 4 0 0
6 SCRUB 4 3 1 1
7 BT 2 7 0 0
7 RNI 2 7 0 0
8 CF-k 2 3 2 2
9 IU 1 0 2 6
10 EU-k 0 5 0 4
11 GA 0 1 7 1
12 FF 0 0 0 9
"""
INDISCERNIBILITY = """
1 CT 9 0 0 0
1 MSG 9 0 0 0
2 CFW 7 2 0 0
2 RNI 7 2 0 0
2 KDE 7 2 0 0
3 FT 6 3 0 0
3 PRMQ 6 3 0 0
3 SalUN 6 3 0 0
4 SRL 6 2 1 0
5 NG+ 5 4 0 0
5 FCS 5 4 0 0
6 SCRUB 5 3 0 1
7 BT 4 5 0 0
8 CF-k 1 2 4 2
9 EU-k 1 2 2 4
10 GA 0 4 4 1
11 IU 0 0 3 6
12 FF 0 0 0 9
"""
# Ten methods without a tie in merge heights: powers of a ratio, in no order.
UNTIED = {f"m{index}": 1.37**power for index, power in enumerate((3, 9, 0, 7, 1, 12, 5, 2, 10, 8))}


def published(table: str) -> list[tuple[int, str, GroupCounts]]:
    lines = [line.split() for line in table.strip().splitlines()]
    return [(int(rank), method, GroupCounts(*map(int, counts))) for rank, method, *counts in lines]


def grouped(*values: float, higher_is_better: bool = True) -> list[str]:
    """The groups of the values, in their order."""
    methods = {f"m{index}": value for index, value in enumerate(values)}
    return list(group_values(methods, higher_is_better=higher_is_better).groups.values())


def is_ambiguous(*values: float) -> bool:
    methods = {f"m{index}": value for index, value in enumerate(values)}
    return group_values(methods, higher_is_better=True).is_ambiguous


@pytest.mark.parametrize(
    "table", [RETENTION_DEVIATION, INDISCERNIBILITY], ids=["retention", "indiscernibility"]
)
def test_dense_ranks_are_those_that_the_paper_published(table):
    rows = published(table)

    ranks = dense_ranks({method: counts for _, method, counts in rows})

    assert ranks == {method: rank for rank, method, _ in rows}


@pytest.mark.parametrize(
    "table", [RETENTION_DEVIATION, INDISCERNIBILITY], ids=["retention", "indiscernibility"]
)
def test_dense_ranks_do_not_depend_on_the_order_of_the_rows(table):
    rows = published(table)
    random.Random(1).shuffle(rows)

    ranks = dense_ranks({method: counts for _, method, counts in rows})

    assert ranks == {method: rank for rank, method, _ in rows}


def test_at_equal_g1_and_g2_more_g3_is_better_since_the_rest_failed():
    counts = {"worst": GroupCounts(1, 1, 0, 2), "better": GroupCounts(1, 1, 2, 0)}

    assert dense_ranks(counts) == {"better": 1, "worst": 2}


def test_no_method_has_no_rank():
    assert dense_ranks({}) == {}


def test_the_example_accuracies_fall_into_their_three_groups():
    groups = group_values({"a": 98, "b": 99, "c": 50, "d": 1}, higher_is_better=True).groups

    assert groups == {"a": Group.G1, "b": Group.G1, "c": Group.G2, "d": Group.G3}


def test_where_lower_is_better_the_smallest_values_are_the_first_group():
    assert grouped(98, 99, 50, 1, higher_is_better=False) == ["G3", "G3", "G2", "G1"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), []),
        ((0.5,), ["G1"]),
        ((0.5, 0.5, 0.5), ["G1", "G1", "G1"]),
        ((0.5, 0.9), ["G2", "G1"]),
        ((0.9, 0.5, 0.9, 0.5), ["G1", "G2", "G1", "G2"]),
        ((0.1, 0.9, 0.5), ["G3", "G1", "G2"]),
        ((0.1, 0.9, 0.5, 0.1), ["G3", "G1", "G2", "G3"]),
    ],
)
def test_up_to_three_distinct_values_are_a_group_each_from_g1_downwards(values, expected):
    assert grouped(*values) == expected


@pytest.mark.parametrize("values", [(1, 1, 2, 5, 9), (3, 3, 3, 3, 1, 2, 9), (0, 1, 1, 2, 2, 3)])
def test_equal_values_share_a_group(values):
    groups = grouped(*values)

    assert len(set(zip(values, groups, strict=True))) == len(set(values))


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_value_that_is_not_finite_is_refused_by_name(value):
    with pytest.raises(ValueError, match="lost_method"):
        group_values({"fine": 0.5, "lost_method": value}, higher_is_better=True)


@pytest.mark.parametrize("seed", range(10))
def test_groups_do_not_depend_on_the_order_of_the_methods(seed):
    items = list(UNTIED.items())
    random.Random(seed).shuffle(items)

    assert group_values(dict(items), higher_is_better=True) == group_values(UNTIED, higher_is_better=True)


def test_even_a_tie_is_cut_alike_in_every_order():
    forwards, backwards = grouped(0, 1, 2, 3), grouped(3, 2, 1, 0)

    assert backwards == forwards[::-1]


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0), (1e6, 0), (1, 1e3), (1, -50), (0.3, 7)])
def test_groups_do_not_change_when_all_values_are_scaled_and_shifted(scale, shift):
    moved = {method: scale * value + shift for method, value in UNTIED.items()}

    groups = group_values(moved, higher_is_better=True).groups

    assert groups == group_values(UNTIED, higher_is_better=True).groups


def test_reversing_the_direction_swaps_the_first_and_the_third_group():
    swapped = {Group.G1: Group.G3, Group.G2: Group.G2, Group.G3: Group.G1}

    higher = group_values(UNTIED, higher_is_better=True).groups
    lower = group_values(UNTIED, higher_is_better=False).groups

    assert lower == {method: swapped[group] for method, group in higher.items()}


@pytest.mark.parametrize("seed", range(20))
def test_each_group_is_a_contiguous_stretch_of_the_values_and_none_is_empty(seed):
    draw = random.Random(seed)
    values = sorted((draw.gauss(0, 1) for _ in range(draw.randint(4, 20))), reverse=True)

    groups = grouped(*values)

    assert groups == sorted(groups)
    assert set(groups) == {"G1", "G2", "G3"}


def test_a_far_outlier_is_a_group_of_its_own():
    assert grouped(0.90, 0.91, 0.92, 0.70, 0.71, 0.01) == ["G1", "G1", "G1", "G2", "G2", "G3"]


def test_a_tie_in_merge_heights_is_flagged():
    assert is_ambiguous(0, 1, 2, 3)


@pytest.mark.parametrize("values", [(), (1, 2), (1, 2, 3), (98, 99, 50, 1), tuple(UNTIED.values())])
def test_a_clear_cut_is_not_flagged(values):
    assert not is_ambiguous(*values)


def test_counts_are_how_often_each_group_occurs():
    counts = count_groups([Group.G1, Group.F, Group.G1, Group.G3])

    assert counts == GroupCounts(g1=2, g2=0, g3=1, failed=1)


@pytest.mark.parametrize("linkage", list(Linkage))
def test_the_example_accuracies_fall_into_the_same_groups_under_every_linkage(linkage):
    values = {"a": 98, "b": 99, "c": 50, "d": 1}

    groups = group_values(values, higher_is_better=True, linkage=linkage).groups

    assert list(groups.values()) == ["G1", "G1", "G2", "G3"]


def test_linkages_are_told_apart_by_a_chain_of_values():
    chain = {f"m{index}": value for index, value in enumerate((0, 1.1, 2.1, 3.3, 5.3, 9))}

    cuts = {linkage: group_values(chain, higher_is_better=True, linkage=linkage).cuts for linkage in Linkage}

    assert cuts[Linkage.SINGLE] == (7.15, 4.3)
    assert cuts[Linkage.COMPLETE] != cuts[Linkage.SINGLE]


COHORT = {"a": 0.98, "b": 0.90, "c": 0.50, "d": 0.10}


@pytest.mark.parametrize("newcomer", [-50.0, 0.0, 0.3, 0.7, 2.0])
def test_no_newcomer_moves_the_cohort(newcomer):
    alone = group_values(COHORT, higher_is_better=True, cohort=COHORT)

    joined = group_values({**COHORT, "new": newcomer}, higher_is_better=True, cohort=COHORT)

    assert {method: joined.groups[method] for method in COHORT} == alone.groups
    assert (joined.cuts, joined.is_frozen) == (alone.cuts, True)


def test_a_hopeless_newcomer_promotes_its_rivals_where_all_are_clustered():
    groups = group_values({**COHORT, "new": -50.0}, higher_is_better=True).groups

    assert (groups["c"], groups["d"]) == ("G2", "G2")


@pytest.mark.parametrize(
    ("value", "group"), [(2, "G1"), (0.7, "G1"), (0.69, "G2"), (0.3, "G2"), (0.29, "G3"), (-1, "G3")]
)
def test_a_newcomer_joins_the_nearest_group_of_the_cohort(value, group):
    grouping = group_values({**COHORT, "new": value}, higher_is_better=True, cohort=COHORT)

    assert grouping.cuts == pytest.approx((0.7, 0.3))
    assert grouping.groups["new"] == group


@pytest.mark.parametrize(("value", "group"), [(0.1, "G1"), (0.3, "G1"), (0.31, "G2"), (0.71, "G3")])
def test_where_lower_is_better_the_cut_points_ascend(value, group):
    grouping = group_values({**COHORT, "new": value}, higher_is_better=False, cohort=COHORT)

    assert grouping.cuts == pytest.approx((0.3, 0.7))
    assert grouping.groups["new"] == group


def test_a_cohort_of_two_values_has_no_cut_points_to_give_and_all_are_clustered():
    values = {"a": 0.9, "b": 0.8, "new": 0.1}

    grouping = group_values(values, higher_is_better=True, cohort={"a", "b"})

    assert list(grouping.groups.values()) == ["G1", "G2", "G3"]
    assert not grouping.is_frozen
