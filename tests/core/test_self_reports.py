"""Tables of results that were measured elsewhere: what is read, and what is refused by line and column."""

import pytest

from core.catalog.registry import installed
from core.errors import SpecInvalid, SpecProblem
from core.self_reports import SelfReport, parse_csv
from tests.api.test_self_reports import ABOUT, TABLE


def read(table: str | bytes, **changes: str) -> SelfReport:
    return parse_csv(table.encode() if isinstance(table, str) else table, {**ABOUT, **changes}, installed())


def refused(table: str | bytes, **changes: str) -> list[SpecProblem]:
    with pytest.raises(SpecInvalid) as refusal:
        read(table, **changes)
    return refusal.value.problems


@pytest.mark.parametrize(
    ("cell", "changed", "pointer", "said"),
    [
        ("0.51,0.98", "0.51,1.2", "#/results/0/indiscernibility_test", "Line 2, column indiscernibility"),
        ("0.050,", "nan,", "#/results/1/retention_deviation", "Line 3, column retention_deviation"),
        ("0.050,", "-1,", "#/results/1/retention_deviation", "greater than or equal to 0"),
        ("0.2,,", "inf,,", "#/results/2/retention_deviation", "Line 4"),
        ("0.2,,", "1e308,,", "#/results/2/retention_deviation", "less than or equal to 1000"),
        ("0.2,,", "bad,,", "#/results/2/retention_deviation", "bad"),
        ("0.2,,", ",,", "#/results/2", "Line 4: One of retention_deviation and indiscernibility_test"),
        ("digits,tiny_vit", "digit,tiny_vit", "#/results/2/dataset", "Line 4, column dataset: There is no"),
        ("digits,tiny_vit", "digits,vit", "#/results/2/model", "There is no model 'vit'"),
        ("0.51,0.98", "0.60,0.98", "#/results/0/indiscernibility_test", "the other columns make it 0.8"),
        ("resnet18,1,", "resnet18,0,", "#/results/1", "there before, as result 0"),
        ("resnet18,1,", "resnet18,x,", "#/results/1/model_seed", "Line 3, column model_seed"),
        ("ft,digits", "=1+1,digits", "#/results/2/unlearner", "Line 4, column unlearner"),
        ("mia_test,", "mia_tset,", "#/columns/mia_tset", "There is no column"),
        ("model_seed", "work", "#/columns/model_seed", "is required"),
        ("mia_test,", "retention_deviation,", "#/columns/retention_deviation", "is there twice"),
        ("0.2,,", "0.2,,,7", "#", "Line 4 has more cells"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_by_line_and_column(cell, changed, pointer, said):
    (found,) = [problem for problem in refused(TABLE.replace(cell, changed, 1)) if problem.pointer == pointer]
    assert said in found.detail


def test_a_retention_deviation_must_be_that_of_the_retentions():
    header = "unlearner,dataset,model,model_seed,retain_retention,forget_retention,test_retention"
    table = f"{header},retention_deviation\nours,digits,resnet18,0,0.98,1.05,0.97,"

    assert read(f"{table}0.1").results[0].retention_deviation == 0.1
    (found,) = refused(f"{table}0.2")
    assert (found.pointer, found.code) == ("#/results/0/retention_deviation", "inconsistent")


def test_every_problem_of_a_table_is_told_at_once():
    found = refused(TABLE.replace("digits,tiny_vit", "digit,tiny_vit").replace("0.51,0.98", "0.60,0.98"))
    assert {problem.pointer for problem in found} == {
        "#/results/2/dataset",
        "#/results/0/indiscernibility_test",
    }


def test_a_misspelt_column_is_recognised():
    (found,) = refused(TABLE.replace("mia_test,", "mia_tset,"))
    assert found.suggestion == "mia_test"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"protocol": "quik/1.0"}, "#/protocol"),
        ({"link": "javascript:alert(1)"}, "#/link"),
        ({"measured_on": "yesterday"}, "#/measured_on"),
        ({"origin": ""}, "#/origin"),
    ],
)
def test_a_report_says_truly_where_it_comes_from(change, pointer):
    assert pointer in [problem.pointer for problem in refused(TABLE, **change)]


def test_a_setting_must_be_one_of_the_protocols():
    found = refused(TABLE, protocol="deep-unlearn/1.0")
    assert {problem.code for problem in found} == {"unknown_setting"}


NO_TABLES = [b"", b"\xff\xfe\x00", b'unlearner\n"', b"unlearner,dataset,model,model_seed\n"]


@pytest.mark.parametrize("table", NO_TABLES)
def test_what_is_no_table_is_refused(table):
    assert refused(table)


def test_a_table_as_a_spreadsheet_writes_it_is_read():
    as_written = b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode()
    assert read(as_written) == read(TABLE)
