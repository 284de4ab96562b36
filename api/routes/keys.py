"""The keys of this service, for its administrators; they are made with `lethe keys`."""

from fastapi import APIRouter

from api.access import AdminDep
from api.dependencies import StoreDep
from api.problems import DECLARED
from api.schemas import KeyAnswer, KeysAnswer
from core.store import keys

router = APIRouter(prefix="/keys", tags=["keys"], responses={401: DECLARED[401], 403: DECLARED[403]})


@router.get("", operation_id="listKeys")
def list_keys(store: StoreDep, _caller: AdminDep) -> KeysAnswer:
    """All keys that ever were, without their secrets."""
    with store.read() as session:
        found = keys.list_keys(session)
    return KeysAnswer(
        items=[
            KeyAnswer(
                id=key.id,
                name=key.name,
                owner=key.owner,
                scopes=sorted(key.scopes),
                created_at=key.created_at,
                expires_at=key.expires_at,
                last_used_at=key.last_used_at,
                revoked_at=key.revoked_at,
            )
            for key in found
        ]
    )
