"""The board as JSON, CSV, Markdown and LaTeX."""

import csv
import io
import json
from dataclasses import replace

import pytest

from core.attack_figures import AttackFigures
from core.board import Board, CellSummary, Method, Metric, build_board
from core.catalog.protocols import Recipe
from core.export import FORMATS, ExportFormat, as_csv, board_document, render, render_document
from core.spec.forget import RandomForget
from core.spec.setting import Setting

SETTING = Setting(
    protocol="quick/1.0",
    dataset="digits",
    dataset_revision=1,
    model="tiny_vit",
    model_revision=1,
    forget=RandomForget(),
    precision="fp32",
    recipe=Recipe(num_epochs=1, batch_size=32),
    validation_fraction=0.15,
    split_seed=123,
    run_seed=123,
)
AWKWARD = 0.1 + 0.2  # 0.30000000000000004: its shortest text is its only exact one
METHODS = ["ng_plus", "msg (fixed)", "ga", "ct", "retrained"]


def summary(unlearner: str, mean: float | None, *, variant=None, sd=0.0125, seeds=3, usable=3) -> CellSummary:
    return CellSummary(SETTING.id, Method(unlearner, variant), mean, sd, seeds, usable, 1 / 3)


@pytest.fixture
def board() -> Board:
    """A board with a ranked, a variant, a failed and a provisional row, and a reference."""
    summaries = [
        summary("ng_plus", AWKWARD),
        summary("msg", 0.2, variant="fixed"),
        summary("ga", None, sd=None, usable=0),
        summary("ct", 0.9, sd=None, seeds=1, usable=1),
        summary("retrained", 1.0),
    ]
    return build_board("quick/1.0", Metric.INDISCERNIBILITY, [SETTING], summaries, required_seeds=3)


def test_json_is_the_whole_board_document(board):
    document = json.loads(render(board, ExportFormat.JSON))

    assert document == json.loads(json.dumps(board_document(board)))
    assert [row["label"] for row in document["rows"]] == METHODS[:4]
    assert [row["label"] for row in document["references"]] == ["retrained"]
    assert document["rows"][0]["cells"][0]["mean"] == AWKWARD


def test_the_document_says_what_each_row_and_cell_is(board):
    rows = {row["label"]: row for row in board_document(board)["rows"]}

    assert (rows["ng_plus"]["rank"], rows["ng_plus"]["g1"], rows["ng_plus"]["coverage"]) == (1, 1, "1/1")
    assert (rows["ga"]["rank"], rows["ga"]["failed"], rows["ga"]["cells"][0]["group"]) == (3, 1, "F")
    assert (rows["ct"]["rank"], rows["ct"]["is_provisional"], rows["ct"]["coverage"]) == (None, True, "0/1")
    assert (rows["ct"]["cells"][0]["state"], rows["ct"]["cells"][0]["seeds"]) == ("incomplete", 1)


def test_a_missing_cell_is_empty_in_the_document():
    other = SETTING.model_copy(update={"dataset": "mnist"})
    found = [CellSummary(other.id, Method("ft"), 0.5, None, 3, 3, None)]

    board = build_board("quick/1.0", Metric.INDISCERNIBILITY, [SETTING, other], found, required_seeds=3)

    cell = board_document(board)["rows"][0]["cells"][0]
    assert (cell["state"], cell["group"], cell["mean"], cell["seeds"]) == ("missing", None, None, 0)


def test_csv_carries_every_number_exactly(board):
    lines = list(csv.DictReader(io.StringIO(render(board, ExportFormat.CSV))))

    assert [line["label"] for line in lines] == METHODS
    assert float(lines[0]["mean"]) == AWKWARD
    assert float(lines[0]["sd"]) == 0.0125
    assert float(lines[0]["runtime_efficiency"]) == 1 / 3


def test_csv_leaves_empty_what_does_not_exist(board):
    lines = {line["label"]: line for line in csv.DictReader(io.StringIO(render(board, ExportFormat.CSV)))}

    assert (lines["ga"]["mean"], lines["ga"]["sd"], lines["ga"]["group"]) == ("", "", "F")
    assert (lines["ct"]["rank"], lines["ct"]["group"], lines["ct"]["usable_seeds"]) == ("", "", "1")


