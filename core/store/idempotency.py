"""Idempotency keys: a submission that is sent twice happens once (the IETF's httpapi draft).

The key is stored in the transaction that stores the job. Writers take turns, so the second of two requests at
once waits for the first and finds its key.
"""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.errors import KeyReused
from core.store.session import changed, database_now
from core.store.tables import IdempotencyKeyRow


def recall(session: Session, owner: str, key: str, fingerprint: str) -> str | None:
    """The id of the job that this request has already made, or None.

    Raises:
        KeyReused: the key came with another content.
    """
    row = session.scalars(
        select(IdempotencyKeyRow).where(
            IdempotencyKeyRow.owner == owner,
            IdempotencyKeyRow.key == key,
            IdempotencyKeyRow.expires_at > database_now(),
        )
    ).first()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise KeyReused(
            f"The Idempotency-Key {key!r} was used for another job, {row.job_id}. Send a new key with new "
            "content."
        )
    return row.job_id


def remember(
    session: Session, owner: str, key: str, fingerprint: str, job_id: str, *, seconds: float
) -> None:
    """Bind the key to the job for so many seconds; what has expired is forgotten."""
    changed(session, delete(IdempotencyKeyRow).where(IdempotencyKeyRow.expires_at <= database_now()))
    session.add(
        IdempotencyKeyRow(
            owner=owner, key=key, fingerprint=fingerprint, job_id=job_id, expires_at=database_now(seconds)
        )
    )
    session.flush()
