"""Who works, who rests, and what waits."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter

from api.access import AdminDep
from api.dependencies import SettingsDep, StoreDep
from api.problems import DECLARED
from api.schemas import QueueAnswer, WorkerAnswer, WorkersAnswer
from api.waiting import ONLINE_BEATS
from core.settings import Settings
from core.store import units, workers
from core.store.session import Store
from core.store.states import UnitState

VERSION = version("lethe")
STEERED: dict[int | str, dict[str, Any]] = {status: DECLARED[status] for status in (401, 403, 404, 422)}

router = APIRouter(tags=["workers"])


@router.get("/workers", operation_id="listWorkers")
def list_workers(store: StoreDep, settings: SettingsDep) -> WorkersAnswer:
    """All workers heard of lately, what each does, and whether it runs the version that answers here."""
    return WorkersAnswer(version=VERSION, items=_workers(store, settings))


@router.post("/workers/{worker_id}/drain", status_code=202, operation_id="drainWorker", responses=STEERED)
def drain_worker(worker_id: str, store: StoreDep, settings: SettingsDep, _caller: AdminDep) -> WorkerAnswer:
    """Let a worker end its unit and take no other; it stays, until it is resumed or stopped."""
    return _steer(store, settings, worker_id, is_drained=True)


@router.post("/workers/{worker_id}/resume", status_code=202, operation_id="resumeWorker", responses=STEERED)
def resume_worker(worker_id: str, store: StoreDep, settings: SettingsDep, _caller: AdminDep) -> WorkerAnswer:
    """Let a drained worker take units again."""
    return _steer(store, settings, worker_id, is_drained=False)


@router.get("/queue", operation_id="getQueue")
def get_queue(store: StoreDep, settings: SettingsDep) -> QueueAnswer:
    """How much is ready, waiting and running, over all jobs."""
    with store.read() as session:
        ready = units.ready_by_queue(session)
        counts = units.count_by_state(session)
    online = sum(worker.is_online for worker in _workers(store, settings))
    return QueueAnswer(
        ready=ready,
        waiting=counts[UnitState.WAITING],
        running=counts[UnitState.RUNNING],
        workers_online=online,
    )


def _steer(store: Store, settings: Settings, worker_id: str, *, is_drained: bool) -> WorkerAnswer:
    with store.write() as session:
        workers.set_drained(session, worker_id, is_drained=is_drained)
    return next(worker for worker in _workers(store, settings) if worker.id == worker_id)


def _workers(store: Store, settings: Settings) -> list[WorkerAnswer]:
    with store.read() as session:
        found = workers.list_workers(session)
    limit = ONLINE_BEATS * settings.beat_seconds
    return [
        WorkerAnswer(
            is_online=worker.silent_seconds < limit,
            is_same_version=worker.version == VERSION,
            **asdict(worker),
        )
        for worker in found
    ]
