"""Who works, and what waits."""

from dataclasses import asdict

from fastapi import APIRouter

from api.answers import ONLINE_BEATS
from api.dependencies import SettingsDep, StoreDep
from api.schemas import QueueAnswer, WorkerAnswer, WorkersAnswer
from core.settings import Settings
from core.store import units, workers
from core.store.session import Store
from core.store.states import UnitState

router = APIRouter(tags=["workers"])


@router.get("/workers", operation_id="listWorkers")
def list_workers(store: StoreDep, settings: SettingsDep) -> WorkersAnswer:
    """All workers heard of lately, and when each last said something."""
    return WorkersAnswer(items=_workers(store, settings))


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


def _workers(store: Store, settings: Settings) -> list[WorkerAnswer]:
    with store.read() as session:
        found = workers.list_workers(session)
    limit = ONLINE_BEATS * settings.beat_seconds
    return [WorkerAnswer(is_online=worker.silent_seconds < limit, **asdict(worker)) for worker in found]
