"""The API: `create_app` puts the routes, the problems and the store together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.gzip import GZipMiddleware

from api import problems
from api.caching import COMPRESS_FROM_BYTES, COMPRESS_LEVEL, KeptAnswers
from api.envelope import Service
from api.estimates import Estimator
from api.examples import add_examples
from api.feed import Feed
from api.metrics import Metrics
from api.own_host import OwnHost
from api.routes import (
    attacks,
    badges,
    catalog,
    docs,
    events,
    health,
    honesty,
    jobs,
    keys,
    leaderboard,
    logs,
    me,
    page,
    results,
    self_reports,
    snapshots,
    steering,
    webhooks,
    workers,
)
from api.waiting import ONLINE_BEATS
from core.settings import Settings
from core.store.session import Store

PREFIX = "/api/v1"
SCHEMAS = {  # of what FastAPI neither reads nor writes itself
    "JobSpec": jobs.JOB_SPEC_SCHEMA,
    "SelfReport": self_reports.SELF_REPORT_SCHEMA,
    "Problem": problems.PROBLEM_SCHEMA,
}
SUMMARY = "Submit unlearning benchmarks, follow them, read the leaderboard."


def create_app(settings: Settings) -> FastAPI:
    """The application on the database that the settings name.

    Raises:
        StoreNotReady: when it starts, if the database is not at the revision that this version needs.
    """
    store = Store(settings.database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        store.require_current()
        yield
        store.close()

    app = Service(
        title="Lethe",
        version=version("lethe"),
        summary=SUMMARY,
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the stock page loads its scripts from elsewhere
        redoc_url=None,
    )
    app.state.store, app.state.settings = store, settings
    app.state.metrics = Metrics(store, online_seconds=ONLINE_BEATS * settings.beat_seconds)
    app.state.feed = Feed(store, events.look)
    app.state.kept_answers, app.state.estimator = KeptAnswers(), Estimator(store, settings.data)
    app.add_middleware(OwnHost, settings=settings, store=store)
    # Fonts, pictures and streams are left out, and what is compressed already.
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES, compresslevel=COMPRESS_LEVEL)
    problems.install(app)
    _add_routes(app)
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, with no database behind it."""
    app = FastAPI(title="Lethe", version=version("lethe"), summary=SUMMARY)
    _add_routes(app)
    return app.openapi()


def _add_routes(app: FastAPI) -> None:
    versioned = APIRouter(prefix=PREFIX)
    for module in (
        steering,
        jobs,
        events,
        logs,
        results,
        leaderboard,
        honesty,
        snapshots,
        self_reports,
        attacks,
        badges,
        catalog,
        workers,
        keys,
        me,
        webhooks,
    ):
        versioned.include_router(module.router)
    app.include_router(versioned)
    app.include_router(health.router)
    app.include_router(docs.router)
    app.include_router(page.router)  # last: it answers every path that is left

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            for name, found in SCHEMAS.items():
                body = dict(found)
                schema["components"]["schemas"] |= body.pop("$defs") | {name: body}
            problems.declare_everywhere(schema, PREFIX, read_raw=SCHEMAS)
            add_examples(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
