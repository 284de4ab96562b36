"""Answers that say when they have not changed, and answers that are kept until they have."""

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Annotated, Any

from fastapi import Header, Response
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

IfNoneMatch = Annotated[
    str | None, Header(description="`ETag` of what the caller has; 304 if it still holds.")
]
YEAR_SECONDS = 31_536_000
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}
MAX_KEPT = 256  # boards of a few hundred kilobytes at most
COMPRESS_LEVEL, COMPRESS_FROM_BYTES = 6, 500


@dataclass(frozen=True)
class Content:
    """The body of an answer and its ETag, which is weak: it is one for the plain body and the compressed one.

    Args:
        body: what the tag is made of.
        compressed: the body as gzip, or None where only the middleware may compress it.
    """

    body: bytes
    compressed: bytes | None = None

    @cached_property
    def etag(self) -> str:
        """`W/"…"`, from the bytes of the body."""
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:32]}"'


class ContentResponse(Response):
    """An answer that sends its content's compressed bytes, if it has them, to whoever takes them."""

    def __init__(self, content: Content, *, media_type: str, headers: dict[str, str]) -> None:
        super().__init__(content.body, media_type=media_type, headers=headers)
        self._compressed = content.compressed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if self._compressed is not None and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            self.body = self._compressed
            self.headers["Content-Encoding"] = "gzip"
            self.headers["Content-Length"] = str(len(self.body))
            self.headers.add_vary_header("Accept-Encoding")
        await super().__call__(scope, receive, send)


class KeptAnswers:
    """The answers that were asked for last. A key holds the versions of all that its answer is made from, so
    none is ever out of date, in any process.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Future[Content]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> Content:
        """The answer that is kept under the key, or a new one; whoever asks while it is being made waits for
        it, so that many who ask at once for a board that has changed cost no more than one.
        """
        with self._lock:
            is_new = key not in self._kept
            found = self._kept.setdefault(key, Future())
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        if is_new:
            try:
                found.set_result(_compressed(make()))
            except BaseException as error:
                with self._lock:
                    self._kept.pop(key, None)
                found.set_exception(error)
                raise
        return found.result()


def cached(
    content: bytes | Content,
    if_none_match: str | None,
    *,
    media_type: str = "application/json",
    is_public: bool,
    is_immutable: bool = False,
) -> Response:
    """The content with its ETag, or 304 where the caller has it; to be asked for anew every time,
    unless it never changes.
    """
    found = content if isinstance(content, Content) else Content(content)
    age = f"max-age={YEAR_SECONDS}, immutable" if is_immutable else "max-age=0, must-revalidate"
    headers = {
        "ETag": found.etag,
        "Cache-Control": f"{'public' if is_public else 'private'}, {age}",
        "Vary": "Authorization",
    }
    known = [given.strip().removeprefix("W/") for given in (if_none_match or "").split(",")]
    if found.etag.removeprefix("W/") in known or "*" in known:
        # What has a body gets the second word from whoever compresses it, or could have.
        return Response(status_code=304, headers=headers | {"Vary": "Authorization, Accept-Encoding"})
    return ContentResponse(found, media_type=media_type, headers=headers)


def _compressed(body: bytes) -> Content:
    """The content with its gzip, which takes longer than all else that a kept answer costs, so it is made
    once; of a small one there is none.
    """
    if len(body) < COMPRESS_FROM_BYTES:
        return Content(body)
    return Content(body, gzip.compress(body, COMPRESS_LEVEL, mtime=0))
