"""Is the process alive, and can the service do its work?"""

from fastapi import APIRouter

from api.dependencies import StoreDep
from api.problems import DECLARED
from api.schemas import HealthAnswer

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="getHealth")
def get_health() -> HealthAnswer:
    """The process answers."""
    return HealthAnswer()


@router.get("/readyz", operation_id="getReadiness", responses={503: DECLARED[503]})
def get_readiness(store: StoreDep) -> HealthAnswer:
    """The database is there, at the revision that this version needs. The broker may be away: submitting
    works.
    """
    store.require_current()
    return HealthAnswer()
