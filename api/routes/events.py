"""A job's events as server-sent events: the log from its start, from `Last-Event-ID` or from now on."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any, TypeAlias, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session

from api.access import CallerDep
from api.answers import stage_answers, unit_answer
from api.dependencies import StoreDep
from api.feed import Feed
from api.problems import DECLARED
from core.store import events, job_states, jobs, units
from core.store.events import Event
from core.store.session import Store
from core.store.states import FINAL_JOB

router = APIRouter(prefix="/jobs", tags=["jobs"])
BATCH = 500
Look: TypeAlias = tuple[list[Event], list[dict[str, Any]], bool]


def _existing_job(job_id: str, store: StoreDep, caller: CallerDep) -> str:
    """The id of a job that exists: a stream that has begun can no longer answer 404."""
    with store.read() as session:
        jobs.job_state(session, job_id, caller.viewer)
    return job_id


async def _feed(request: Request) -> Feed[Look]:
    return cast(Feed[Look], request.app.state.feed)


@router.get(
    "/{job_id}/events",
    operation_id="followJob",
    response_class=EventSourceResponse,
    responses={401: DECLARED[401], 404: DECLARED[404], 422: DECLARED[422]},
)
async def follow_job(
    job_id: Annotated[str, Depends(_existing_job)],
    feed: Annotated[Feed[Look], Depends(_feed)],
    store: StoreDep,
    last_event_id: Annotated[
        int | None, Header(ge=0, lt=2**63, description="Resume behind this event.")
    ] = None,
    new_only: Annotated[
        bool,
        Query(
            description="Leave out what has happened before: the stream begins with a `progress` event, "
            "which also has the job's `stages` at that moment, and tells all that happens from then on."
        ),
    ] = False,
) -> AsyncIterator[ServerSentEvent]:
    """`state` and `unit` events, `progress`, and `end` when the job has ended."""
    after = last_event_id or 0
    shown: list[dict[str, Any]] = []
    if new_only and last_event_id is None:
        after, progress = await run_in_threadpool(_standing, store, job_id)
        shown = progress["units"]
        yield ServerSentEvent(event="progress", data=progress, id=str(after))
    with feed.following(job_id):
        while True:
            version = feed.version(job_id)
            found, running, is_final = await feed.look(job_id, after)
            for event in found:
                after = event.id
                yield _sent(event)
            if running != shown:
                shown = running
                yield ServerSentEvent(event="progress", data={"units": running}, id=str(after))
            if is_final and len(found) < BATCH:
                yield ServerSentEvent(event="end", data={"job_id": job_id})
                return
            if len(found) < BATCH:
                await feed.changed(job_id, version)


def _standing(store: Store, job_id: str) -> tuple[int, dict[str, Any]]:
    """Where a job stands, and the newest event of that moment."""
    with store.read() as session:
        last_event, stages = job_states.stages_as_of(session, job_id)
        running = _running(session, job_id)
    told = {kind: stage.model_dump(mode="json") for kind, stage in stage_answers(stages).items()}
    return last_event, {"units": running, "stages": told}


def look(store: Store, job_id: str, after: int) -> Look:
    """What is new. The state is read first, as a job's last event is logged before its state is final."""
    with store.read() as session:
        is_final = jobs.job_state(session, job_id) in FINAL_JOB
        found = events.job_events(session, job_id, after=after, limit=BATCH)
        running = _running(session, job_id)
    return found, running, is_final


def _running(session: Session, job_id: str) -> list[dict[str, Any]]:
    return [unit_answer(record).model_dump(mode="json") for record in units.running_units(session, job_id)]


def _sent(event: Event) -> ServerSentEvent:
    """An event of the log: `state` for the job's own, `unit` for those of its units."""
    fields = asdict(event)
    data = {**fields.pop("data"), **fields, "created_at": event.created_at.isoformat()}
    return ServerSentEvent(event="state" if event.job_id else "unit", data=data, id=str(event.id))
