"""Rows of the store as the API shows them."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy.orm import Session

from api.schemas import JobAnswer, JobLinks, StageAnswer, UnitAnswer, UnitCounts, WaitingAnswer
from api.waiting import why_waiting
from core.settings import Settings
from core.spec.units import UnitKind, unit_from_json
from core.store import jobs
from core.store.job_states import Stages
from core.store.jobs import JobRecord
from core.store.session import Store
from core.store.states import UnitState
from core.store.units import UnitRecord
from core.store.viewers import EVERYTHING, Viewer


def unit_answer(record: UnitRecord) -> UnitAnswer:
    """A unit as the API shows it."""
    unit = unit_from_json(record.payload)
    return UnitAnswer(
        id=record.id,
        kind=record.kind,
        title=record.title,
        dataset=unit.setting.dataset,
        model=unit.setting.model,
        model_seed=unit.model_seed,
        unlearner=unit.method,
        state=record.state,
        attempt=record.attempt,
        max_attempts=record.max_attempts,
        worker=record.lease_owner,
        progress=record.progress,
        progress_text=record.progress_text,
        runtime_seconds=record.runtime_seconds,
        failure_class=record.failure_class,
        error=record.error,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
    )


def stage_answers(stages: Stages) -> dict[UnitKind, StageAnswer]:
    """A job's units of each kind as the API shows them."""
    return {
        cast(UnitKind, kind): StageAnswer(**_counts(stage.counts), mean_seconds=stage.mean_seconds)
        for kind, stage in stages.items()
    }


def _counts(states: dict[UnitState, int]) -> dict[str, int]:
    return {"total": sum(states.values()), **{state.value: count for state, count in states.items()}}


def job_answers(session: Session, settings: Settings, records: Sequence[JobRecord]) -> list[JobAnswer]:
    """Jobs as the API shows them."""
    waiting = why_waiting(session, settings, records)
    return [_job_answer(record, waiting.get(record.id)) for record in records]


def _job_answer(record: JobRecord, waiting: WaitingAnswer | None) -> JobAnswer:
    here = f"/api/v1/jobs/{record.id}"
    return JobAnswer(
        id=record.id,
        state=record.state,
        label=record.label,
        protocol=record.protocol,
        spec=record.spec,
        spec_sha256=record.spec_sha256,
        owner=record.owner,
        duplicate_of=record.duplicate_of,
        visibility=record.visibility,
        priority=record.priority,
        units=UnitCounts(**_counts(record.units)),
        stages=stage_answers(record.stages),
        waiting=waiting,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        links=JobLinks(
            self=here,
            events=f"{here}/events",
            units=f"{here}/units",
            logs=f"{here}/logs",
            results=f"{here}/results",
            trials=f"{here}/trials",
            attacks=f"{here}/attacks",
            page=f"/jobs/{record.id}",
        ),
    )


def read_job(store: Store, settings: Settings, job_id: str, viewer: Viewer = EVERYTHING) -> JobAnswer:
    """One job as it is now."""
    with store.read() as session:
        (answer,) = job_answers(session, settings, [jobs.get_job(session, job_id, viewer)])
    return answer
