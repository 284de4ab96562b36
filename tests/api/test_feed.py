"""The feed: one poller and one look for however many listeners, and nothing that happens is missed."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from api.feed import Feed
from core.catalog.registry import installed
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import events, jobs, units
from core.store.events import Event
from tests.api.steps import SPEC

PATIENCE_SECONDS = 60.0


@pytest.fixture
def submit(store) -> Callable[[int], str]:
    """The id of a new job on one model seed."""

    def submit(seed: int) -> str:
        spec = parse_job_spec(json.dumps({**SPEC, "model_seeds": [seed]}))
        resolved = resolve(spec, installed())
        with store.write() as session:
            return jobs.submit(session, spec, resolved, plan(resolved), actor="test")

    return submit


class Looks:
    """Looks at a job's events, and remembers at which."""

    def __init__(self) -> None:
        self.at: list[str] = []

    def __call__(self, store: Any, job_id: str, after: int) -> list[Event]:
        self.at.append(job_id)
        with store.read() as session:
            return events.job_events(session, job_id, after=after)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, PATIENCE_SECONDS))


async def listen(feed: Feed[list[Event]], job_id: str, until: str) -> list[int]:
    """The ids of a job's events, up to the first with this reason."""
    found: list[Event] = []
    with feed.following(job_id):
        while not any(event.reason == until for event in found):
            version = feed.version(job_id)
            new = await feed.look(job_id, found[-1].id if found else 0)
            found += new
            if not new:
                await feed.changed(job_id, version)
    return [event.id for event in found]


def say(store, reason: str, **about: str) -> None:
    with store.write() as session:
        events.append_event(session, actor="test", reason=reason, text="Something happened.", **about)


def test_fifty_listeners_share_their_looks_and_miss_nothing(store, submit):
    job_id, looks = submit(1), Looks()

    async def scenario() -> None:
        feed = Feed(store, looks)
        listening = [asyncio.create_task(listen(feed, job_id, "end")) for _ in range(50)]
        await asyncio.sleep(0)
        for reason in ("one", "two", "end"):
            await asyncio.to_thread(say, store, reason, job_id=job_id)
        heard = await asyncio.gather(*listening)
        assert len({tuple(ids) for ids in heard}) == 1
        assert len(heard[0]) == 4

    run(scenario())
    assert len(looks.at) < 20


def test_an_event_of_a_unit_wakes_the_jobs_that_need_it_and_no_other(store, submit):
    job_id, other, looks = submit(1), submit(2), Looks()
    with store.read() as session:
        ((_, unit),) = units.job_units(session, job_id, limit=1)

    async def scenario() -> None:
        feed = Feed(store, looks)
        with feed.following(other):
            idle = asyncio.create_task(feed.changed(other, 1))  # the first poll makes it 1
            heard = asyncio.create_task(listen(feed, job_id, "late"))
            while len(looks.at) < 2:
                await asyncio.sleep(0.05)
            await asyncio.to_thread(say, store, "late", unit_id=unit.id)
            await heard
            assert feed.version(other) <= 1
            idle.cancel()

    run(scenario())


def test_progress_wakes_a_job_without_an_event(store, submit):
    job_id = submit(1)
    with store.write() as session:
        lease = units.claim(session, jobs.QUEUE, "w1", 60)

    def advance() -> None:
        with store.write() as session:
            units.beat(session, lease, 60, progress=0.5, progress_text="Half way.")

    async def scenario() -> None:
        feed = Feed(store, Looks())
        with feed.following(job_id):
            await feed.changed(job_id, 0)
            version = feed.version(job_id)
            await asyncio.to_thread(advance)
            await feed.changed(job_id, version)

    run(scenario())


def test_when_nobody_listens_nothing_is_polled(store, submit):
    job_id = submit(1)

    async def scenario() -> None:
        feed, idle = Feed(store, Looks()), len(asyncio.all_tasks())
        with feed.following(job_id), feed.following(job_id):
            assert len(asyncio.all_tasks()) == idle + 1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == idle

    run(scenario())
