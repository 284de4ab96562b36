"""The keys of this service, for its administrators; `lethe keys` does the same where the service runs."""

import structlog
from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from api.access import AdminDep
from api.dependencies import StoreDep
from api.key_schemas import (
    AllowanceAnswer,
    KeyAnswer,
    KeyChange,
    KeyRequest,
    KeysAnswer,
    NewKeyAnswer,
    RevokedKeyAnswer,
    RotationRequest,
)
from api.problems import DECLARED
from core.errors import KeyRefused
from core.store import keys, ledger
from core.store.keys import KeyRecord

log = structlog.get_logger()

router = APIRouter(prefix="/keys", tags=["keys"], responses={401: DECLARED[401], 403: DECLARED[403]})


@router.get("", operation_id="listKeys")
def list_keys(store: StoreDep, _caller: AdminDep) -> KeysAnswer:
    """All keys that ever were, without their secrets, and what each has used."""
    with store.read() as session:
        return KeysAnswer(items=[_answer(session, key) for key in keys.list_keys(session)])


@router.post(
    "", status_code=201, operation_id="createKey", responses={409: DECLARED[409], 422: DECLARED[422]}
)
def create_key(wanted: KeyRequest, response: Response, store: StoreDep, caller: AdminDep) -> NewKeyAnswer:
    """Make a key; its text is in this answer only. A service's first key is an administrator's: from then on
    only keys change things.
    """
    with store.write() as session:
        if caller.key_id is None and keys.has_keys(session):  # somebody else made the first one meanwhile
            raise KeyRefused("This service has keys by now: send `Authorization: Bearer lethe_…`.")
        text = keys.create_key(
            session,
            name=wanted.name,
            owner=wanted.owner or wanted.name,
            scope=wanted.scope,
            days=wanted.days,
            device_seconds=wanted.device_seconds,
        )
        keys.require_administrator(session)
        made = _shown_once(session, text, response)
    log.info("key_created", key=made.id, owner=made.owner, by=caller.owner)
    return made


@router.post(
    "/{key_id}/rotate",
    status_code=201,
    operation_id="rotateKey",
    responses={404: DECLARED[404], 409: DECLARED[409], 422: DECLARED[422]},
)
def rotate_key(
    key_id: str, wanted: RotationRequest, response: Response, store: StoreDep, caller: AdminDep
) -> NewKeyAnswer:
    """Make a key in place of another, with what that has left of its allowance; its text is in this answer
    only. The old one ends after the overlap, and is not replaced again.
    """
    with store.write() as session:
        text = keys.rotate_key(session, key_id, overlap_seconds=wanted.overlap_hours * 3600)
        made = _shown_once(session, text, response)
    log.info("key_rotated", key=key_id, to=made.id, by=caller.owner)
    return made


@router.delete(
    "/{key_id}",
    operation_id="revokeKey",
    responses={404: DECLARED[404], 409: DECLARED[409], 422: DECLARED[422]},
)
def revoke_key(key_id: str, store: StoreDep, caller: AdminDep) -> RevokedKeyAnswer:
    """End a key now; it stays in the list. The last administrator's key cannot be ended here."""
    with store.write() as session:
        webhooks = keys.revoke_key(session, key_id)
        keys.require_administrator(session)
        key = _answer(session, keys.get_key(session, key_id))
    log.info("key_revoked", key=key_id, by=caller.owner)
    return RevokedKeyAnswer(**key.model_dump(), webhooks_deleted=webhooks)


@router.patch("/{key_id}", operation_id="changeKey", responses={404: DECLARED[404], 422: DECLARED[422]})
def change_key(key_id: str, wanted: KeyChange, store: StoreDep, _caller: AdminDep) -> KeyAnswer:
    """Grant a key more device-seconds, or fewer; jobs that are under way go on."""
    with store.write() as session:
        return _answer(session, keys.grant(session, key_id, wanted.device_seconds))


def _shown_once(session: Session, text: str, response: Response) -> NewKeyAnswer:
    response.headers["Cache-Control"] = "no-store"
    return NewKeyAnswer(**_answer(session, keys.authenticate(session, text)).model_dump(), key=text)


def _answer(session: Session, key: KeyRecord) -> KeyAnswer:
    return KeyAnswer(
        id=key.id,
        name=key.name,
        owner=key.owner,
        scopes=sorted(key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
        allowance=AllowanceAnswer.model_validate(ledger.allowance(session, key.id)),
    )
