"""The board: who is ranked, who has failed, who is still missing models."""

from dataclasses import replace

import pytest

from core.board import Board, CellSummary, Method, Metric, Row, build_board
from core.catalog.protocols import Recipe
from core.cohort import Cohort
from core.ranking import Group
from core.spec.forget import RandomForget
from core.spec.setting import Setting


def setting(dataset: str = "digits", model: str = "resnet18") -> Setting:
    return Setting(
        protocol="quick/1.0",
        dataset=dataset,
        dataset_revision=1,
        model=model,
        model_revision=1,
        forget=RandomForget(),
        precision="fp32",
        recipe=Recipe(num_epochs=1, batch_size=32),
        validation_fraction=0.15,
        split_seed=123,
        run_seed=123,
    )


DIGITS, MNIST = setting("digits"), setting("mnist")


def summary(
    unlearner: str,
    mean: float | None,
    *,
    variant: str | None = None,
    where: Setting = DIGITS,
    seeds: int = 3,
    usable: int = 3,
) -> CellSummary:
    return CellSummary(where.id, Method(unlearner, variant), mean, 0.0, seeds, usable, 0.5)


def board(
    *summaries: CellSummary,
    settings=(DIGITS,),
    metric=Metric.INDISCERNIBILITY,
    cohort=Cohort.REFERENCE,
) -> Board:
    return build_board("quick/1.0", metric, settings, summaries, required_seeds=3, cohort=cohort)


def row(built: Board, label: str) -> Row:
    (found,) = [row for row in (*built.rows, *built.references) if row.method.label == label]
    return found


def ranks(built: Board) -> list[tuple[int | None, str]]:
    return [(row.rank, row.method.label) for row in built.rows]


def test_complete_methods_are_grouped_and_ranked():
    built = board(summary("ft", 0.98), summary("ga", 0.01), summary("ct", 0.99), summary("srl", 0.5))

    assert ranks(built) == [(1, "ct"), (1, "ft"), (2, "srl"), (3, "ga")]
    assert [row.cells[0].group for row in built.rows] == ["G1", "G1", "G2", "G3"]


def test_a_metric_where_lower_is_better_is_ranked_from_the_other_end():
    built = board(summary("ft", 0.1), summary("ga", 0.9), metric=Metric.RETENTION_DEVIATION)

    assert ranks(built) == [(1, "ft"), (2, "ga")]


def test_counts_add_up_over_the_settings():
    summaries = [
        summary("ft", 0.9),
        summary("ga", 0.1),
        summary("ft", 0.2, where=MNIST),
        summary("ga", 0.8, where=MNIST),
    ]

    built = board(*summaries, settings=(DIGITS, MNIST))

    assert [(row.counts.g1, row.counts.g2, row.rank) for row in built.rows] == [(1, 1, 1), (1, 1, 1)]


@pytest.mark.parametrize("usable", [0, 1, 2])
def test_too_few_usable_models_of_a_complete_cell_are_a_failure_and_are_ranked(usable):
    built = board(summary("ft", 0.9), summary("ga", 0.95 if usable else None, usable=usable))

    failed = row(built, "ga")
    assert (failed.cells[0].group, failed.cells[0].state) == ("F", "failed")
    assert (failed.rank, failed.counts.failed) == (2, 1)


def test_a_failed_method_does_not_move_the_groups_of_the_others():
    others = [summary("ft", 0.98), summary("ga", 0.01), summary("ct", 0.99), summary("srl", 0.5)]

    built = board(*others, summary("msg", 0.7, usable=2))

    assert {r.method.label: r.cells[0].group for r in built.rows} == {
        "ct": "G1",
        "ft": "G1",
        "srl": "G2",
        "ga": "G3",
        "msg": "F",
    }


@pytest.mark.parametrize("usable", [0, 2])
def test_a_method_that_lacks_models_is_provisional_and_never_failed(usable):
    built = board(summary("ft", 0.9), summary("ga", 0.95 if usable else None, seeds=2, usable=usable))

    provisional = row(built, "ga")
    assert (provisional.rank, provisional.is_provisional) == (None, True)
    assert (provisional.cells[0].group, provisional.cells[0].state) == (None, "incomplete")
    assert provisional.counts.failed == 0


def test_a_method_that_lacks_a_setting_is_provisional_with_the_groups_that_it_has():
    built = board(
        summary("ft", 0.9),
        summary("ft", 0.9, where=MNIST),
        summary("ga", 0.8),
        settings=(DIGITS, MNIST),
    )

    partial = row(built, "ga")
    assert (partial.rank, partial.covered, partial.counts.g2) == (None, 1, 1)
    assert [(cell.group, cell.state, cell.summary is None) for cell in partial.cells] == [
        ("G2", "complete", False),
        (None, "missing", True),
    ]


