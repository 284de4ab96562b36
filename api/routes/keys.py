"""The keys of this service, for its administrators; they are made with `lethe keys`."""

from fastapi import APIRouter
from sqlalchemy.orm import Session

from api.access import AdminDep
from api.dependencies import StoreDep
from api.key_schemas import AllowanceAnswer, KeyAnswer, KeyChange, KeysAnswer
from api.problems import DECLARED
from core.store import keys, ledger
from core.store.keys import KeyRecord

router = APIRouter(prefix="/keys", tags=["keys"], responses={401: DECLARED[401], 403: DECLARED[403]})


@router.get("", operation_id="listKeys")
def list_keys(store: StoreDep, _caller: AdminDep) -> KeysAnswer:
    """All keys that ever were, without their secrets, and what each has used."""
    with store.read() as session:
        return KeysAnswer(items=[_answer(session, key) for key in keys.list_keys(session)])


@router.patch("/{key_id}", operation_id="changeKey", responses={404: DECLARED[404], 422: DECLARED[422]})
def change_key(key_id: str, wanted: KeyChange, store: StoreDep, _caller: AdminDep) -> KeyAnswer:
    """Grant a key more device-seconds, or fewer; jobs that are under way go on."""
    with store.write() as session:
        return _answer(session, keys.grant(session, key_id, wanted.device_seconds))


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
