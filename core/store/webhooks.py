"""Webhooks in the store: where an owner wants to be told of their jobs, and of which changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.errors import Conflict, NotFound
from core.signature import new_secret
from core.store.session import changed, database_now
from core.store.states import JobState
from core.store.tables import DeliveryRow, WebhookRow
from core.store.viewers import Viewer

MAX_PER_OWNER = 10


class HookEvent(StrEnum):
    """What a webhook can be told: that a job is now in a state."""

    QUEUED = "job.queued"
    RUNNING = "job.running"
    CANCELLING = "job.cancelling"
    SUCCEEDED = "job.succeeded"
    PARTIALLY_SUCCEEDED = "job.partially_succeeded"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"


assert [event.value for event in HookEvent] == [f"job.{state}" for state in JobState]


@dataclass(frozen=True)
class WebhookRecord:
    """A webhook as people see it: never its secret."""

    id: str
    owner: str
    url: str
    events: list[str]
    created_at: datetime


def create_webhook(
    session: Session, *, owner: str, url: str, events: Sequence[HookEvent]
) -> tuple[WebhookRecord, str]:
    """A webhook for the jobs of an owner, and its secret, which is not shown again.

    Raises:
        Conflict: the owner has as many as one may have.
    """
    if (session.scalar(select(func.count()).where(WebhookRow.owner == owner)) or 0) >= MAX_PER_OWNER:
        raise Conflict(f"{owner} has {MAX_PER_OWNER} webhooks, and there may be no more; delete one first.")
    row = WebhookRow(
        id=f"hook_{uuid7()}",
        owner=owner,
        url=url,
        events=list(dict.fromkeys(events)),
        secret=new_secret(),
        created_at=session.execute(select(database_now())).scalar_one(),
    )
    session.add(row)
    session.flush()
    return _record(row), row.secret


def list_webhooks(session: Session, viewer: Viewer) -> list[WebhookRecord]:
    """The viewer's webhooks, or everybody's for administrators, oldest first."""
    query = select(WebhookRow).order_by(WebhookRow.id)
    if not viewer.sees_all:
        query = query.where(WebhookRow.owner == viewer.owner)
    return [_record(row) for row in session.scalars(query)]


def get_webhook(session: Session, webhook_id: str, viewer: Viewer) -> WebhookRecord:
    """One webhook.

    Raises:
        NotFound: nothing of the viewer's has this id.
    """
    row = session.get(WebhookRow, webhook_id)
    if row is None or not (viewer.sees_all or row.owner == viewer.owner):
        raise NotFound("webhook", webhook_id)
    return _record(row)


def delete_webhook(session: Session, webhook_id: str) -> None:
    """Forget a webhook and its messages, also those that were not delivered yet."""
    changed(session, delete(DeliveryRow).where(DeliveryRow.webhook_id == webhook_id))
    changed(session, delete(WebhookRow).where(WebhookRow.id == webhook_id))


def _record(row: WebhookRow) -> WebhookRecord:
    return WebhookRecord(row.id, row.owner, row.url, list(row.events), row.created_at)
