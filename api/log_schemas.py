"""The API's answers about what units logged."""

from datetime import datetime
from typing import Any

from api.schemas import Answer


class LogLineAnswer(Answer):
    """A line that an attempt at a unit logged; `fields` are what was logged with it."""

    id: int
    unit_id: str
    attempt: int
    at: datetime
    level: str
    text: str
    fields: dict[str, Any]


class LogAnswer(Answer):
    """Log lines, oldest first."""

    items: list[LogLineAnswer]
