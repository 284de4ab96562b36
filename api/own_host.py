"""A service that is its user's own answers only to names of its user's machine.

A page of another site may have its name lead to 127.0.0.1 once it is loaded (DNS rebinding): its browser then
takes the service for that site, and only the `Host` header still says whose page asks.
"""

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem_response
from core.settings import Settings
from core.store.keys import has_keys, is_loopback
from core.store.session import Store


class OwnHost:
    """An ASGI layer. With a key, or on an address that others reach, any name will do: keys decide there."""

    def __init__(self, app: ASGIApp, settings: Settings, store: Store) -> None:
        self._app, self._store = app, store
        self._is_on_loopback = is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        app = self._app
        if scope["type"] == "http" and self._is_on_loopback:
            request = Request(scope)
            name = request.url.hostname or ""
            if not is_loopback(name) and not await run_in_threadpool(self._has_keys):
                detail = f"This service has no key, so it answers to localhost and 127.0.0.1, not to {name}."
                app = problem_response(request, "host_refused", detail)
        await app(scope, receive, send)

    def _has_keys(self) -> bool:
        with self._store.read() as session:
            return has_keys(session)
