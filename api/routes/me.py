"""Who the caller is to this service, and what their key may still use."""

from fastapi import APIRouter

from api.access import KnownDep
from api.dependencies import LimitDep, StoreDep
from api.key_schemas import AllowanceAnswer, LedgerEntryAnswer, MeAnswer
from api.problems import DECLARED
from core.store import ledger

router = APIRouter(tags=["keys"], responses={status: DECLARED[status] for status in (401, 422)})


@router.get("/me", operation_id="getMe")
def get_me(store: StoreDep, caller: KnownDep, limit: LimitDep = 100) -> MeAnswer:
    """The caller's owner and scopes; with a key, its allowance and its newest attempts at units."""
    if caller.key_id is None:
        return MeAnswer(
            owner=str(caller.owner), scopes=sorted(caller.scopes), key_id=None, allowance=None, ledger=[]
        )
    with store.read() as session:
        found = ledger.allowance(session, caller.key_id)
        entries = ledger.entries(session, caller.key_id, limit=limit)
    return MeAnswer(
        owner=str(caller.owner),
        scopes=sorted(caller.scopes),
        key_id=caller.key_id,
        allowance=AllowanceAnswer.model_validate(found),
        ledger=[LedgerEntryAnswer.model_validate(entry) for entry in entries],
    )
