"""The scheduler: rings for ready work, requeues what silent workers left, sends webhooks' messages, and keeps
artifacts within their budget. Any number may run at once.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import structlog
from celery import Celery
from kombu.exceptions import OperationalError as BrokerUnreachable
from sqlalchemy.exc import DBAPIError

from core.pulse import beat_pulse
from core.settings import Settings
from core.store import units, workers
from core.store.deliveries import forget_old_deliveries
from core.store.session import Store
from core.store.unit_logs import forget_old_lines
from worker.app import ring
from worker.courier import deliver
from worker.evictor import keep_within_budget

log = structlog.get_logger()

BESIDE = (deliver, keep_within_budget)  # each in a thread of its own
FORGET_SECONDS = 3600.0
STALE_BEATS = 3  # an idle worker that missed this many beats is not rung for
OUTAGE_BEATS = 3  # a database that kept us waiting this long was away; workers then get as long to beat


def schedule(settings: Settings, store: Store, celery: Celery, *, is_stopped: Callable[[], bool]) -> None:
    """Ring, reap, deliver and evict until told to stop; outages of database and broker are waited out."""
    ending = Event()
    with ThreadPoolExecutor(2, "beside-the-scheduler") as pool:
        beside = [pool.submit(work, settings, store, is_stopped=ending.is_set) for work in BESIDE]

        def has_failed() -> bool:
            return any(work.done() and work.exception() is not None for work in beside)

        try:
            _ring_and_reap(settings, store, celery, is_stopped=lambda: is_stopped() or has_failed())
        finally:
            ending.set()
        for work in beside:
            work.result()  # if it ended by an error, so does this process


def _ring_and_reap(
    settings: Settings, store: Store, celery: Celery, *, is_stopped: Callable[[], bool]
) -> None:
    """While the database is away no worker can renew its lease. So after an outage the workers get a moment
    to do so before leases are looked at, and no unit is charged for it. Whoever starts may start after one.
    """
    patience = OUTAGE_BEATS * settings.beat_seconds
    next_reap = time.monotonic() + patience
    next_forget = 0.0
    while not is_stopped():
        beat_pulse(settings.var_dir, "scheduler")
        asked = time.monotonic()
        try:
            if asked >= next_reap:
                next_reap = asked + settings.reap_seconds
                _reap(store, patience)
            if asked >= next_forget:
                next_forget = asked + FORGET_SECONDS
                _forget(store)
            bells = _due_bells(settings, store)
            if time.monotonic() - asked > patience:
                next_reap = time.monotonic() + patience
            for queue in bells:
                ring(celery, queue)
        except DBAPIError as error:
            next_reap = time.monotonic() + patience
            log.warning("database_unreachable", error=str(error.orig))
        except (BrokerUnreachable, OSError) as error:
            log.warning("broker_unreachable", error=str(error))
        time.sleep(settings.ring_seconds)


def _reap(store: Store, patience: float) -> None:
    """Reap, unless the database kept us waiting: then it kept the workers waiting, too."""
    asked = time.monotonic()
    with store.write() as session:
        if time.monotonic() - asked > patience:
            return
        expired = units.reap(session)
        workers.forget_silent(session)
    if expired:
        log.warning("leases_expired", count=expired)


def _forget(store: Store) -> None:
    """Drop what is kept for so many days only."""
    with store.write() as session:
        forget_old_deliveries(session)
        forget_old_lines(session)


def _due_bells(settings: Settings, store: Store) -> list[str]:
    """One bell per idle worker that there is work for; what each does then is settled by its claim."""
    with store.read() as session:
        ready = units.ready_by_queue(session)
        idle = (
            workers.idle_workers(session, fresh_seconds=STALE_BEATS * settings.beat_seconds) if ready else {}
        )
    return [queue for queue, count in ready.items() for _ in range(min(count, idle.get(queue, 0)))]
