"""News of followed jobs: one poller in a process, one look for all listeners who lack the same."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import DBAPIError

from core.store import events, units
from core.store.session import Store

log = structlog.get_logger()

T = TypeVar("T")
POLL_SECONDS = 0.25


class Feed(Generic[T]):
    """Tells listeners when to look at their job again, and looks for them. Belongs to one event loop.

    Args:
        store: what is polled, while anybody listens.
        look: what there is of a job behind an event; called in a thread.
    """

    def __init__(self, store: Store, look: Callable[[Store, str, int], T]) -> None:
        self._store, self._look = store, look
        self._followers: Counter[str] = Counter()
        self._versions: dict[str, int] = {}
        self._looks: dict[str, dict[int, asyncio.Task[T]]] = {}
        self._progress: dict[str, list[tuple[str, float | None, str | None]]] = {}
        self._news = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None

    @contextmanager
    def following(self, job_id: str) -> Iterator[None]:
        """Listen to a job; the poller runs while somebody does."""
        self._followers[job_id] += 1
        self._versions.setdefault(job_id, 0)
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            self._followers[job_id] -= 1
            if not self._followers[job_id]:
                for known in (self._followers, self._versions, self._looks, self._progress):
                    known.pop(job_id, None)
            if not self._followers and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    def version(self, job_id: str) -> int:
        """Grows with every change of a followed job; to be read before looking."""
        return self._versions[job_id]

    async def look(self, job_id: str, after: int) -> T:
        """What there is of the job behind an event; shared by all who ask before the job changes again."""
        looks = self._looks.setdefault(job_id, {})
        if after not in looks:
            looks[after] = asyncio.create_task(run_in_threadpool(self._look, self._store, job_id, after))
        try:
            return await asyncio.shield(looks[after])  # who hangs up must not take it from the others
        except DBAPIError:
            looks.pop(after, None)
            raise

    async def changed(self, job_id: str, version: int) -> None:
        """Wait until the job is no longer at this version."""
        while self._versions[job_id] == version:
            await self._news.wait()

    async def _poll(self) -> None:
        last: int | None = None
        while True:
            try:
                last, touched, progress = await run_in_threadpool(self._read, last)
            except DBAPIError as error:  # a restarting database; what was missed is told after it
                log.warning("database_unreachable", error=str(error.orig))
                touched, progress = set(), self._progress
            moved = {job for job in self._followers if progress.get(job) != self._progress.get(job)}
            self._progress = progress
            self._wake((touched | moved) & self._followers.keys())
            await asyncio.sleep(POLL_SECONDS)

    def _wake(self, job_ids: set[str]) -> None:
        if not job_ids:
            return
        for job_id in job_ids:
            self._versions[job_id] += 1
            self._looks.pop(job_id, None)
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _read(
        self, last: int | None
    ) -> tuple[int, set[str], dict[str, list[tuple[str, float | None, str | None]]]]:
        """The newest event, the jobs that those since `last` are about, and what runs for whom; without
        `last`, every followed job may have changed.
        """
        followed = list(self._followers)
        with self._store.read() as session:
            newest = events.last_event_id(session)
            touched = (
                set(followed) if last is None else events.touched_jobs(session, after=last, until=newest)
            )
            return newest, touched, units.progress_by_job(session, followed)
