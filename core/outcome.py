"""What running a unit yields: plain data, torch-free, so that it travels between processes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

Metrics: TypeAlias = dict[str, float | None]


@dataclass(frozen=True)
class Progress:
    """How far a unit is: `fraction` in [0, 1] where it is known, and in words."""

    fraction: float | None
    text: str


@dataclass(frozen=True)
class LogLine:
    """A line that was logged while a unit ran; `level` in lower case, `fields` as plain JSON."""

    at: datetime
    level: str
    text: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a unit produced, as plain JSON. A metric that does not exist is None, with its reason.

    `reason` is why it is not usable: no model, no finite score, no winner. `hyperparameters` are those that
    an unlearning run used in the end; `attempts` are a trial's, as `core.sweep.Attempt` writes them; `attack`
    is what one on single samples found, as `core.lira` writes it.
    """

    is_usable: bool
    runtime_seconds: float
    metrics: Metrics = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    artifact: dict[str, Any] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    attempts: tuple[dict[str, Any], ...] = ()
    attack: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
