"""The outbox of webhooks: messages are stored with what they tell of, and sent later by whoever claims them.

A message may arrive twice, where its sender was killed between the answer and the record; it then has the
same id.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session, aliased
from uuid6 import uuid7

from core.store.session import changed, database_now
from core.store.states import DeliveryState
from core.store.tables import DeliveryRow, JobRow, WebhookRow

MAX_TRIES = 5
BACKOFF_FACTOR = 6  # with 10 s: after 10 s, 1 min, 6 min and 36 min
KEPT_SECONDS = 30 * 86400.0
TEST = "webhook.test"

HOOKS_OF_OWNER = (
    select(WebhookRow.id, WebhookRow.events, JobRow.label)
    .join(JobRow, JobRow.owner == WebhookRow.owner)
    .where(JobRow.id == bindparam("job"))
    .order_by(WebhookRow.id)
)


@dataclass(frozen=True)
class Delivery:
    """A message in hand, until another fence number is given out for it."""

    id: str
    fence: int
    url: str
    secret: str
    body: str


@dataclass(frozen=True)
class Try:
    """What became of sending a message once. `status` is None where nobody answered; `error` where it
    arrived. A refusal `is_final`.
    """

    at: datetime
    seconds: float
    status: int | None
    error: str | None
    is_final: bool = False


@dataclass(frozen=True)
class DeliveryRecord:
    """A message as people see it."""

    id: str
    webhook_id: str
    job_id: str | None
    event: str
    state: DeliveryState
    body: str
    tries: list[dict[str, Any]]
    next_try_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


def announce(
    session: Session, job_id: str, *, actor: str, reason: str, text: str, data: dict[str, Any]
) -> None:
    """Put a job's change of state, which the event log tells too, into the outbox of its owner's webhooks."""
    event = f"job.{data['state']}"
    hooks = [hook for hook in session.execute(HOOKS_OF_OWNER, {"job": job_id}) if event in hook.events]
    if hooks:
        told = {"job_id": job_id, "label": hooks[0].label, "actor": actor, "reason": reason, "text": text}
        _enqueue(session, [hook.id for hook in hooks], event, {**told, **data}, job_id=job_id)


def send_test(session: Session, webhook_id: str) -> DeliveryRecord:
    """Put a message into the outbox that tells of nothing."""
    text = "This is a test; nothing has happened."
    _enqueue(session, [webhook_id], TEST, {"webhook_id": webhook_id, "text": text}, job_id=None)
    return list_deliveries(session, webhook_id, limit=1)[0]


def list_deliveries(
    session: Session, webhook_id: str, *, limit: int, before: str | None = None
) -> list[DeliveryRecord]:
    """A webhook's messages of the last thirty days, newest first; `before` is the id of the last one of the
    previous page.
    """
    query = select(DeliveryRow).where(DeliveryRow.webhook_id == webhook_id)
    if before is not None:
        query = query.where(DeliveryRow.id < before)
    return [_record(row) for row in session.scalars(query.order_by(DeliveryRow.id.desc()).limit(limit))]


def claim_deliveries(session: Session, *, limit: int, lease_seconds: float) -> list[Delivery]:
    """Take messages that are due in hand: one for each webhook, so that a slow receiver delays nobody else.

    One that another sender has in hand is left to it until its lease is over.
    """
    other = aliased(DeliveryRow)
    busy = select(other.webhook_id).where(
        other.state == DeliveryState.PENDING, other.claimed_until > database_now()
    )
    place = func.row_number().over(
        partition_by=DeliveryRow.webhook_id, order_by=(DeliveryRow.due_at, DeliveryRow.id)
    )
    due = (
        select(DeliveryRow.id, DeliveryRow.due_at, place.label("place"))
        .where(
            DeliveryRow.state == DeliveryState.PENDING,
            DeliveryRow.due_at <= database_now(),
            DeliveryRow.webhook_id.not_in(busy),
        )
        .subquery()
    )
    first = select(due.c.id).where(due.c.place == 1).order_by(due.c.due_at, due.c.id).limit(limit)
    taken = session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(session.scalars(first).all()), DeliveryRow.state == DeliveryState.PENDING)
        .values(fence=DeliveryRow.fence + 1, claimed_until=database_now(lease_seconds))
        .returning(DeliveryRow.id, DeliveryRow.fence, DeliveryRow.webhook_id, DeliveryRow.body)
        .execution_options(synchronize_session=False)
    ).all()
    return [
        Delivery(row.id, row.fence, hook.url, hook.secret, row.body)
        for row in taken
        for hook in [session.get_one(WebhookRow, row.webhook_id)]
    ]


def has_due(session: Session) -> bool:
    """Whether a message waits to be sent, for a look that takes no writer's turn."""
    waits = (DeliveryRow.state == DeliveryState.PENDING, DeliveryRow.due_at <= database_now())
    return session.scalar(select(DeliveryRow.id).where(*waits).limit(1)) is not None


def record_try(session: Session, delivery: Delivery, tried: Try, *, backoff_seconds: float) -> bool:
    """Remember a try, and when the next one is due; False, with nothing changed, where another sender has
    taken the message in hand, or its webhook was deleted.
    """
    held = (DeliveryRow.id == delivery.id, DeliveryRow.fence == delivery.fence)
    earlier = session.scalar(select(DeliveryRow.tries).where(*held))
    if earlier is None:
        return False
    at = tried.at.isoformat()
    tries = [*earlier, {"at": at, "seconds": tried.seconds, "status": tried.status, "error": tried.error}]
    values: dict[str, Any] = {"tries": tries, "claimed_until": None}
    if tried.error is None:
        values |= {"state": DeliveryState.DELIVERED, "ended_at": database_now()}
    elif tried.is_final or len(tries) == MAX_TRIES:
        values |= {"state": DeliveryState.FAILED, "ended_at": database_now()}
    else:
        values["due_at"] = database_now(backoff_seconds * BACKOFF_FACTOR ** len(earlier))
    return changed(session, update(DeliveryRow).where(*held).values(**values)) > 0


def forget_old_deliveries(session: Session) -> None:
    """Drop messages that have ended and are older than thirty days."""
    changed(
        session,
        delete(DeliveryRow).where(
            DeliveryRow.created_at < database_now(-KEPT_SECONDS), DeliveryRow.state != DeliveryState.PENDING
        ),
    )


def _enqueue(
    session: Session, webhook_ids: Sequence[str], event: str, told: dict[str, Any], *, job_id: str | None
) -> None:
    now: datetime = session.execute(select(database_now())).scalar_one()
    body = json.dumps({"type": event, "timestamp": now.astimezone(UTC).isoformat(), "data": told})
    session.add_all(
        DeliveryRow(
            id=f"msg_{uuid7()}",
            webhook_id=webhook_id,
            job_id=job_id,
            event=event,
            body=body,
            state=DeliveryState.PENDING,
            tries=[],
            due_at=now,
            created_at=now,
        )
        for webhook_id in webhook_ids
    )
    session.flush()


def _record(row: DeliveryRow) -> DeliveryRecord:
    return DeliveryRecord(
        id=row.id,
        webhook_id=row.webhook_id,
        job_id=row.job_id,
        event=row.event,
        state=DeliveryState(row.state),
        body=row.body,
        tries=list(row.tries),
        next_try_at=row.due_at if row.state == DeliveryState.PENDING else None,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
