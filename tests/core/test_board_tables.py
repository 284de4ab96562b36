"""The board in the terminal."""

from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from core.board import Board, Metric, build_board
from core.board_tables import BoardTables
from core.cohort import Cohort
from core.export import board_document, cell_text
from tests.core.test_board import DIGITS, setting, summary

COHORT = [summary("ft", 0.98), summary("ct", 0.90), summary("srl", 0.5), summary("ga", 0.1)]
DATASETS = ("mnist", "fashion_mnist", "cifar10", "cifar100", "utkface")
NINE = [setting(dataset, model) for dataset in DATASETS for model in ("resnet18", "tiny_vit")][:9]


def board(*summaries, settings=(DIGITS,), cohort=Cohort.REFERENCE) -> Board:
    metric = Metric.INDISCERNIBILITY
    return build_board("quick/1.0", metric, settings, summaries, required_seeds=3, cohort=cohort)


def printed(*arguments: Any, width: int = 200) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(BoardTables(*arguments))
    return capture.get()


def cells_of(line: str) -> Sequence[str]:
    return [part.strip() for part in line.split("│")[1:-1]]


def test_ranks_have_their_intervals_beside_them_when_asked_for():
    found = {
        "level": 0.95,
        "rows": [
            {"label": "ft", "over_seeds": {"low": 1, "high": 2}},
            {"label": "ga", "over_seeds": {"low": 3, "high": 3}},
            {"label": "srl", "over_seeds": None},
        ],
    }

    lines = printed(board_document(board(*COHORT)), found).splitlines()

    assert any("rank" in line and "95%" in line for line in lines)
    ft, ga = (next(line for line in lines if f" {name} " in line) for name in ("ft", "ga"))
    assert [part.strip() for part in ft.split("│")[1:4]] == ["1", "1-2", "ft"]
    assert [part.strip() for part in ga.split("│")[1:4]] == ["3", "3", "ga"]


def test_without_intervals_there_is_no_column_for_them():
    assert "95%" not in printed(board_document(board(*COHORT)))


def test_a_board_of_everybody_says_what_that_moved():
    document = board_document(board(*COHORT, summary("new", -50.0), cohort=Cohort.ALL))

    assert "ga rank 3 to 2 (G3 to G2)" in " ".join(printed(document).split())


@pytest.mark.parametrize("width", [80, 120, 250])
def test_of_many_settings_each_figure_is_whole_and_in_the_row_of_its_method(width: int):
    names = ("ft", "srl", "ga")
    summaries = [
        summary(name, 0.9 - 0.04 * place * len(name), where=where)
        for name in names
        for place, where in enumerate(NINE)
    ]
    document = board_document(board(*summaries, settings=NINE))

    text = printed(document, width=width)

    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for row in document["rows"]:
        shown = [cells_of(line) for line in text.splitlines() if row["label"] in cells_of(line)]
        assert [cell for cells in shown for cell in cells if cell.startswith("G")] == [
            cell_text(cell) for cell in row["cells"]
        ]


def test_settings_that_fit_are_side_by_side():
    summaries = [summary("ft", 0.5, where=where) for where in NINE]
    document = board_document(board(*summaries, settings=NINE))

    assert [printed(document, width=width).count("unlearner") for width in (80, 120, 300)] == [5, 3, 1]


def test_a_setting_that_is_too_wide_for_the_terminal_has_a_table_all_the_same():
    assert "unlearner" in printed(board_document(board(*COHORT)), width=20)
