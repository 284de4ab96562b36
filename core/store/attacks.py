"""Attacks on single samples in the store: what was found, and how it is read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from core.attack_figures import AttackFigures
from core.spec.units import AttackUnit, UnitId
from core.store.results import ResultRecord, note_changed
from core.store.session import database_now
from core.store.tables import AttackRow, JobUnitRow, UnitRow
from core.store.viewers import EVERYTHING, Viewer, in_visible_job

FINDINGS = ("num_attacked", "left_out", "figures", "roc", "histogram")


class AttackTarget(NamedTuple):
    """Where an attack's figures stand."""

    setting_id: str
    subject: str
    variant: str | None
    tuning: str | None


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
            samples=document.get("samples"),
            reason=document["reason"],
            provenance=provenance,
            created_at=session.execute(select(database_now())).scalar_one(),
        )
    )
    note_changed(session, [unit.setting.id])


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


def attacked_samples(session: Session, unit_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """By attack: `index` of each attacked sample among the official training images, and `accuracy` on it.

    Attacks that could not be run, or that were run before samples were kept here, are left out.
    """
    rows = session.execute(
        select(AttackRow.unit_id, AttackRow.samples).where(AttackRow.unit_id.in_(unit_ids))
    )
    return {unit_id: samples for unit_id, samples in rows if samples is not None}


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


def attack_figures(
    session: Session, setting_ids: Collection[str], *, viewer: Viewer = EVERYTHING, job_id: str | None = None
) -> dict[AttackTarget, dict[str, AttackFigures]]:
    """What every attack that the viewer sees found of each method beside the settings, by attack; with a
    `job_id`, those of the job alone.

    Of several runs of one attack it is one with figures before one that could not be run, then one whose
    never-seen models are the method's own (protocol §8.3), then that of the most models, then the newest.
    """
    needed = select(JobUnitRow.unit_id).where(JobUnitRow.job_id == job_id)
    of_job = () if job_id is None else (AttackRow.unit_id.in_(needed),)
    rows = session.execute(
        select(
            AttackRow.setting_id,
            AttackRow.subject,
            AttackRow.variant,
            AttackRow.tuning,
            AttackRow.attack,
            AttackRow.out,
            AttackRow.splits,
            AttackRow.forget_sets,
            AttackRow.reason,
            AttackRow.findings["figures"].label("figures"),
        )
        .where(AttackRow.setting_id.in_(setting_ids), in_visible_job(viewer, AttackRow.unit_id), *of_job)
        .order_by(
            AttackRow.mean_accuracy.is_not(None),
            AttackRow.out == "same_method",
            AttackRow.splits * AttackRow.forget_sets,
            AttackRow.created_at,
            AttackRow.unit_id,
        )
    )
    best: dict[AttackTarget, dict[str, AttackFigures]] = {}
    for row in rows:
        target = AttackTarget(row.setting_id, row.subject, row.variant, row.tuning)
        best.setdefault(target, {})[row.attack] = _figures(row)
    return best


def attacks_on_results(
    session: Session, found: Sequence[ResultRecord], *, viewer: Viewer = EVERYTHING
) -> list[dict[str, AttackFigures]]:
    """Beside each result, what `attack_figures` has of its method in its setting."""
    best = attack_figures(session, {result.setting_id for result in found}, viewer=viewer)
    return [
        best.get(AttackTarget(result.setting_id, result.unlearner, result.variant, result.tuning), {})
        for result in found
    ]


def _figures(row: Row[Any]) -> AttackFigures:
    grid = {"out": row.out, "splits": row.splits, "forget_sets": row.forget_sets}
    if not row.figures:
        return AttackFigures(reason=row.reason, **grid)
    mean, rare = row.figures["mean"], row.figures["tpr_at_fpr_1pct"]
    return AttackFigures(
        mean_accuracy=mean["value"],
        low=mean["low"],
        high=mean["high"],
        tpr_at_fpr_1pct=rare["value"],
        reason=mean["reason"] or rare["reason"],
        **grid,
    )


def _record(row: AttackRow) -> AttackRecord:
    return AttackRecord(**{name: getattr(row, name) for name in AttackRecord.__dataclass_fields__})
