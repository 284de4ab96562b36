"""Slots: how many workers share a device. A worker holds one by its beats, as it holds a unit by a lease.

A device's key is the same for all processes of a machine, in containers too. Whoever asks for a slot does it
in a `store.write()`, where writers take turns: two workers never take the last one.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.orm import Session, aliased

from core.spec.units import EvaluateUnit, UnitId, UnlearnUnit
from core.store.session import changed, database_now
from core.store.tables import UnitRow, WorkerRow

TIMED_BESIDE = "timed beside other runs on its device"

claimant, neighbour = aliased(WorkerRow), aliased(WorkerRow)
NEIGHBOURS = (
    select(neighbour.id)
    .join(claimant, claimant.device_key == neighbour.device_key)
    .where(claimant.id == bindparam("me"), neighbour.id != bindparam("me"))
)
SHARE = (  # only a running unit has an owner; to ask for its state too would lose the index
    update(UnitRow).where(UnitRow.lease_owner.in_(NEIGHBOURS)).values(is_timed_beside=True)
)


def claim_slot(
    session: Session, worker_id: str, devices: Sequence[str], *, slots_per_device: int, lease_seconds: float
) -> str | None:
    """Give the worker a slot on the emptiest of these devices, or None where all are taken.

    A worker that has been silent for `lease_seconds` loses its slot to the next one that needs it.
    """
    holders = session.execute(
        select(WorkerRow.device_key, WorkerRow.beat_at > database_now(-lease_seconds)).where(
            WorkerRow.device_key.in_(devices), WorkerRow.id != worker_id
        )
    ).all()
    live = {device: sum(key == device and is_live for key, is_live in holders) for device in devices}
    best = min(devices, key=live.__getitem__)
    if live[best] >= slots_per_device:
        return None
    if sum(key == best for key, _ in holders) >= slots_per_device:
        _evict_silent(session, best, lease_seconds)
    changed(session, update(WorkerRow).where(WorkerRow.id == worker_id).values(device_key=best))
    return best


def note_neighbours(session: Session, unit_id: UnitId, owner: str) -> None:
    """Mark the unit that `owner` has just claimed, and those that run beside it on its device, as sharing
    it.
    """
    if changed(session, SHARE, {"me": owner}):
        changed(session, update(UnitRow).where(UnitRow.id == unit_id).values(is_timed_beside=True))


def was_timed_beside(session: Session, unit_id: UnitId, unit: EvaluateUnit | UnlearnUnit) -> bool:
    """Whether one of the two run times that a result compares was taken beside other runs."""
    timed = (unit_id, unit.retrained, *((unit.model,) if isinstance(unit, EvaluateUnit) else ()))
    return bool(session.scalar(select(exists().where(UnitRow.id.in_(timed), UnitRow.is_timed_beside))))


def _evict_silent(session: Session, device: str, lease_seconds: float) -> None:
    silent = (WorkerRow.device_key == device, WorkerRow.beat_at <= database_now(-lease_seconds))
    changed(session, update(WorkerRow).where(*silent).values(device_key=None))