def test_markdown_has_one_row_per_method_and_as_many_cells_as_its_header(board):
    lines = render(board, ExportFormat.MARKDOWN).splitlines()

    header, rule, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert header == ["rank", "unlearner", "G1", "G2", "G3", "F", "digits/tiny_vit"]
    assert [row[1] for row in rows] == METHODS
    assert {len(row) for row in (rule, *rows)} == {len(header)}


def test_markdown_cells_say_group_mean_spread_and_what_is_lacking(board):
    rows = {line.split("|")[2].strip(): line for line in render(board, ExportFormat.MARKDOWN).splitlines()}

    assert rows["ng_plus"] == "| 1 | ng_plus | 1 | 0 | 0 | 0 | G1 0.300 ± 0.013 |"
    assert rows["ga"] == "| 3 | ga | 0 | 0 | 0 | 1 | F |"
    assert rows["ct"] == "| - | ct |  |  |  |  | 0.900 (1 of 3 seeds) |"
    assert rows["retrained"].endswith("| 1.000 ± 0.013 |")


def test_latex_escapes_underscores_and_the_plus_minus_sign(board):
    table = render(board, ExportFormat.LATEX)

    assert r"ng\_plus" in table
    assert r"digits/tiny\_vit" in table
    assert r"$\pm$" in table
    assert "±" not in table
    assert "_" not in table.replace(r"\_", "")


def test_latex_is_one_table_with_as_many_columns_as_its_alignment(board):
    first, *body, last = render(board, ExportFormat.LATEX).splitlines()

    rows = [line.removesuffix(r" \\") for line in body if line != r"\hline"]
    assert (first, last) == (r"\begin{tabular}{rlrrrrl}", r"\end{tabular}")
    assert [row.count("&") for row in rows] == [6] * (1 + len(METHODS))


@pytest.mark.parametrize("export_format", list(ExportFormat))
def test_every_format_knows_its_media_type_and_shows_an_empty_board(export_format):
    empty = build_board("quick/1.0", Metric.INDISCERNIBILITY, [], [], required_seeds=3)

    assert "/" in FORMATS[export_format].media_type
    assert render(empty, export_format).endswith("\n")


def test_attacks_that_were_run_have_columns_and_those_that_were_not_are_null_with_a_reason(board):
    found = AttackFigures(0.61, 0.58, 0.64, 0.02, "retrain", 16, 10)
    attacked = replace(board, attacks={(SETTING.id, Method("ng_plus")): {"rmia": found}})

    cells = {row["label"]: row["cells"][0]["attacks"] for row in board_document(attacked)["rows"]}
    header, _, first, *_ = render(attacked, ExportFormat.MARKDOWN).splitlines()

    assert cells["ng_plus"]["rmia"] == found.as_dict()
    assert cells["ga"]["rmia"]["mean_accuracy"] is cells["ga"]["u_lira"]["mean_accuracy"] is None
    assert cells["ga"]["rmia"]["reason"] == cells["ga"]["u_lira"]["reason"] == "not run"
    assert header.endswith("| digits/tiny_vit, rmia |")
    assert first.endswith("| 0.610 (0.580 to 0.640), 0.020 |")


@pytest.mark.parametrize("form", list(ExportFormat))
def test_a_board_frozen_before_there_were_attacks_is_still_exported(board, form):
    document = board_document(board)
    for row in (*document["rows"], *document["references"]):
        for cell in row["cells"]:
            del cell["attacks"]

    assert "ng" in render_document(document, form)


def test_records_without_an_object_that_others_have_leave_its_columns_empty():
    rows = [{"id": 1, "objectives": None}, {"id": 2, "objectives": {"mia": 0.5}}]

    assert as_csv(rows) == "id,objectives.mia\n1,\n2,0.5\n"


def test_a_field_that_is_null_in_all_records_keeps_its_column():
    assert as_csv([{"id": 1, "reason": None}]) == "id,reason\n1,\n"
