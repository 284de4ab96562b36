"""The evictor: keeps artifacts within their budget, and clears up behind killed writers. Any number may run
at once.

It works beside the scheduler's loop, so that no slow object store holds up a bell.
"""

import time
from collections.abc import Callable
from dataclasses import asdict

import structlog
from sqlalchemy.exc import DBAPIError

from core.artifact_files.storage import Storage, open_storage
from core.settings import Settings
from core.store.artifacts import choose_evicted, note_rewritten, record_evicted
from core.store.session import Store

log = structlog.get_logger()

CLEAR_SECONDS = 3600.0


def keep_within_budget(settings: Settings, store: Store, *, is_stopped: Callable[[], bool]) -> None:
    """Take artifacts away, as often as leases are looked at, until told to stop; outages are waited out."""
    storage, budget_bytes = open_storage(settings), settings.artifacts_budget_bytes
    next_look = next_clearing = 0.0
    while not is_stopped():
        now = time.monotonic()
        try:
            if now >= next_clearing:
                next_clearing = now + CLEAR_SECONDS
                storage.discard_leftovers()
            if budget_bytes is not None and now >= next_look:
                has_more = _evict(store, storage, budget_bytes) > 0
                next_look = 0.0 if has_more else now + settings.reap_seconds
        except DBAPIError as error:
            log.warning("database_unreachable", error=str(error.orig))
            next_look = now + settings.reap_seconds
        except OSError as error:
            log.warning("artifacts_not_removed", error=str(error))
            next_look = now + settings.reap_seconds
        time.sleep(settings.ring_seconds)


def _evict(store: Store, storage: Storage, budget_bytes: int) -> int:
    """Take away some of what is over the budget; returns how many artifacts.

    Files go before their rows say so: whoever dies in between finds the same ones again. A unit that was
    submitted meanwhile and misses one has it made again. Where a worker whose lease was over has written
    another, that is noted instead, and goes at the next look.
    """
    with store.read() as session:
        chosen = choose_evicted(session, budget_bytes)
    found = {artifact: storage.remove(artifact.unit_id, artifact.sha256) for artifact in chosen}
    gone = [artifact for artifact, other in found.items() if other is None]
    if found:
        with store.write() as session:
            record_evicted(session, gone)
            for artifact, other in found.items():
                if other is not None:
                    note_rewritten(session, artifact.unit_id, asdict(other))
    if gone:
        log.info("artifacts_evicted", count=len(gone), size_bytes=sum(one.size_bytes for one in gone))
    return len(found)
