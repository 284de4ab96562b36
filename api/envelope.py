"""What every request and answer has, whatever is inside: an id, security headers, limits, a log line."""

import re
import time

import structlog
from fastapi import FastAPI, Request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid6 import uuid7

from api.metrics import Metrics
from api.problems import problem_response
from core.settings import Settings

log = structlog.get_logger()

MAX_BODY_BYTES = 1_000_000
ID_HEADER = "X-Request-ID"
GIVEN_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Service(FastAPI):
    """The application inside its envelope, which is around even the handler of last resort."""

    def build_middleware_stack(self) -> ASGIApp:
        """The envelope around everything else."""
        return Envelope(super().build_middleware_stack(), self.state.settings, self.state.metrics)


class Envelope:
    """An ASGI layer. Limits hold for each address that requests come from, in each process of the API."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        self._policies = {
            "read": RateLimitItemPerMinute(settings.reads_per_minute),
            "write": RateLimitItemPerMinute(settings.writes_per_minute),
        }
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get(ID_HEADER, "")
        request_id = given if GIVEN_ID.fullmatch(given) else f"req_{uuid7()}"
        request.state.request_id = request_id
        headers = {ID_HEADER: request_id, **SECURITY}
        started, received = time.perf_counter(), 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413, f"a body has at most {MAX_BODY_BYTES} bytes")
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in headers.items():
                    sent.setdefault(name, value)  # a route may know better, as for what other sites show
                status, seconds = message["status"], time.perf_counter() - started
                self._metrics.observe(scope, status, seconds)
                if request.url.path.startswith("/api/"):
                    said = {"method": request.method, "path": request.url.path, "status": status}
                    log.info("request", **said, seconds=round(seconds, 4))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            app = self._app
            if request.url.path.startswith("/api/"):
                limits, wait = self._count(request)
                headers |= limits
                if wait is not None:
                    detail = (
                        f"No more than {limits['RateLimit-Policy']} requests (q in w seconds); wait {wait} s."
                    )
                    app = problem_response(
                        request, "rate_limited", detail, headers={"Retry-After": str(wait)}
                    )
            await app(scope, receive_limited, send_with_headers)

    def _count(self, request: Request) -> tuple[dict[str, str], int | None]:
        """Count the request: the headers that tell its limit, and the seconds to wait if it is too many."""
        name = "read" if request.method in SAFE_METHODS else "write"
        policy: RateLimitItem = self._policies[name]
        client = request.client.host if request.client else ""
        is_allowed = self._limiter.hit(policy, name, client)
        stats = self._limiter.get_window_stats(policy, name, client)
        seconds = max(round(stats.reset_time - time.time()), 1)
        headers = {
            "RateLimit-Policy": f'"{name}";q={policy.amount};w={policy.get_expiry()}',
            "RateLimit": f'"{name}";r={stats.remaining};t={seconds}',
        }
        return headers, None if is_allowed else seconds
