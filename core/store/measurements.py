"""What finished units took: the measurements that estimates rest on."""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select, tuple_
from sqlalchemy.orm import Session

from core.catalog.work import Work
from core.estimate import Conditions, Measurement
from core.plan import PlannedUnit
from core.spec.units import ROLES, UnitId
from core.store.states import UnitState
from core.store.tables import ResultRow, SettingRow, TrialRow, UnitRow

MAX_MEASUREMENTS = 2000  # the newest: an installation's older devices fade out
TRIALS_EACH = 20  # of every setting and method; a sweep has hundreds, and would crowd the others out
CHUNK = 500
NEWEST = select(func.max(ResultRow.id))
CONDITIONS = (SettingRow.dataset, SettingRow.model, SettingRow.definition["precision"].as_string())
DEVICE = TrialRow.provenance["device"].as_string()
# By an index that has each setting and method together: a store has tens of thousands of trials.
AGES = (
    select(
        TrialRow.unit_id,
        TrialRow.attempt,
        func.row_number()
        .over(partition_by=(TrialRow.setting_id, TrialRow.unlearner), order_by=TrialRow.created_at.desc())
        .label("age"),
    )
    .where(TrialRow.work.is_not(None))
    .subquery()
)
NEWEST_TRIALS = select(AGES.c.unit_id, AGES.c.attempt).where(AGES.c.age <= TRIALS_EACH)
DONE = select(UnitRow.id).where(
    UnitRow.id.in_(bindparam("units", expanding=True)), UnitRow.state == UnitState.DONE
)


def newest_result(session: Session) -> str | None:
    """The id of the result that was stored last; while it is the same, nothing new has been measured."""
    return session.scalar(NEWEST)


def recent_measurements(session: Session) -> list[Measurement]:
    """Seconds and work of the newest results, references included, and of each sweep's newest trials."""
    return [*_of_results(session), *_of_trials(session)]


def _of_results(session: Session) -> list[Measurement]:
    rows = session.execute(
        select(*CONDITIONS, ResultRow.unlearner, ResultRow.metrics, ResultRow.provenance)
        .join(ResultRow, ResultRow.setting_id == SettingRow.id)
        .order_by(ResultRow.created_at.desc())
        .limit(MAX_MEASUREMENTS)
    )
    return [
        Measurement(
            Conditions(dataset, model, precision),
            None if unlearner in ROLES else unlearner,
            provenance["device"],
            metrics["work"],
            metrics["runtime_seconds"],
        )
        for dataset, model, precision, unlearner, metrics, provenance in rows
        if metrics.get("work") and metrics.get("runtime_seconds") and "device" in provenance
    ]


def _of_trials(session: Session) -> list[Measurement]:
    rows = session.execute(
        select(*CONDITIONS, TrialRow.unlearner, TrialRow.work, TrialRow.runtime_seconds, DEVICE)
        .join(TrialRow, TrialRow.setting_id == SettingRow.id)
        .where(tuple_(TrialRow.unit_id, TrialRow.attempt).in_(NEWEST_TRIALS))
    )
    return [
        Measurement(Conditions(*conditions), unlearner, device, Work(**work).forward_units, seconds)
        for *conditions, unlearner, work, seconds, device in rows
        if device
    ]


def done_units(session: Session, units: Sequence[PlannedUnit]) -> set[UnitId]:
    """Those of a plan's units that need not run again."""
    done: set[UnitId] = set()
    ids = [planned.id for planned in units]
    for start in range(0, len(ids), CHUNK):
        wanted = ids[start : start + CHUNK]
        done |= {UnitId(unit) for unit in session.scalars(DONE, {"units": wanted})}
    return done
