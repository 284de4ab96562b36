"""The board in the terminal."""

from rich.console import Console

from core.board import Board, Metric, build_board
from core.cohort import Cohort
from core.export import board_document
from core.terminal import board_table
from tests.core.test_board import DIGITS, summary

COHORT = [summary("ft", 0.98), summary("ct", 0.90), summary("srl", 0.5), summary("ga", 0.1)]


def board(*summaries, cohort=Cohort.REFERENCE) -> Board:
    metric = Metric.INDISCERNIBILITY
    return build_board("quick/1.0", metric, [DIGITS], summaries, required_seeds=3, cohort=cohort)


def printed(*arguments) -> str:
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        console.print(board_table(*arguments))
    return capture.get()


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
