"""The scheduler: rings for ready work, and requeues what silent workers left. Any number may run at once."""

import time
from collections.abc import Callable

import structlog
from celery import Celery
from kombu.exceptions import OperationalError as BrokerUnreachable
from sqlalchemy.exc import DBAPIError

from core.pulse import beat_pulse
from core.settings import Settings
from core.store import units, workers
from core.store.session import Store
from worker.app import ring

log = structlog.get_logger()

STALE_BEATS = 3  # an idle worker that missed this many beats is not rung for


def schedule(settings: Settings, store: Store, celery: Celery, *, is_stopped: Callable[[], bool]) -> None:
    """Ring and reap until told to stop; outages of the database and the broker are waited out."""
    next_reap = 0.0
    while not is_stopped():
        try:
            if time.monotonic() >= next_reap:
                next_reap = time.monotonic() + settings.reap_seconds
                beat_pulse(settings.var_dir, "scheduler")
                _reap(store)
            _ring_for_ready_work(settings, store, celery)
        except DBAPIError as error:
            log.warning("database_unreachable", error=str(error.orig))
        except (BrokerUnreachable, OSError) as error:
            log.warning("broker_unreachable", error=str(error))
        time.sleep(settings.ring_seconds)


def _reap(store: Store) -> None:
    with store.write() as session:
        expired = units.reap(session)
        workers.forget_silent(session)
    if expired:
        log.warning("leases_expired", count=expired)


def _ring_for_ready_work(settings: Settings, store: Store, celery: Celery) -> None:
    """One bell per idle worker that there is work for; what each does then is settled by its claim."""
    with store.read() as session:
        ready = units.ready_by_queue(session)
        idle = (
            workers.idle_workers(session, fresh_seconds=STALE_BEATS * settings.beat_seconds) if ready else {}
        )
    for queue, count in ready.items():
        for _ in range(min(count, idle.get(queue, 0))):
            ring(celery, queue)
