"""Results in the store: record behind the fence, read, and hand to the board."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, Update, bindparam, exists, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased
from uuid6 import uuid7

from core.board import FLOOR, Method, Metric, floors_by_setting
from core.catalog.protocols import Protocol
from core.errors import NotFound
from core.seed_values import SeedValue
from core.spec.setting import Setting, SettingId
from core.spec.units import EvaluateUnit, UnitId, UnlearnUnit
from core.store.session import changed, database_now, executed
from core.store.slots import TIMED_BESIDE, was_timed_beside
from core.store.tables import AttackRow, JobUnitRow, ResultRow, SettingRow, UnitRow
from core.store.viewers import EVERYTHING, THE_PUBLIC, Viewer, in_visible_job

PLACE = ("setting_id", "unlearner", "variant", "tuning", "model_seed")  # has one result that counts
VALUES = ("retention_deviation", "indiscernibility_test", "runtime_efficiency")  # boards read these alone
SIDE_BY_SIDE = ("given", "other_sweep")  # these differ among themselves, so none supersedes another

UNIT = bindparam("unit", type_=UnitRow.id.type)
TUNING = select(UnitRow.tuning).where(UnitRow.id == UNIT).scalar_subquery()
SEEN = {"is_public": in_visible_job(THE_PUBLIC, UNIT), "created_at": database_now()}
MEASURED = ("is_usable", "metrics", "reasons", "provenance", *VALUES)
PLACED = tuple(getattr(ResultRow, name) for name in PLACE)


def _measure(dialect: Any) -> Executable:  # noqa: ANN401 - SQLAlchemy's module of one
    insert = dialect.insert(ResultRow).values(tuning=TUNING, is_superseded=False, **SEEN)
    again = {name: insert.excluded[name] for name in (*MEASURED, *SEEN)}
    return insert.on_conflict_do_update(index_elements=["unit_id"], set_=again).returning(*PLACED)  # type: ignore[no-any-return]


MEASURE = {"postgresql": _measure(postgresql), "sqlite": _measure(sqlite)}
newer = aliased(ResultRow)
IS_NEWER = tuple_(newer.created_at, newer.id) > tuple_(ResultRow.created_at, ResultRow.id)
SHOWN = (
    select(func.count())
    .where(ResultRow.setting_id == SettingRow.id, ResultRow.is_public, ~ResultRow.is_superseded)
    .scalar_subquery()
)
NOTE_CHANGED = (
    update(SettingRow)
    .where(SettingRow.id.in_(bindparam("settings", expanding=True)))
    .values(version=SettingRow.version + 1, public_results=SHOWN)
)
VERSIONS = (
    select(SettingRow.id, SettingRow.version)
    .where(SettingRow.protocol == bindparam("protocol"), SettingRow.public_results > 0)
    .order_by(SettingRow.id)
)


@dataclass(frozen=True)
class ResultRecord:
    """The metrics row of one model, as the API shows it. A metric that is None has a reason."""

    id: str
    unit_id: str
    setting_id: str
    unlearner: str
    variant: str | None
    tuning: str | None
    hyperparameters: dict[str, Any]
    model_seed: int
    is_usable: bool
    is_superseded: bool
    metrics: dict[str, float | None]
    reasons: dict[str, str]
    provenance: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class CountedResult:
    """A result that counts on a board: its record, the unit that made it, and its value by each metric."""

    record: ResultRecord
    unit: Mapping[str, Any]
    values: Mapping[Metric, SeedValue]


def record_result(
    session: Session,
    unit_id: UnitId,
    unit: EvaluateUnit | UnlearnUnit,
    *,
    is_usable: bool,
    metrics: dict[str, float | None],
    reasons: dict[str, str],
    provenance: dict[str, Any],
    hyperparameters: dict[str, Any] | None = None,
) -> None:
    """Store the result of a unit, in the transaction that finishes it; older ones of the same place are
    superseded, unless only the new one is private. `hyperparameters` are those that were used, where the unit
    does not name them all.

    Writing the same unit again replaces its row: a unit that had to run twice still has one result. A run
    time that was taken beside other runs on its device compares with nothing: such a result has no runtime
    efficiency.
    """
    if metrics.get("runtime_efficiency") is not None and was_timed_beside(session, unit_id, unit):
        metrics = {**metrics, "runtime_efficiency": None}
        reasons = {**reasons, "runtime_efficiency": TIMED_BESIDE}
    if isinstance(unit, UnlearnUnit) and unit.selection is not None:
        provenance = {**provenance, "search": _search(session, unit.selection)}
    measured = {
        "is_usable": is_usable,
        "metrics": metrics,
        "reasons": reasons,
        "provenance": provenance,
        **{name: metrics.get(name) for name in VALUES},
    }
    told = {"id": f"res_{uuid7()}", "unit_id": unit_id, **_place(unit, hyperparameters), **measured}
    row = executed(session, MEASURE[session.get_bind().dialect.name], {**told, "unit": unit_id}).one()
    _supersede(session, _place_of(row))
    note_changed(session, [row.setting_id])


def note_changed(session: Session, setting_ids: Collection[str]) -> None:
    """Give settings whose results have changed a new version, and count what the public sees of them."""
    changed(session, NOTE_CHANGED, {"settings": list(setting_ids)})


def show_results(session: Session, job_id: str) -> None:
    """Show or hide the results of a job's units, as the jobs that need them are public or not."""
    mine = ResultRow.unit_id.in_(select(JobUnitRow.unit_id).where(JobUnitRow.job_id == job_id))
    is_public = in_visible_job(THE_PUBLIC, ResultRow.unit_id)
    rows = session.execute(
        update(ResultRow)
        .where(mine, ResultRow.is_public != is_public)
        .values(is_public=~ResultRow.is_public)
        .returning(*(getattr(ResultRow, name) for name in PLACE))
        .execution_options(synchronize_session=False)
    )
    places = {_place_of(row) for row in rows}
    for place in places:
        _supersede(session, place)
    attacked = select(AttackRow.setting_id).join(JobUnitRow, JobUnitRow.unit_id == AttackRow.unit_id)
    beside = session.scalars(attacked.where(JobUnitRow.job_id == job_id))  # boards show attacks, too
    note_changed(session, {*(place[0] for place in places), *beside})


