"""Results that were measured elsewhere: one per model, with the metrics of protocol §5.7. Pure.

They are a tier of their own: shown with their origin, and never in a rank, a group or a cohort.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.catalog.datasets import DatasetInfo
from core.catalog.protocols import Protocol
from core.catalog.registry import Catalogue, closest
from core.errors import SpecInvalid, SpecProblem
from core.spec.job import pointer, problems

ROUNDING = 0.005  # printed figures have three decimals; a sum of four of them is off by 0.002 at most
LARGEST = 1e30  # no measurement comes near, and no mean or spread of such values overflows
RETENTIONS = ("retain_retention", "forget_retention", "test_retention")
IDENTITY = ("unlearner", "dataset", "model", "model_seed")
RANKED = ("retention_deviation", "indiscernibility_test")

PLAIN = r"^\w[^\x00-\x1f]*$"  # a spreadsheet takes what begins otherwise, as with =, for a formula
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN)]
Share = Annotated[float | None, Field(ge=0, le=1)]
AtLeastZero = Annotated[float | None, Field(ge=0, le=LARGEST)]
Positive = Annotated[float | None, Field(gt=0, le=LARGEST)]


class ReportedResult(BaseModel):
    """What somebody measured of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    unlearner: Annotated[str, Field(min_length=1, max_length=64, pattern=PLAIN)]
    dataset: str
    model: str
    model_seed: Annotated[int, Field(ge=0, lt=2**31)]
    retain_accuracy: Share = None
    forget_accuracy: Share = None
    validation_accuracy: Share = None
    test_accuracy: Share = None
    mia_validation: Share = None
    mia_test: Share = None
    indiscernibility_validation: Share = None
    indiscernibility_test: Share = None
    retain_retention: AtLeastZero = None
    forget_retention: AtLeastZero = None
    test_retention: AtLeastZero = None
    retention_deviation: AtLeastZero = None
    runtime_seconds: Positive = None
    runtime_efficiency: Positive = None
    work: AtLeastZero = None
    l2_distance: AtLeastZero = None
    relative_distance: AtLeastZero = None
    direction_distance: Annotated[float | None, Field(ge=0, le=2)] = None


METRICS = tuple(name for name in ReportedResult.model_fields if name not in IDENTITY)


