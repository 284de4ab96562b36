"""The board of one job: what stands on it, and what of that its protocol would not rank."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from core.board import Board, Metric
from core.catalog.protocols import PROTOCOLS
from core.catalog.registry import installed
from core.export import ExportFormat, render
from core.job_board import build_job_board, models_of, unranked
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import ResolvedJob, resolve

PLACE = {"dataset": "cifar10", "model": "resnet18"}
PAPER = {"protocol": "deep-unlearn/1.0", "settings": [PLACE], "sweep": {}}
BEST = {"ft": 0.1, "ga": 0.5}


def job(**spec: Any) -> ResolvedJob:
    document = {"settings": [PLACE], "unlearners": ["ft", "ga"], "model_seeds": [0, 1], **spec}
    return resolve(parse_job_spec(json.dumps(document)), installed())


def board(asked: ResolvedJob, ended: dict[str, float | None]) -> Board:
    """The job's board once all models of these methods have ended with these values; None is a failure."""
    models = models_of(asked, plan(asked)).values()
    values = [
        replace(model, value=ended[model.method.label], is_usable=ended[model.method.label] is not None)
        for model in models
        if model.method.label in ended
    ]
    return build_job_board(asked, Metric.RETENTION_DEVIATION, models, values)


def ranks(found: Board) -> dict[str, int | None]:
    return {row.method.label: row.rank for row in found.rows}


@pytest.mark.parametrize(
    "forget",
    [
        {"rule": "hard"},
        {"rule": "class", "labels": [3]},
        {"rule": "sequence", "steps": [{"rule": "class", "labels": [3]}, {"rule": "hard"}]},
        {"count": 50},
    ],
)
@pytest.mark.parametrize("target", ["retrained", "original"])
def test_a_job_has_a_board_whatever_it_forgets_and_however_it_tunes(forget, target):
    asked = job(
        settings=[{**PLACE, "forget": forget, "precision": "bf16"}],
        sweep={"seeds": [5], "trials": 2, "target": target},
    )

    found = board(asked, BEST)

    assert ranks(found) == {"ft": 1, "ga": 2}
    assert {row.covered for row in found.rows} == {2 if forget.get("rule") == "sequence" else 1}


def test_a_method_without_a_usable_model_is_f_and_one_that_has_not_run_is_there_without_a_rank():
    rows = {row.method.label: row for row in board(job(unlearners=["ft", "ga", "iu"]), {"ga": None}).rows}

    assert (rows["ga"].counts.failed, rows["ga"].rank) == (1, 1)
    assert {rows[name].cells[0].state for name in ("ft", "iu")} == {"incomplete"}
    assert rows["ft"].rank is None


def test_only_the_models_that_the_board_rests_on_are_counted_not_those_that_a_sweep_looks_at():
    asked = job(sweep={"seeds": [7], "trials": 1})

    seeds = {model.model_seed for model in models_of(asked, plan(asked)).values()}

    assert seeds == {0, 1}


def test_the_same_method_with_other_hyperparameters_has_a_row_of_its_own():
    runs = ["ft", {"id": "ft", "hyperparameters": {"num_epochs": 9}}, {"id": "msg"}]
    runs += [{"id": "msg", "hyperparameters": {"variant": "fixed"}}]

    names = set(ranks(board(job(unlearners=runs, sweep={"seeds": [0], "trials": 1}), {})))

    assert names == {"ft", "ft (num_epochs=9)", "msg", "msg (fixed)"}


def test_settings_of_one_dataset_and_model_are_told_apart_by_what_they_forget():
    steps = [
        {"rule": "class", "labels": [3]},
        {"count": 9, "seed": 7},
        {"count": 9, "seed": 7},
        {"rule": "hard"},
    ]
    rules = [{}, {"rule": "sequence", "steps": steps}]
    found = board(job(settings=[{**PLACE, "forget": rule} for rule in rules]), BEST)

    header = render(found, ExportFormat.MARKDOWN).splitlines()[0]
    lines = csv.DictReader(io.StringIO(render(found, ExportFormat.CSV)))

    nine = "9 samples at random, seed 7"
    forgets = [
        "10 % at random",
        "class 3, step 1",
        f"{nine}, step 2 after class 3",
        f"{nine}, step 3 after class 3; {nine}",
        f"10 % of highest loss, step 4 after class 3; 2 times {nine}",
    ]
    assert [name.strip() for name in header.split("|")[7:-1]] == [
        "cifar10/resnet18",
        *(f"cifar10/resnet18, {name}" for name in forgets[1:]),
    ]
    assert [line["forget"] for line in lines if line["label"] == "ft"] == forgets


def test_the_only_setting_of_a_job_is_named_with_what_its_protocol_does_not_do():
    place = {**PLACE, "forget": {"rule": "class", "labels": [3]}, "precision": "bf16"}

    header = render(board(job(settings=[place]), BEST), ExportFormat.MARKDOWN).splitlines()[0]

    assert "| cifar10/resnet18, class 3, bf16 |" in header


def test_a_share_that_rounds_to_the_default_one_is_told_all_the_same():
    """It is another setting, which the protocol does not rank."""
    spec = job(settings=[{**PLACE, "forget": {"fraction": 0.10000001}}])

    assert unranked(spec, PROTOCOLS[spec.protocol])[0] == "cifar10/resnet18 with 10 % at random"


@pytest.mark.parametrize(
    ("spec", "phrases"),
    [
        ({**PAPER, "model_seeds": None}, []),
        ({**PAPER, "settings": [{**PLACE, "precision": "bf16"}], "model_seeds": None}, ["with bf16"]),
        (
            {**PAPER, "settings": [{**PLACE, "forget": {"rule": "hard"}}], "model_seeds": None},
            ["highest loss"],
        ),
        (
            {**PAPER, "sweep": {"target": "original"}, "model_seeds": None},
            ["ft, ga with a sweep that is not"],
        ),
        ({**PAPER, "sweep": None, "model_seeds": None}, ["ft, ga with default hyperparameters"]),
        ({**PAPER, "model_seeds": [0, 1, 2]}, ["what lacks model seeds 3 to 9"]),
        ({"model_seeds": [0, 2, 4]}, ["model seed 4", "what lacks model seed 1"]),
    ],
)
def test_what_the_protocol_does_not_rank_is_told(spec, phrases):
    asked = job(**spec)

    found = unranked(asked, PROTOCOLS[asked.protocol])

    assert len(found) == len(phrases)
    assert all(phrase in said for phrase, said in zip(phrases, found, strict=True))