def _place_of(row: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a ResultRow, or its columns
    return tuple(getattr(row, name) for name in PLACE)


def _supersede(session: Session, place: tuple[Any, ...]) -> None:
    """Mark which results of a place have a newer one that everybody sees: a private one hides no other."""
    values = dict(zip(PLACE, place, strict=True))
    if values["tuning"] in SIDE_BY_SIDE:
        return
    given = {f"of_{name}": value for name, value in values.items() if value is not None}
    changed(session, _superseding(frozenset(name for name in PLACE if values[name] is None)), given)


@cache
def _superseding(nulls: frozenset[str]) -> Update:
    """`_supersede` for places where these are null: no index finds what may be either."""

    def here(row: Any) -> list[Any]:  # noqa: ANN401 - a mapped class, SQL conditions on it
        return [getattr(row, name) == (None if name in nulls else bindparam(f"of_{name}")) for name in PLACE]

    is_superseded = exists(
        select(1).select_from(newer).where(*here(newer), newer.is_public, IS_NEWER).correlate(ResultRow)
    )
    return (
        update(ResultRow)
        .where(*here(ResultRow), ResultRow.is_superseded != is_superseded)
        .values(is_superseded=is_superseded)
    )


def versions_of(session: Session, protocol: str) -> tuple[tuple[str, int], ...]:
    """The protocol's settings with public results, each with its version: while this is the same, so is every
    board of the protocol.
    """
    rows = session.execute(VERSIONS, {"protocol": protocol})
    return tuple((setting, version) for setting, version in rows)


def get_result(session: Session, result_id: str, viewer: Viewer = EVERYTHING) -> ResultRecord:
    """One result.

    Raises:
        NotFound: nothing that the viewer sees has this id.
    """
    row = session.scalar(select(ResultRow).where(ResultRow.id == result_id, _is_visible(viewer)))
    if row is None:
        raise NotFound("result", result_id)
    return _record(row)


def job_results(
    session: Session, job_id: str, *, limit: int | None = None, after: int = -1
) -> list[tuple[int, ResultRecord]]:
    """The job's results in the order of its plan, with their positions, positions above `after`; all of them
    without a limit.
    """
    rows = session.execute(
        select(JobUnitRow.position, ResultRow)
        .join(ResultRow, ResultRow.unit_id == JobUnitRow.unit_id)
        .where(JobUnitRow.job_id == job_id, JobUnitRow.position > after)
        .order_by(JobUnitRow.position)
        .limit(limit)
    )
    return [(position, _record(row)) for position, row in rows]


def list_results(
    session: Session,
    *,
    limit: int,
    before: str | None = None,
    setting_id: str | None = None,
    unlearner: str | None = None,
    viewer: Viewer = EVERYTHING,
) -> list[ResultRecord]:
    """Results that the viewer sees, newest first; `before` is the id of the last one of the previous page."""
    query = select(ResultRow).where(_is_visible(viewer)).order_by(ResultRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ResultRow.id < before)
    if setting_id is not None:
        query = query.where(ResultRow.setting_id == setting_id)
    if unlearner is not None:
        query = query.where(ResultRow.unlearner == unlearner)
    return [_record(row) for row in session.scalars(query)]


def settings_of(session: Session, protocol: str, viewer: Viewer = EVERYTHING) -> list[tuple[Setting, int]]:
    """The protocol's settings that have results, with how many the viewer sees, by dataset and model."""
    query = (
        select(SettingRow.definition, SettingRow.public_results).where(SettingRow.public_results > 0)
        if viewer == THE_PUBLIC
        else select(SettingRow.definition, func.count(ResultRow.id))
        .join(ResultRow, ResultRow.setting_id == SettingRow.id)
        .where(~ResultRow.is_superseded, _is_visible(viewer))
        .group_by(SettingRow.id)
    )
    rows = session.execute(
        query.where(SettingRow.protocol == protocol).order_by(
            SettingRow.dataset, SettingRow.model, SettingRow.id
        )
    )
    return [(Setting.model_validate(definition), count) for definition, count in rows]


def seed_values(
    session: Session,
    settings: Sequence[Setting],
    metric: Metric,
    protocol: Protocol,
    viewer: Viewer = EVERYTHING,
) -> list[SeedValue]:
    """What each method's models reached in each setting, over the protocol's model seeds: one query.

    Only results tuned as the protocol says count; the rest stay visible with their jobs.
    """
    rows = session.execute(
        select(
            ResultRow.setting_id,
            ResultRow.unlearner,
            ResultRow.variant,
            ResultRow.tuning,
            ResultRow.model_seed,
            ResultRow.is_usable,
            getattr(ResultRow, metric.column).label("value"),
            ResultRow.runtime_efficiency,
        )
        .where(*_count(settings, protocol, viewer))
        .order_by(ResultRow.model_seed, ResultRow.created_at, ResultRow.id)  # a mean has the same last digit
    )
    newest = {_place_of(row): row for row in rows}  # who sees private results may see two of a place
    return [_seed_value(row, row.value) for row in newest.values()]


def indiscernibility_floors(
    session: Session, settings: Sequence[Setting], protocol: Protocol, viewer: Viewer = EVERYTHING
) -> dict[SettingId, float]:
    """By setting, the indiscernibility that one in twenty models without a trace falls below."""
    rows = session.execute(
        select(ResultRow.setting_id, ResultRow.metrics[FLOOR].as_float()).where(
            *_count(settings, protocol, viewer), ResultRow.unlearner == "retrained"
        )
    )
    return floors_by_setting(settings, ((setting, floor) for setting, floor in rows))


def counted_results(
    session: Session, settings: Sequence[Setting], protocol: Protocol, viewer: Viewer = EVERYTHING
) -> list[CountedResult]:
    """The results that `seed_values` is made of, in full, by setting, method and model seed."""
    order = (ResultRow.setting_id, ResultRow.unlearner, ResultRow.variant, ResultRow.model_seed)
    rows = session.execute(
        select(ResultRow, UnitRow.payload)
        .join(UnitRow, UnitRow.id == ResultRow.unit_id)
        .where(*_count(settings, protocol, viewer))
        .order_by(*order, ResultRow.created_at, ResultRow.id)
    )
    newest = {_place_of(row): (row, payload) for row, payload in rows}
    return [
        CountedResult(
            _record(row),
            payload,
            {metric: _seed_value(row, getattr(row, metric.column)) for metric in Metric},
        )
        for row, payload in newest.values()
    ]


def _is_visible(viewer: Viewer) -> Any:  # noqa: ANN401 - an SQL condition on ResultRow
    """The result is shown to the viewer."""
    return ResultRow.is_public if viewer == THE_PUBLIC else in_visible_job(viewer, ResultRow.unit_id)


def _count(settings: Sequence[Setting], protocol: Protocol, viewer: Viewer) -> tuple[Any, ...]:
    """The results that a board of these settings rests on, as SQL conditions."""
    return (
        ResultRow.setting_id.in_([setting.id for setting in settings]),
        ResultRow.model_seed.in_(protocol.model_seeds),
        ~ResultRow.is_superseded,
        _is_visible(viewer),
        (ResultRow.tuning == protocol.ranked_tuning) | ResultRow.tuning.is_(None),
    )


def _seed_value(row: Any, value: float | None) -> SeedValue:  # noqa: ANN401 - a ResultRow, or its columns
    return SeedValue(
        setting=SettingId(row.setting_id),
        method=Method(row.unlearner, row.variant),
        model_seed=row.model_seed,
        value=value if row.is_usable else None,
        runtime_efficiency=row.runtime_efficiency if row.is_usable else None,
        is_usable=row.is_usable,
    )


def _place(unit: EvaluateUnit | UnlearnUnit, hyperparameters: dict[str, Any] | None) -> dict[str, Any]:
    """Where a unit's result stands: setting, method and seed."""
    if isinstance(unit, EvaluateUnit):
        method: dict[str, Any] = {"unlearner": unit.role, "variant": None, "hyperparameters": {}}
    else:
        method = {
            "unlearner": unit.unlearner,
            "variant": unit.hyperparameters.get("variant"),
            "hyperparameters": hyperparameters or unit.hyperparameters,
        }
    return {"setting_id": unit.setting.id, "model_seed": unit.model_seed, **method}


def _search(session: Session, selection: UnitId) -> dict[str, Any]:
    """What chose the hyperparameters: on whose models, in how many trials each, and whose figures were the
    aim (protocol §10: the retrained model is an oracle that nobody has who unlearns).
    """
    unit = session.scalars(select(UnitRow.payload).where(UnitRow.id == selection)).one()
    first = unit["sweeps"][0]
    seeds = [sweep["model_seed"] for sweep in unit["sweeps"]]
    return {"target": first["target"], "seeds": seeds, "trials": first["num_trials"], "rule": unit["rule"]}


def _record(row: ResultRow) -> ResultRecord:
    return ResultRecord(**{name: getattr(row, name) for name in ResultRecord.__dataclass_fields__})
