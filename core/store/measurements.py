"""What finished units took: the measurements that estimates rest on."""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from core.estimate import Conditions, Measurement
from core.plan import PlannedUnit
from core.spec.units import UnitId
from core.store.states import UnitState
from core.store.tables import ResultRow, SettingRow, UnitRow

MAX_MEASUREMENTS = 2000  # the newest: an installation's older devices fade out
CHUNK = 500
NEWEST = select(func.max(ResultRow.id))
DONE = select(UnitRow.id).where(
    UnitRow.id.in_(bindparam("units", expanding=True)), UnitRow.state == UnitState.DONE
)


def newest_result(session: Session) -> str | None:
    """The id of the result that was stored last; while it is the same, nothing new has been measured."""
    return session.scalar(NEWEST)


def recent_measurements(session: Session) -> list[Measurement]:
    """Seconds and work of the newest results, references included."""
    precision = SettingRow.definition["precision"].as_string()
    rows = session.execute(
        select(SettingRow.dataset, SettingRow.model, precision, ResultRow.metrics, ResultRow.provenance)
        .join(ResultRow, ResultRow.setting_id == SettingRow.id)
        .order_by(ResultRow.created_at.desc())
        .limit(MAX_MEASUREMENTS)
    )
    return [
        Measurement(
            Conditions(dataset, model, numbers),
            provenance["device"],
            metrics["work"],
            metrics["runtime_seconds"],
        )
        for dataset, model, numbers, metrics, provenance in rows
        if metrics.get("work") and metrics.get("runtime_seconds") and "device" in provenance
    ]


def done_units(session: Session, units: Sequence[PlannedUnit]) -> set[UnitId]:
    """Those of a plan's units that need not run again."""
    done: set[UnitId] = set()
    ids = [planned.id for planned in units]
    for start in range(0, len(ids), CHUNK):
        wanted = ids[start : start + CHUNK]
        done |= {UnitId(unit) for unit in session.scalars(DONE, {"units": wanted})}
    return done
