"""Attacks on single samples: what they found of the methods beside a setting."""

from fastapi import APIRouter, Response

from api.access import CallerDep
from api.attack_answers import AttacksAnswer, attack_answer
from api.caching import NOT_MODIFIED, IfNoneMatch, cached
from api.dependencies import StoreDep
from api.problems import DECLARED
from core.errors import NotFound
from core.store import attacks
from core.store.places import placed

router = APIRouter(prefix="/attacks", tags=["attacks"], responses={401: DECLARED[401], 422: DECLARED[422]})


@router.get("/{setting_id}", operation_id="listAttacks", response_model=AttacksAnswer, responses=NOT_MODIFIED)
def list_attacks(
    setting_id: str, store: StoreDep, caller: CallerDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The attacks on all methods and references beside a setting, newest first; none is an empty list."""
    with store.read() as session:
        rows = placed(session, attacks.attacks_beside(session, setting_id, viewer=caller.viewer))
    answer = AttacksAnswer(items=[attack_answer(row) for row in rows])
    return cached(answer.model_dump_json().encode(), if_none_match, is_public=False)


@router.get(
    "/{setting_id}/{unlearner}",
    operation_id="getAttacks",
    response_model=AttacksAnswer,
    responses={**NOT_MODIFIED, 404: DECLARED[404]},
)
def get_attacks(
    setting_id: str, unlearner: str, store: StoreDep, caller: CallerDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The attacks on an unlearner, or on `original` or `retrained`, newest first: figures, curves, and the
    accuracy on each sample.
    """
    with store.read() as session:
        rows = placed(session, attacks.attacks_on(session, setting_id, unlearner, viewer=caller.viewer))
        samples = attacks.attacked_samples(session, [row["unit_id"] for row in rows])
    if not rows:
        raise NotFound("attack", f"{setting_id}/{unlearner}")
    answer = AttacksAnswer(items=[attack_answer(row, samples.get(row["unit_id"])) for row in rows])
    return cached(answer.model_dump_json().encode(), if_none_match, is_public=False)
