"""The API's answers about results that were measured elsewhere."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from api.schemas import Answer
from core.self_reports import ReportedResult
from core.tier import Tier


class ReportedMetricAnswer(Answer):
    """A metric over the models that it was reported of; `sd` is null with fewer than two."""

    mean: float
    sd: float | None
    seeds: int


class ReportedCellAnswer(Answer):
    """What was reported of one unlearner in one setting; it has no rank and no group."""

    unlearner: str
    dataset: str
    model: str
    seeds: int
    required_seeds: Annotated[int, Field(description="How many the protocol asks for.")]
    metrics: dict[str, ReportedMetricAnswer]


class SelfReportAnswer(Answer):
    """Results measured elsewhere, and who vouches for them."""

    id: str
    tier: Tier
    protocol: str
    origin: str
    link: str
    contact: str | None
    measured_on: date
    owner: Annotated[str, Field(description="Who imported them.")]
    created_at: datetime
    cells: list[ReportedCellAnswer]


class SelfReportDetail(SelfReportAnswer):
    """The same, with what was reported of each model."""

    results: list[ReportedResult]


class SelfReportPage(Answer):
    """Reports, newest first."""

    items: list[SelfReportAnswer]
    next_cursor: str | None
