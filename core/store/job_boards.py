"""The board of one job, out of the store: whatever it asked for, whether its protocol ranks that or not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from core.board import FLOOR, Board, CellSummary, Method, Metric, floors_by_setting
from core.job_board import build_job_board, models_of
from core.plan import PlannedUnit
from core.seed_values import SeedValue, summarise
from core.spec.resolve import ResolvedJob
from core.spec.setting import SettingId
from core.spec.units import UnitId
from core.store.attacks import attack_figures
from core.store.results import ResultRecord, job_results
from core.store.states import METHODS_FAULT, FailureClass
from core.store.units import failed_units


def load_job_boards(
    session: Session, job_id: str, job: ResolvedJob, planned: Sequence[PlannedUnit]
) -> dict[Metric, Board]:
    """By each metric, the job's methods in its settings over its model seeds, by the rules of every board."""
    models = models_of(job, planned)
    records = {UnitId(record.unit_id): record for _, record in job_results(session, job_id)}
    failures = {UnitId(unit.id): unit.failure_class for unit in failed_units(session, job_id)}
    lost = _failed_methods(planned, failures) - records.keys()
    attacks = attack_figures(session, {cell.setting.id for cell in job.cells}, job_id=job_id)
    told = [
        (model.setting, records[unit].metrics.get(FLOOR))
        for unit, model in models.items()
        if unit in records and model.method.unlearner == "retrained"
    ]
    floors = floors_by_setting([cell.setting for cell in job.cells], told)
    boards = {}
    for metric in Metric:
        values = [_value(model, records[unit], metric) for unit, model in models.items() if unit in records]
        values += [models[unit] for unit in models if unit in lost]
        boards[metric] = replace(
            build_job_board(job, metric, models.values(), values),
            attacks={
                (SettingId(place.setting_id), Method(place.subject, place.variant)): figures
                for place, figures in attacks.items()
            },
            floors=floors if metric is Metric.INDISCERNIBILITY else {},
        )
    return boards


def fresh_summaries(
    session: Session, job_id: str, job: ResolvedJob, planned: Sequence[PlannedUnit]
) -> dict[Metric, list[CellSummary]]:
    """By each metric, the results over the model seeds alone that no sweep of the job looked at (protocol
    §6, Notes); empty where there was no sweep, or it looked at all of them.
    """
    looked_at = job.sweep.seeds if job.sweep else job.model_seeds
    fresh = [seed for seed in job.model_seeds if seed not in looked_at]
    models = models_of(job, planned)
    found = [
        (models[UnitId(record.unit_id)], record)
        for _, record in job_results(session, job_id)
        if record.unit_id in models
    ]
    return {
        metric: summarise([_value(model, record, metric) for model, record in found], fresh)
        for metric in Metric
    }


def _value(model: SeedValue, record: ResultRecord, metric: Metric) -> SeedValue:
    if not record.is_usable:
        return model
    metrics = record.metrics
    return replace(
        model,
        value=metrics.get(metric.column),
        runtime_efficiency=metrics.get("runtime_efficiency"),
        is_usable=True,
    )


def _failed_methods(
    planned: Sequence[PlannedUnit], failures: Mapping[UnitId, str | None]
) -> frozenset[UnitId]:
    """The units that failed by the doing of a method: their own, or that of one whose outcome they need."""
    found: set[UnitId] = set()
    for unit in planned:  # dependencies come first
        failure = failures.get(unit.id)
        is_own = failure in METHODS_FAULT and unit.unit.method is not None
        if is_own or (
            failure == FailureClass.DEPENDENCY_FAILED and not found.isdisjoint(unit.unit.depends_on)
        ):
            found.add(unit.id)
    return frozenset(found)
