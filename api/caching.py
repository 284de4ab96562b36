"""Answers that say when they have not changed, and answers that are kept until they have."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Any

from fastapi import Header, Response

IfNoneMatch = Annotated[
    str | None, Header(description="`ETag` of what the caller has; 304 if it still holds.")
]
YEAR_SECONDS = 31_536_000
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}


MAX_KEPT = 256  # boards of a few hundred kilobytes at most


@dataclass(frozen=True)
class Content:
    """The body of an answer, and its strong ETag."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes) -> "Content":
        """The content with the tag that its bytes have."""
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class KeptAnswers:
    """The answers that were asked for last. A key holds the versions of all that its answer is made from, so
    none is ever out of date, in any process.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Content] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> Content:
        """The answer that is kept under the key, or a new one."""
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
        content = Content.of(make())
        with self._lock:
            self._kept[key] = content
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return content


def cached(
    content: bytes | Content,
    if_none_match: str | None,
    *,
    media_type: str = "application/json",
    is_public: bool,
    is_immutable: bool = False,
) -> Response:
    """The content with its strong ETag, or 304 where the caller has it; to be asked for anew every time,
    unless it never changes.
    """
    found = content if isinstance(content, Content) else Content.of(content)
    age = f"max-age={YEAR_SECONDS}, immutable" if is_immutable else "max-age=0, must-revalidate"
    headers = {
        "ETag": found.etag,
        "Cache-Control": f"{'public' if is_public else 'private'}, {age}",
        "Vary": "Authorization",
    }
    known = [given.strip().removeprefix("W/") for given in (if_none_match or "").split(",")]
    if found.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=media_type, headers=headers)
