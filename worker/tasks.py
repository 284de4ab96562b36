"""The worker process: Celery's solo pool around one `Worker`. Its only task answers the bell."""

import signal
import sys
from contextlib import closing
from types import FrameType
from typing import Any

from celery import Celery
from celery.exceptions import WorkerShutdown
from celery.signals import worker_shutting_down

from core.errors import DeploymentInvalid
from core.settings import Settings
from core.store.jobs import QUEUE
from core.store.session import Store
from worker.app import RING
from worker.work import Worker


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def answer_bells(settings: Settings, store: Store, celery: Celery) -> None:
    """Work when the bell rings, until SIGTERM or SIGINT; the unit in hand is then given back, uncharged.

    Raises:
        DeploymentInvalid: the runner cannot load here, at first or where it had to be replaced.
    """
    signal.signal(signal.SIGTERM, _leave)  # until Celery sets its own: a worker may wait for a slot for long
    with closing(Worker(settings, store)) as worker:
        broken: DeploymentInvalid | None = None

        @celery.task(name=RING)
        def answer(queue: str) -> None:
            nonlocal broken
            if queue != QUEUE:  # somebody's mistake, and nothing is lost by it
                return
            try:
                worker.work(queue)
            except DeploymentInvalid as error:  # Celery would only log it, and go on
                broken = error
                raise WorkerShutdown from error

        def drain(**_: Any) -> None:  # noqa: ANN401 - the signal's arguments
            worker.drain()

        worker_shutting_down.connect(drain)
        celery.Worker(
            pool="solo",
            concurrency=1,
            queues=[QUEUE],
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
            loglevel="WARNING",
            quiet=True,
        ).start()
        if broken is not None:
            raise broken
