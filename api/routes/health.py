"""Is the process alive, can the service do its work, and how is it doing?"""

from typing import cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.access import KnownDep
from api.dependencies import SettingsDep, StoreDep
from api.metrics import Metrics
from api.problems import DECLARED
from api.schemas import HealthAnswer
from core.artifact_files.storage import open_storage

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="getHealth")
def get_health() -> HealthAnswer:
    """The process answers."""
    return HealthAnswer()


@router.get("/readyz", operation_id="getReadiness", responses={503: DECLARED[503]})
def get_readiness(store: StoreDep, settings: SettingsDep) -> HealthAnswer:
    """The database is there, at the revision that this version needs, and artifacts can be written.

    The broker may be away: submitting works.
    """
    store.require_current()
    open_storage(settings).require_writable()
    return HealthAnswer()


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        401: DECLARED[401],
    },
)
def get_metrics(request: Request, _caller: KnownDep) -> Response:
    """Figures in Prometheus' text format; from the first key on, for callers with a key."""
    metrics = cast(Metrics, request.app.state.metrics)
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
