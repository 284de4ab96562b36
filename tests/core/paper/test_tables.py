"""The paper's tables as stored, against what the paper prints and against each other (protocol §7.3)."""

from dataclasses import replace

import pytest

from core.attack_figures import AttackFigures
from core.board import CellSummary, Method, Metric, build_board
from core.cohort import REFERENCE_UNLEARNERS
from core.paper.tables import published, published_averages, published_ranks, standings
from core.ranking import GroupCounts
from tests.core.test_board import setting

BOTH = pytest.mark.parametrize("metric", list(Metric))
DIGITS, DIGITS_VIT = setting("digits"), setting("digits", "tiny_vit")


@BOTH
def test_dense_ranks_of_the_counts_are_those_printed(metric):
    assert published().ranks(metric) == published_ranks(metric)


@BOTH
def test_the_table_has_the_eighteen_reference_unlearners_over_nine_settings(metric):
    counts = published().counts[metric]

    assert counts.keys() == REFERENCE_UNLEARNERS
    assert {count.g1 + count.g2 + count.g3 + count.failed for count in counts.values()} == {9}


@pytest.mark.parametrize(
    ("metric", "totals"),
    [(Metric.RETENTION_DEVIATION, (77, 47, 15, 23)), (Metric.INDISCERNIBILITY, (84, 41, 14, 23))],
)
def test_the_columns_add_up(metric, totals):
    counts = published().counts[metric].values()

    assert (
        tuple(sum(getattr(count, name) for count in counts) for name in ("g1", "g2", "g3", "failed"))
        == totals
    )


def test_a_method_fails_as_often_by_either_metric():
    by_metric = published().counts

    assert len({tuple(sorted((name, c.failed) for name, c in by_metric[m].items())) for m in Metric}) == 1


def test_the_printed_averages_are_the_means_of_the_run_time_efficiencies():
    means = {name: sum(found.values()) / len(found) for name, found in published().efficiency.items()}

    assert means == pytest.approx(published_averages(), abs=0.006)


def board(metric: Metric):
    means = {
        ("ft", None): 0.1,
        ("msg", "official"): 0.5,
        ("msg", "fixed"): 0.2,
        ("new", None): 0.05,
    }
    summaries = [
        CellSummary(where.id, Method(*method), mean, 0.0, 3, 3, 4.0 if where is DIGITS else 40.0)
        for method, mean in means.items()
        for where in (DIGITS, DIGITS_VIT)
    ]
    summaries += [CellSummary(DIGITS.id, Method("ct"), 0.1, 0.0, 3, 3, 9.0)]
    return build_board("quick/1.0", metric, (DIGITS, DIGITS_VIT), summaries, required_seeds=3)


def test_a_boards_standings_are_those_of_the_ranked_reference_unlearners():
    found = standings({metric: board(metric) for metric in Metric})

    assert found.places == {"digits/resnet18", "digits/tiny_vit"}
    assert found.counts[Metric.RETENTION_DEVIATION].keys() == {"ft", "msg"}
    assert found.ranks(Metric.RETENTION_DEVIATION) == {"ft": 1, "msg": 2}
    assert isinstance(found.counts[Metric.INDISCERNIBILITY]["ft"], GroupCounts)


def test_a_boards_attacks_are_those_of_the_papers_setting_that_have_an_interval():
    cifar, figures = setting("cifar10"), AttackFigures(0.5, 0.49, 0.51)
    attacks = {
        (cifar.id, Method("ct")): {"u_lira": figures},
        (cifar.id, Method("ft")): {"rmia": figures},
        (cifar.id, Method("msg", "fixed")): {"u_lira": figures},
        (cifar.id, Method("kde")): {"u_lira": AttackFigures(0.5)},
        (DIGITS.id, Method("ga")): {"u_lira": figures},
    }
    boards = {
        metric: replace(
            build_board("quick/1.0", metric, (DIGITS, cifar), [], required_seeds=3), attacks=attacks
        )
        for metric in Metric
    }

    assert standings(boards).attacked == {"ct": figures}


def test_a_boards_efficiencies_are_those_on_the_model_that_the_paper_timed():
    found = standings({metric: board(metric) for metric in Metric})

    assert found.efficiency == {"ft": {"digits": 4.0}, "msg": {"digits": 4.0}, "ct": {"digits": 9.0}}
