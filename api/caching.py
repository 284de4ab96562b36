"""Answers that say when they have not changed."""

import hashlib
from typing import Annotated, Any

from fastapi import Header, Response

IfNoneMatch = Annotated[
    str | None, Header(description="`ETag` of what the caller has; 304 if it still holds.")
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}


def cached(
    content: bytes, if_none_match: str | None, *, media_type: str = "application/json", is_public: bool
) -> Response:
    """The content with its strong ETag, or 304 where the caller has it; to be asked for anew every time."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": f"{'public' if is_public else 'private'}, max-age=0, must-revalidate",
        "Vary": "Authorization",
    }
    known = [given.strip().removeprefix("W/") for given in (if_none_match or "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
