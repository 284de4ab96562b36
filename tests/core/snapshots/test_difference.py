"""What moved between two snapshots, and the cause that is given for it."""

import pytest

from core.board import Metric
from core.paper.snapshot import paper_content
from core.snapshots.difference import BoardChange, RowChange, Standing, difference
from core.snapshots.reasons import Why
from tests.core.snapshots.frozen import DIGITS, content

REACHED = {"ft": 0.1, "ct": 0.12, "srl": 1.0, "ga": 9.0}
OTHER_DIGITS = DIGITS.model_copy(update={"model": "tiny_vit"})


def deviation(before: dict, after: dict) -> BoardChange:
    board = difference(before, after).boards[0]
    assert board.metric is Metric.RETENTION_DEVIATION
    return board


def moved(before: dict, after: dict) -> dict[str, RowChange]:
    return {row.label: row for row in deviation(before, after).moved}


def codes(row: RowChange) -> list[Why]:
    return [cause.code for cause in row.causes]


def test_nothing_moves_between_a_board_and_itself():
    found = difference(content(REACHED), content(REACHED))

    assert found.notes == ()
    for board in found.boards:
        assert (board.moved, board.updated, board.unchanged) == ((), (), 4)
        assert (board.ranks.same, board.ranks.shared) == (4, 4)
        assert (board.groups.same, board.groups.shared) == (4, 4)


def test_a_new_unlearner_is_named_and_so_are_those_that_it_passes():
    row = moved(content({"ft": 0.1, "srl": 1.0, "ga": 9.0}), content(REACHED | {"ft": 1.1}))

    assert codes(row["ct"]) == [Why.NEW_UNLEARNER]
    assert row["ct"].before is None
    assert row["ct"].after == Standing(rank=1, g1=1, g2=0, g3=0, failed=0)


def test_an_unlearner_that_is_gone_comes_last():
    before, after = content(REACHED), content({name: REACHED[name] for name in ("ct", "srl", "ga")})

    last = deviation(before, after).moved[-1]

    assert (last.label, last.after, codes(last)) == ("ft", None, [Why.UNLEARNER_GONE])


def test_more_seeds_complete_a_row():
    row = moved(content(REACHED, seeds={"ft": (0,)}), content(REACHED))["ft"]

    assert (row.before.rank, row.after.rank) == (None, 1)
    assert codes(row) == [Why.MORE_SEEDS]
    assert "1 → 3 model seeds" in row.causes[0].text


@pytest.mark.parametrize(
    ("change", "why", "said"),
    [
        ({"unlearner_revision": 2}, Why.UNLEARNER_REVISED, "unlearner revision 1 → 2"),
        ({"revision": 2}, Why.CODE_REVISED, "code revision 1 → 2"),
        ({"hyperparameters": {"learning_rate": 0.2}}, Why.RETUNED, "other hyperparameters"),
        ({"git_revision": "b" * 40}, Why.RUN_AGAIN, "bbbbbbbbbbbb"),
    ],
)
def test_a_superseded_result_says_what_is_new_about_it(change, why, said):
    row = moved(content(REACHED), content(REACHED | {"ft": 1.2}, ft=change))["ft"]

    assert (row.cells[0].before, row.cells[0].after) == ("G1", "G2")
    assert codes(row) == [why]
    assert said in row.causes[0].text
    assert "superseded model seeds 0, 1, 2" in row.causes[0].text


def test_a_revised_setting_is_the_same_place_with_other_results():
    revised = DIGITS.model_copy(update={"dataset_revision": 2})
    row = moved(content(REACHED), content(REACHED | {"ft": 1.2}, settings=(revised,)))["ft"]

    assert codes(row) == [Why.SETTING_REVISED]
    assert "dataset_revision 1 → 2" in row.causes[0].text


def test_other_results_that_move_nobody_are_told_apart_from_the_same_results():
    board = deviation(content(REACHED), content(REACHED | {"ft": 0.11}, ft={"unlearner_revision": 2}))

    assert (board.moved, board.updated, board.unchanged) == ((), ("ft",), 3)


def test_a_row_without_new_results_moves_when_the_cuts_do_and_the_cause_names_whose_results_moved_them():
    before, after = content(REACHED), content(REACHED | {"ga": 0.4})

    row = moved(before, after)["srl"]

    assert codes(row) == [Why.CUTS_MOVED]
    assert "with the results of ga" in row.causes[0].text


def test_a_rank_without_a_change_of_groups_is_put_down_to_the_others():
    before, after = content(REACHED), content(REACHED)
    rows = {row["label"]: row for row in after["boards"]["retention_deviation"]["rows"]}
    rows["ft"]["rank"] = 2  # as if other settings, which the two share, had put ct ahead of it

    row = moved(before, after)["ft"]

    assert codes(row) == [Why.OTHERS_MOVED]
    assert "ct came ahead of it" in row.causes[0].text


def test_a_new_setting_is_a_cause_of_its_own():
    found = difference(content(REACHED), content(REACHED, settings=(DIGITS, OTHER_DIGITS)))

    assert {code for row in found.boards[0].moved for code in codes(row)} == {Why.NEW_SETTING}
    assert "Settings only after digits/tiny_vit." in found.notes[0]


def test_a_change_of_protocol_is_the_cause_of_whatever_differs():
    other = content(REACHED | {"ft": 1.2}, ft={"unlearner_revision": 2}) | {"protocol": "quick/2.0"}

    found = difference(content(REACHED), other)

    assert [codes(row) for row in found.boards[0].moved] == [[Why.PROTOCOL]]
    assert "quick/1.0, quick/2.0" in found.notes[0]


def test_a_move_inside_the_older_interval_is_called_one():
    before = content(REACHED)
    rows = before["uncertainty"]["retention_deviation"]["rows"]
    next(row for row in rows if row["label"] == "ft")["over_seeds"] = {"low": 1, "high": 2}

    row = moved(before, content(REACHED | {"ft": 1.2}, ft={"unlearner_revision": 2}))["ft"]

    assert (row.before.rank, row.after.rank, row.is_within_interval) == (1, 2, True)


def test_the_paper_agrees_with_itself_in_every_rank_count_and_speed():
    found = difference(paper_content(), paper_content())

    for board in found.boards:
        assert (board.ranks.same, board.ranks.shared) == (18, 18)
        assert (board.counts.same, board.counts.shared) == (72, 72)
        assert board.moved == ()
    assert len(found.speeds) == 30


def test_a_board_is_compared_with_the_paper_by_ranks_and_counts_among_the_papers_unlearners():
    here = content(REACHED | {"a_plug_in": 0.01})

    found = difference(paper_content(), here)

    rows = {row.label: row for row in found.boards[0].moved}
    assert rows["msg"].after is None
    assert "a_plug_in" not in rows
    assert "ft" in rows  # rank 1 of both, but of one setting in place of nine
    assert (rows["ft"].before.rank, rows["ft"].after.rank) == (1, 1)
    assert found.boards[0].ranks.shared == 4
    assert all(row.cells == () for row in rows.values())
    assert "only ranks and counts" in found.notes[0]


def test_how_sure_the_newer_side_is_is_not_asked():
    before, after = content(REACHED), content(REACHED | {"ga": 0.1})
    without = {name: part for name, part in after.items() if name != "uncertainty"}
    assert difference(before, without) == difference(before, after)
