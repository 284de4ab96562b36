"""API keys: `lethe_<id>_<secret>`. The store keeps only the secret's SHA-256, so a copy of it opens nothing.

A plain hash is enough: the secret is 32 random bytes, which nobody can try out.
"""

import hashlib
import hmac
import ipaddress
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from core.errors import Conflict, DeploymentInvalid, KeyRefused, NotFound
from core.store.ledger import allowance
from core.store.session import Store, changed, database_now
from core.store.tables import ApiKeyRow
from core.store.viewers import Viewer
from core.store.webhooks import delete_webhook, list_webhooks

PATTERN = re.compile(r"lethe_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
USE_NOTED_EVERY_SECONDS = 60.0
ANY = select(ApiKeyRow.id).limit(1)


class Scope(StrEnum):
    """What a key may do; each includes those before it."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"


@dataclass(frozen=True)
class KeyRecord:
    """A key as people see it: never its secret."""

    id: str
    name: str
    owner: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    device_seconds: float | None


def create_key(
    session: Session,
    *,
    name: str,
    owner: str,
    scope: Scope,
    days: float | None,
    device_seconds: float | None = None,
) -> str:
    """Make a key that may do what the scope includes, for so many days, or for good, and use so many
    device-seconds, or any number; its text, which cannot be had again.
    """
    return _add(
        session,
        name=name,
        owner=owner,
        scopes=_included(scope),
        lifetime=days and days * 86400,
        device_seconds=device_seconds,
    )


def grant(session: Session, key_id: str, device_seconds: float | None) -> KeyRecord:
    """Let a key use so many device-seconds in all, or any number; the key as it is then.

    Raises:
        NotFound: nothing has this id.
    """
    row = _row(session, key_id)
    row.device_seconds = device_seconds
    session.flush()
    return _record(row)


def get_key(session: Session, key_id: str) -> KeyRecord:
    """One key.

    Raises:
        NotFound: nothing has this id.
    """
    return _record(_row(session, key_id))


def list_keys(session: Session) -> list[KeyRecord]:
    """All keys that ever were, oldest first."""
    return [
        _record(row)
        for row in session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at, ApiKeyRow.id))
    ]


def revoke_key(session: Session, key_id: str) -> int:
    """End a key now; how many webhooks went with it. Those of an owner go with the last key that holds: who
    may no longer ask is not told either.

    Raises:
        NotFound: nothing has this id.
        Conflict: it was revoked before.
    """
    row = _row(session, key_id)
    if row.revoked_at is not None:
        raise Conflict(f"The key {key_id} was revoked before.")
    changed(session, update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(revoked_at=database_now()))
    session.expire(row)
    now = _now(session)
    if not all(_has_ended(key, now) for key in session.scalars(_keys_of(row.owner))):
        return 0
    hooks = list_webhooks(session, Viewer(row.owner))
    for hook in hooks:
        delete_webhook(session, hook.id)
    return len(hooks)


def rotate_key(session: Session, key_id: str, *, overlap_seconds: float) -> str:
    """A new key in place of this one, with what it has left; this one ends after the overlap, and keeps what
    its open jobs are estimated to take. The text.

    Raises:
        NotFound: nothing has this id.
        Conflict: it was replaced before, or has ended.
    """
    row, now = _row(session, key_id), _now(session)
    if row.replaced_by is not None:  # and so its days were cut to the overlap: it has none to pass on
        raise Conflict(
            f"The key {key_id} was replaced by {row.replaced_by} before: rotate that one; revoke {key_id} to "
            "end it before its overlap does."
        )
    if _has_ended(row, now):
        raise Conflict(f"The key {key_id} has ended; make a new one with `lethe keys create`.")
    lifetime = (row.expires_at - row.created_at).total_seconds() if row.expires_at else None
    left = allowance(session, key_id).left
    if left is not None and row.device_seconds is not None:
        left = max(left, 0.0)
        row.device_seconds -= left
    text = _add(
        session,
        name=row.name,
        owner=row.owner,
        scopes=list(row.scopes),
        lifetime=lifetime,
        device_seconds=left,
    )
    ends = now.timestamp() + overlap_seconds
    row.expires_at = datetime.fromtimestamp(
        min(ends, row.expires_at.timestamp()) if row.expires_at else ends, now.tzinfo
    )
    row.replaced_by = authenticate(session, text).id
    return text


def require_administrator(session: Session) -> None:
    """Check that an administrator's key holds beyond any overlap, as after a change of keys over the API: who
    has shut themselves out there could not undo it there.

    Raises:
        Conflict: none does.
    """
    now = _now(session)
    held = (row for row in session.scalars(select(ApiKeyRow)) if not _has_ended(row, now))
    if not any(Scope.ADMIN in row.scopes and row.replaced_by is None for row in held):
        raise Conflict(
            "Then no key with the scope admin would hold, but for any in its overlap, and nobody could make "
            "keys or drain workers over the API. Make one first; or run `lethe keys` where the service runs, "
            "which needs no key."
        )


def authenticate(session: Session, text: str) -> KeyRecord:
    """The key that a request sent.

    Raises:
        KeyRefused: it is none of ours, has expired or was revoked.
    """
    found = PATTERN.fullmatch(text)
    row = session.get(ApiKeyRow, found[1]) if found else None
    if row is None or found is None or not hmac.compare_digest(row.secret_sha256, _digest(found[2])):
        raise KeyRefused("This key is not one of this service's.")
    if _has_ended(row, _now(session)):
        raise KeyRefused(f"The key {row.id} ({row.name}) has expired or was revoked; ask for a new one.")
    return _record(row)


def note_use(session: Session, key_id: str) -> None:
    """Remember that the key was used now."""
    changed(session, update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(last_used_at=database_now()))


def is_use_due(session: Session, key: KeyRecord) -> bool:
    """Whether the key's last use is long enough ago to be written again: not every request writes."""
    if key.last_used_at is None:
        return True
    return (_now(session) - key.last_used_at).total_seconds() > USE_NOTED_EVERY_SECONDS


def has_keys(session: Session) -> bool:
    """Whether there was ever a key. From the first one on, only keys may change things."""
    return session.scalar(ANY) is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_key_beyond_loopback(store: Store, host: str) -> None:
    """Check that not everyone on the network may do everything.

    Raises:
        DeploymentInvalid: the address is reachable from elsewhere, and there is no key.
    """
    if is_loopback(host):
        return
    with store.read() as session:
        if not has_keys(session):
            raise DeploymentInvalid(
                f"Will not listen on {host}: without a key, everyone who reaches this machine could submit "
                "and cancel jobs. Run `lethe keys create NAME --scope admin` first, or set "
                "LETHE_HOST=127.0.0.1."
            )


def _add(
    session: Session,
    *,
    name: str,
    owner: str,
    scopes: list[str],
    lifetime: float | None,
    device_seconds: float | None,
) -> str:
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    now = _now(session)
    expires = None if lifetime is None else datetime.fromtimestamp(now.timestamp() + lifetime, now.tzinfo)
    session.add(
        ApiKeyRow(
            id=key_id,
            name=name,
            owner=owner,
            secret_sha256=_digest(secret),
            scopes=scopes,
            created_at=now,
            expires_at=expires,
            device_seconds=device_seconds,
        )
    )
    session.flush()
    return f"lethe_{key_id}_{secret}"


def _keys_of(owner: str) -> Select[ApiKeyRow]:
    return select(ApiKeyRow).where(ApiKeyRow.owner == owner)


def _included(scope: Scope) -> list[str]:
    every = list(Scope)
    return [included.value for included in every[: every.index(scope) + 1]]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now(session: Session) -> datetime:
    now: datetime = session.execute(select(database_now())).scalar_one()
    return now


def _row(session: Session, key_id: str) -> ApiKeyRow:
    row = session.get(ApiKeyRow, key_id)
    if row is None:
        raise NotFound("key", key_id)
    return row


def _has_ended(row: ApiKeyRow, now: datetime) -> bool:
    return row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now)


def _record(row: ApiKeyRow) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        name=row.name,
        owner=row.owner,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        device_seconds=row.device_seconds,
    )
