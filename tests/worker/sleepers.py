"""Workers whose units only sleep: each a process that claims, beats and publishes as ever, without torch."""

import json
import logging
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import structlog
from sqlalchemy import event

import worker.work
from core.catalog.registry import installed
from core.outcome import Outcome
from core.plan import plan
from core.settings import Settings
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import Unit
from core.store import jobs
from core.store.session import Store
from core.store.states import FINAL_JOB
from core.store.units import Lease
from worker.listener import Listener
from worker.runner import Finished

LOOK_SECONDS = 0.05  # how soon a worker that found nothing looks again
PATIENCE_SECONDS = 500.0
SETTINGS = (
    {"dataset": "digits", "model": "resnet18"},
    {"dataset": "digits", "model": "tiny_vit"},
    {"dataset": "digits", "model": "resnet18", "forget": {"rule": "random", "fraction": 0.2, "seed": 1}},
)


@dataclass(frozen=True)
class Shift:
    """What a worker did, from the moment at which all were there."""

    units: int
    seconds: float
    statements: int


class Asleep:
    """In the place of a runner: it sleeps, and measures nothing."""

    is_alive = True
    pid = os.getpid()

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0

    def await_ready(self, *_: object) -> str:
        return "a bed"

    def start(self, _unit: Unit) -> None:
        self._until = time.monotonic() + self._seconds

    def receive(self, timeout_seconds: float) -> Finished | None:
        left = self._until - time.monotonic()
        time.sleep(max(min(left, timeout_seconds), 0))
        if left > timeout_seconds:
            return None
        return Finished(Outcome(False, self._seconds, reasons={"model": "It only slept."}))

    def end(self) -> str:
        return "in its sleep"


def work_asleep(
    settings: Settings,
    job_id: str,
    *,
    workers: int,
    unit_seconds: float = 0.0,
    most: int | None = None,
) -> Sequence[Shift]:
    """Let workers, each in a process of its own, do a job until it has ended, or `most` units of it each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # so that each worker starts at once
    shifts: Queue[Shift] = context.Queue()
    everybody = context.Barrier(workers)
    arguments = (settings, job_id, unit_seconds, most, everybody, shifts)
    processes = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    try:
        return [shifts.get(timeout=PATIENCE_SECONDS) for _ in processes]
    finally:
        for process in processes:
            process.join(PATIENCE_SECONDS)


def _work(
    settings: Settings,
    job_id: str,
    unit_seconds: float,
    most: int | None,
    everybody: Barrier,
    shifts: "Queue[Shift]",
) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    worker.work.Runner = lambda *_: Asleep(unit_seconds)
    store = Store(settings.database)
    done, statements, counted = 0, 0, 0

    @event.listens_for(store.engine, "before_cursor_execute")
    def _count(*_: object) -> None:
        nonlocal statements
        statements += 1

    def count(_lease: Lease) -> None:
        nonlocal done
        done += 1
        if done == most:
            at_work.drain()

    def has_ended() -> bool:
        with store.read() as session:
            return jobs.get_job(session, job_id).state in FINAL_JOB

    at_work = worker.work.Worker(settings, store)
    everybody.wait(PATIENCE_SECONDS)
    started, statements = time.monotonic(), 0
    ended = started
    while done != most:
        if at_work.work(jobs.QUEUE, Listener(end=count)):
            ended, counted = time.monotonic(), statements
        elif has_ended():
            break
        else:
            time.sleep(LOOK_SECONDS)
    shifts.put(Shift(done, ended - started, counted))
    at_work.close()
    store.close()


def submit(store: Store, *, settings: Sequence[dict[str, object]] = SETTINGS[:1], model_seeds: int) -> str:
    """Submit a job of many units: for each setting and seed some for the references, and one for each
    unlearner.
    """
    document = {
        "settings": settings,
        "unlearners": "all",
        "model_seeds": list(range(model_seeds)),
    }
    spec = parse_job_spec(json.dumps(document))
    resolved = resolve(spec, installed())
    with store.write() as session:
        return jobs.submit(session, spec, resolved, plan(resolved), actor="test")
