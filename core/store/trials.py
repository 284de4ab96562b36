"""Trials in the store: what every sweep tried, and how well it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.spec.units import TrialUnit, UnitId
from core.store.session import changed, database_now
from core.store.tables import JobUnitRow, TrialRow


@dataclass(frozen=True)
class TrialRecord:
    """One attempt at a trial, as the API shows it.

    Attributes:
        hyperparameters: all of them, drawn and given.
        objectives: the four losses of protocol §6.4 by name; None unless they are finite.
        score: their Euclidean norm, which the sweep minimises.
        work: images forward and backward; None unless the attempt was completed, by a method that declares
            it.
        provenance: as that of results; like work, None where it was not kept yet.
    """

    unit_id: str
    setting_id: str
    unlearner: str
    sweep_seed: int
    index: int
    attempt: int
    state: str
    hyperparameters: dict[str, Any]
    objectives: dict[str, float] | None
    score: float | None
    metrics: dict[str, float | None] | None
    runtime_seconds: float | None
    reason: str | None
    work: dict[str, float] | None
    provenance: dict[str, Any] | None
    created_at: datetime


def record_trial(
    session: Session,
    unit_id: UnitId,
    unit: TrialUnit,
    attempts: Sequence[dict[str, Any]],
    provenance: dict[str, Any],
) -> None:
    """Store a trial's attempts, in the transaction that finishes it; those of an earlier run are replaced."""
    now = session.execute(select(database_now())).scalar_one()
    changed(session, delete(TrialRow).where(TrialRow.unit_id == unit_id))
    for number, attempt in enumerate(attempts, start=1):
        session.add(
            TrialRow(
                unit_id=unit_id,
                attempt=number,
                setting_id=unit.setting.id,
                unlearner=unit.sweep.unlearner,
                sweep_seed=unit.sweep.model_seed,
                index=unit.index,
                state=attempt["state"],
                hyperparameters={**unit.sweep.given, **attempt["parameters"]},
                objectives=attempt["objectives"],
                score=attempt["score"],
                metrics=attempt["metrics"],
                runtime_seconds=attempt["seconds"],
                reason=attempt["reason"],
                work=attempt["work"],
                provenance=provenance,
                created_at=now,
            )
        )


def job_trials(
    session: Session, job_id: str, *, limit: int | None = None, after: int = -1
) -> list[tuple[int, list[TrialRecord]]]:
    """The job's trials in the order of its plan, as position and attempts, positions above `after`; all of
    them without a limit.
    """
    last = (
        select(JobUnitRow.position)
        .join(TrialRow, TrialRow.unit_id == JobUnitRow.unit_id)
        .where(JobUnitRow.job_id == job_id, JobUnitRow.position > after)
        .distinct()
        .order_by(JobUnitRow.position)
        .limit(limit)
        .subquery()
    )
    rows = session.execute(
        select(JobUnitRow.position, TrialRow)
        .join(TrialRow, TrialRow.unit_id == JobUnitRow.unit_id)
        .where(JobUnitRow.job_id == job_id, JobUnitRow.position.in_(select(last.c.position)))
        .order_by(JobUnitRow.position, TrialRow.attempt)
    )
    return [
        (position, [_record(row) for _, row in attempts])
        for position, attempts in groupby(rows, key=itemgetter(0))
    ]


def _record(row: TrialRow) -> TrialRecord:
    return TrialRecord(**{name: getattr(row, name) for name in TrialRecord.__dataclass_fields__})
