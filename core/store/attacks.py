"""Attacks on single samples in the store: what was found, and how it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.spec.units import AttackUnit, UnitId
from core.store.results import ResultRecord
from core.store.session import database_now
from core.store.tables import AttackRow, JobUnitRow, UnitRow
from core.store.viewers import EVERYTHING, Viewer, in_visible_job

FINDINGS = ("num_attacked", "left_out", "figures", "roc", "histogram")


@dataclass(frozen=True)
class AttackRecord:
    """An attack on the models of one method, or of one reference, as the API shows it.

    Attributes:
        subject: the unlearner, or `original` or `retrained`, which calibrate the attack (protocol §8.4).
        mean_accuracy: over samples, in [0, 1]; 0.5 is no trace. None where the attack could not be run.
        findings: figures with their intervals, ROC points, histogram of the samples' accuracies and what was
            left out; empty where the attack could not be run.
        reason: why it could not.
    """

    unit_id: str
    setting_id: str
    attack: str
    subject: str
    variant: str | None
    tuning: str | None
    hyperparameters: dict[str, Any]
    out: str
    splits: int
    forget_sets: int
    is_calibration: bool
    mean_accuracy: float | None
    findings: dict[str, Any]
    reason: str | None
    provenance: dict[str, Any]
    created_at: datetime


def record_attack(
    session: Session,
    unit_id: UnitId,
    unit: AttackUnit,
    document: dict[str, Any],
    provenance: dict[str, Any],
) -> None:
    """Store what `core.lira.attack` found, in the transaction that finishes its unit; it replaces an earlier
    run's.
    """
    findings = {name: document[name] for name in FINDINGS if name in document}
    session.merge(
        AttackRow(
            unit_id=unit_id,
            setting_id=unit.setting.id,
            attack=unit.attack,
            subject=unit.subject,
            variant=unit.hyperparameters.get("variant"),
            tuning=session.scalar(select(UnitRow.tuning).where(UnitRow.id == unit_id)),
            hyperparameters=document["hyperparameters"],
            out=unit.out,
            splits=unit.splits,
            forget_sets=unit.forget_sets,
            is_calibration=unit.is_calibration,
            mean_accuracy=findings["figures"]["mean"]["value"] if findings else None,
            findings=findings,
            reason=document["reason"],
            provenance=provenance,
            created_at=session.execute(select(database_now())).scalar_one(),
        )
    )


def attacks_on(
    session: Session, setting_id: str, subject: str, *, viewer: Viewer = EVERYTHING
) -> list[AttackRecord]:
    """The attacks on one method beside a setting that the viewer sees, newest first."""
    rows = session.scalars(
        select(AttackRow)
        .where(AttackRow.setting_id == setting_id, AttackRow.subject == subject)
        .where(in_visible_job(viewer, AttackRow.unit_id))
        .order_by(AttackRow.created_at.desc(), AttackRow.unit_id)
    )
    return [_record(row) for row in rows]


def attacks_beside(session: Session, setting_id: str, *, viewer: Viewer = EVERYTHING) -> list[AttackRecord]:
    """The attacks on every method and reference beside a setting that the viewer sees, newest first."""
    rows = session.scalars(
        select(AttackRow)
        .where(AttackRow.setting_id == setting_id, in_visible_job(viewer, AttackRow.unit_id))
        .order_by(AttackRow.created_at.desc(), AttackRow.unit_id)
    )
    return [_record(row) for row in rows]


def job_attacks(session: Session, job_id: str) -> list[AttackRecord]:
    """The job's attacks so far, in the order of its plan."""
    rows = session.scalars(
        select(AttackRow)
        .join(JobUnitRow, JobUnitRow.unit_id == AttackRow.unit_id)
        .where(JobUnitRow.job_id == job_id)
        .order_by(JobUnitRow.position)
    )
    return [_record(row) for row in rows]


def attack_accuracies(
    session: Session, found: Sequence[ResultRecord], *, viewer: Viewer = EVERYTHING
) -> list[dict[str, float]]:
    """Beside each result, the mean accuracy of every attack on its method in its setting; of several, that of
    the most models, then the newest.
    """
    rows = session.scalars(
        select(AttackRow)
        .where(AttackRow.setting_id.in_({result.setting_id for result in found}))
        .where(AttackRow.mean_accuracy.is_not(None), in_visible_job(viewer, AttackRow.unit_id))
        .order_by(AttackRow.splits * AttackRow.forget_sets, AttackRow.created_at)
    )
    best: dict[tuple[str | None, ...], dict[str, float]] = {}
    for row in rows:
        place = (row.setting_id, row.subject, row.variant, row.tuning)
        assert row.mean_accuracy is not None, "the query asks for it"
        best.setdefault(place, {})[row.attack] = row.mean_accuracy
    return [
        best.get((result.setting_id, result.unlearner, result.variant, result.tuning), {}) for result in found
    ]


def _record(row: AttackRow) -> AttackRecord:
    return AttackRecord(**{name: getattr(row, name) for name in AttackRecord.__dataclass_fields__})