class SelfReport(BaseModel):
    """Results that one origin vouches for."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={
            "example": {
                "protocol": "quick/1.0",
                "origin": "A group that measured",
                "link": "https://example.org/code",
                "measured_on": "2026-01-31",
                "results": [
                    {
                        "unlearner": "our_method",
                        "dataset": "digits",
                        "model": "resnet18",
                        "model_seed": 0,
                        "retention_deviation": 0.031,
                        "indiscernibility_test": 0.97,
                    }
                ],
            }
        },
    )

    protocol: str
    origin: Annotated[Text, Field(description="Who measured: a group, or a paper.")]
    link: Annotated[
        str, Field(max_length=500, pattern=r"^https?://[^\s\x00-\x1f]+$", description="To code or paper.")
    ]
    contact: Annotated[Text | None, Field(description="Whom to ask; it is shown to everybody.")] = None
    measured_on: date
    results: Annotated[tuple[ReportedResult, ...], Field(min_length=1, max_length=5000)]


@dataclass(frozen=True)
class ReportedMetric:
    """A metric over the models that it was reported of; `sd` is None with fewer than two."""

    mean: float
    sd: float | None
    seeds: int


@dataclass(frozen=True)
class ReportedCell:
    """What was reported of one unlearner in one setting.

    Attributes:
        seeds: how many models.
        required_seeds: how many the protocol asks for.
    """

    unlearner: str
    dataset: str
    model: str
    seeds: int
    required_seeds: int
    metrics: Mapping[str, ReportedMetric]


def parse_json(document: bytes, catalogue: Catalogue) -> SelfReport:
    """A report in JSON.

    Raises:
        SpecInvalid: something in it is unknown, missing, out of range or at odds with itself; every problem
            is listed with a pointer, and nothing of it holds.
    """
    try:
        report = SelfReport.model_validate_json(document)
    except ValidationError as error:
        raise SpecInvalid(problems(error)) from error
    return _checked(report, catalogue)


def parse_csv(table: bytes, about: Mapping[str, str], catalogue: Catalogue) -> SelfReport:
    """A report as a CSV table, one line per model; an empty cell is a metric that was not measured.

    Args:
        table: UTF-8, with a header of `ReportedResult`'s fields in any order.
        about: the report's other fields.
        catalogue: what datasets and models there are.

    Raises:
        SpecInvalid: as for JSON; the problems also name line and column.
    """
    lines, rows = _rows(table)
    try:
        return _checked(SelfReport.model_validate({**about, "results": rows}), catalogue)
    except ValidationError as error:
        raise SpecInvalid(_in_table(problems(error), lines)) from error
    except SpecInvalid as error:
        raise SpecInvalid(_in_table(error.problems, lines)) from error


def reported_cells(report: SelfReport, protocol: Protocol) -> list[ReportedCell]:
    """The report by dataset, model and unlearner, over model seeds."""

    def place(result: ReportedResult) -> tuple[str, str, str]:
        return (result.dataset, result.model, result.unlearner)

    grouped = groupby(sorted(report.results, key=place), key=place)
    return [
        _cell(unlearner, dataset, model, list(results), len(protocol.model_seeds))
        for (dataset, model, unlearner), results in grouped
    ]


def _cell(
    unlearner: str, dataset: str, model: str, results: Sequence[ReportedResult], required_seeds: int
) -> ReportedCell:
    metrics = {}
    for name in METRICS:
        values = [value for result in results if (value := getattr(result, name)) is not None]
        if values:
            sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
            metrics[name] = ReportedMetric(float(np.mean(values)), sd, len(values))
    return ReportedCell(unlearner, dataset, model, len(results), required_seeds, metrics)


def _checked(report: SelfReport, catalogue: Catalogue) -> SelfReport:
    """The report, if what it names exists and its numbers agree with each other."""
    found = [*_unknown_protocol(report, catalogue)]
    seen: dict[tuple[Any, ...], int] = {}
    for index, result in enumerate(report.results):
        found += _result_problems(index, result, catalogue.protocols.get(report.protocol), catalogue)
        first = seen.setdefault(tuple(getattr(result, name) for name in IDENTITY), index)
        if first != index:
            detail = f"{result.unlearner} with this model seed is there before, as result {first}."
            found.append(SpecProblem(pointer("results", index), "duplicate", detail))
    if found:
        raise SpecInvalid(found)
    return report


def _unknown_protocol(report: SelfReport, catalogue: Catalogue) -> Iterable[SpecProblem]:
    if report.protocol not in catalogue.protocols:
        yield _unknown("protocol", report.protocol, catalogue.protocols, pointer("protocol"))


def _result_problems(
    index: int, result: ReportedResult, protocol: Protocol | None, catalogue: Catalogue
) -> Iterable[SpecProblem]:
    if result.dataset not in catalogue.datasets:
        yield _unknown("dataset", result.dataset, catalogue.datasets, pointer("results", index, "dataset"))
    elif result.model not in catalogue.models:
        yield _unknown("model", result.model, catalogue.models, pointer("results", index, "model"))
    elif protocol is not None and not _has_setting(
        protocol, catalogue.datasets[result.dataset], result.model
    ):
        detail = f"{protocol.id} has no setting of {result.model} on {result.dataset}."
        yield SpecProblem(pointer("results", index), "unknown_setting", detail)
    if all(getattr(result, name) is None for name in RANKED):
        detail = f"One of {' and '.join(RANKED)} must be there."
        yield SpecProblem(pointer("results", index), "no_ranked_metric", detail)
    for name, expected in _implied(result):
        given = getattr(result, name)
        if given is not None and abs(given - expected) > ROUNDING:
            detail = f"{name} is {given:g}, but the other columns make it {expected:.4g}."
            yield SpecProblem(pointer("results", index, name), "inconsistent", detail)


def _has_setting(protocol: Protocol, dataset: DatasetInfo, model: str) -> bool:
    return protocol.recipe(dataset.recipes_id, model) is not None


def _implied(result: ReportedResult) -> Iterable[tuple[str, float]]:
    """What some of the metrics say of others (protocol §5.2, §5.3)."""
    retentions = [getattr(result, name) for name in RETENTIONS]
    if None not in retentions:
        yield "retention_deviation", sum(abs(retention - 1) for retention in retentions)
    for name in ("validation", "test"):
        if (mia := getattr(result, f"mia_{name}")) is not None:
            yield f"indiscernibility_{name}", 1 - abs(2 * mia - 1)


def _unknown(what: str, name: str, known: Iterable[str], where: str) -> SpecProblem:
    detail = f"There is no {what} {name!r}; there are {', '.join(sorted(known))}."
    return SpecProblem(where, f"unknown_{what}", detail, closest(name, known))


def _rows(table: bytes) -> tuple[list[int], list[dict[str, str]]]:
    """The lines of the table that hold results, and their cells by column, without the empty ones.

    Raises:
        SpecInvalid: it is no such table.
    """
    try:
        reader = csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""), strict=True)
        header = list(reader.fieldnames or ())
        _require_columns(header)
        read = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SpecInvalid([SpecProblem("#", "invalid_csv", f"It is not CSV in UTF-8: {error}.")]) from error
    if surplus := [line for line, row in read if None in row]:
        detail = f"Line {surplus[0]} has more cells than the header has columns."
        raise SpecInvalid([SpecProblem("#", "invalid_csv", detail)])
    rows = [{name: cell.strip() for name, cell in row.items() if cell and cell.strip()} for _, row in read]
    return [line for line, _ in read], rows


def _require_columns(header: Sequence[str]) -> None:
    known = list(ReportedResult.model_fields)
    found = [
        SpecProblem(
            pointer("columns", name), "unknown_column", f"There is no column {name!r}.", closest(name, known)
        )
        for name in header
        if name not in known
    ]
    twice = sorted({name for name in header if header.count(name) > 1})
    found += [
        SpecProblem(pointer("columns", name), "duplicate", f"The column {name!r} is there twice.")
        for name in twice
    ]
    found += [
        SpecProblem(pointer("columns", name), "missing", f"The column {name!r} is required.")
        for name in IDENTITY
        if name not in header
    ]
    if found:
        raise SpecInvalid(found)


def _in_table(found: Sequence[SpecProblem], lines: Sequence[int]) -> list[SpecProblem]:
    """The problems with the line and the column of the table that they are in."""

    def placed(problem: SpecProblem) -> SpecProblem:
        match = re.fullmatch(r"#/results/(\d+)(?:/(\w+))?", problem.pointer)
        if match is None:
            return problem
        column = f", column {match[2]}" if match[2] else ""
        return replace(problem, detail=f"Line {lines[int(match[1])]}{column}: {problem.detail}")

    return [placed(problem) for problem in found]