def test_a_method_whose_metric_does_not_exist_has_no_group_and_has_not_failed():
    of_a_class = replace(summary("srl", None, usable=0), undefined=3)
    half = replace(summary("msg", 0.9, usable=1), undefined=2)
    diverged = replace(summary("ff", None, usable=0), undefined=1)

    rows = {row.method.label: row for row in board(*COHORT[:1], of_a_class, half, diverged).rows}

    for label in ("srl", "msg"):
        assert (rows[label].rank, rows[label].cells[0].group, rows[label].cells[0].state) == (
            None,
            None,
            "undefined",
        )
    assert rows["ff"].cells[0].group is Group.F


def test_an_incomplete_method_is_left_out_of_the_clustering():
    built = board(summary("ft", 0.9), summary("ga", 0.95, seeds=2, usable=2))

    assert row(built, "ft").cells[0].group == "G1"


def test_references_are_shown_apart_in_a_fixed_order_and_never_ranked():
    built = board(summary("original", 0.2), summary("ft", 0.9), summary("retrained", 1.0))

    assert [reference.method.label for reference in built.references] == ["retrained", "original"]
    assert [reference.rank for reference in built.references] == [None, None]
    assert ranks(built) == [(1, "ft")]


def test_references_take_no_group_and_do_not_push_others_down():
    built = board(summary("retrained", 1.0), summary("original", 0.95), summary("ft", 0.5))

    assert {reference.cells[0].group for reference in built.references} == {None}
    assert built.references[0].cells[0].state == "complete"
    assert row(built, "ft").cells[0].group == "G1"


def test_a_variant_is_a_row_of_its_own():
    built = board(summary("msg", 0.9, variant="official"), summary("msg", 0.5, variant="fixed"))

    assert ranks(built) == [(1, "msg"), (2, "msg (fixed)")]


def test_ranked_rows_come_first_by_rank_then_name_and_the_provisional_by_coverage():
    everywhere = [summary(name, 0.9, where=where) for name in ("ft", "ct") for where in (DIGITS, MNIST)]
    once = [summary("zz", 0.1), summary("aa", 0.1, seeds=1), summary("bb", 0.1, seeds=1)]

    built = board(*everywhere, *once, settings=(DIGITS, MNIST))

    assert ranks(built) == [(1, "ct"), (1, "ft"), (None, "zz"), (None, "aa"), (None, "bb")]


def test_the_order_of_the_summaries_does_not_matter():
    summaries = [summary("ft", 0.98), summary("ga", 0.01), summary("original", 0.3), summary("srl", 0.5)]

    assert board(*summaries) == board(*reversed(summaries))


def test_a_setting_whose_cut_is_tied_is_marked():
    tied = [summary(name, value) for name, value in zip(("ft", "ga", "ct", "srl"), range(4), strict=True)]

    built = board(*tied, summary("ft", 0.5, where=MNIST), settings=(DIGITS, MNIST))

    assert built.ambiguous == {DIGITS.id}


def test_a_board_without_results_has_no_rows():
    built = board()

    assert (built.rows, built.references, built.settings) == ((), (), (DIGITS,))


def test_indiscernibility_is_that_of_the_test_set():
    assert Metric.INDISCERNIBILITY.column == "indiscernibility_test"
    assert Metric.RETENTION_DEVIATION.column == "retention_deviation"


COHORT = [summary("ft", 0.98), summary("ct", 0.90), summary("srl", 0.5), summary("ga", 0.1)]


def groups(built: Board) -> dict[str, str | None]:
    return {row.method.label: row.cells[0].group for row in built.rows}


@pytest.mark.parametrize("value", [-50.0, 0.3, 0.7, 9.0])
def test_a_newcomer_moves_no_reference_unlearner(value):
    joined = groups(board(*COHORT, summary("new", value)))

    assert {label: group for label, group in joined.items() if label != "new"} == groups(board(*COHORT))


def test_another_variant_of_a_reference_unlearner_is_a_newcomer():
    joined = groups(board(*COHORT, summary("ga", -50.0, variant="fixed")))

    assert joined == {**groups(board(*COHORT)), "ga (fixed)": "G3"}


def test_with_all_clustered_the_board_says_what_that_moves():
    joined = board(*COHORT, summary("new", -50.0), cohort=Cohort.ALL)

    assert [
        (move.method.label, move.rank_before, move.rank_after, [(c.before, c.after) for c in move.cells])
        for move in joined.moved
    ] == [("ga", 3, 2, [("G3", "G2")])]


def test_the_frozen_board_has_no_moves_to_tell():
    assert board(*COHORT, summary("new", -50.0)).moved == ()


def test_a_reference_unlearner_without_a_result_leaves_the_cut_points_to_those_that_have_one():
    built = board(*COHORT, summary("msg", 0.2, seeds=1), summary("new", 0.45))

    assert built.groupings[DIGITS.id].is_frozen
    assert groups(built)["new"] == "G2"


def test_a_failed_reference_unlearner_fixes_no_cut_point():
    built = board(*COHORT, summary("ff", None, usable=0), summary("new", -50.0))

    assert built.groupings[DIGITS.id].cuts == board(*COHORT).groupings[DIGITS.id].cuts
