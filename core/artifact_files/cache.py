"""A folder on this machine that keeps what was read from an object store, by the SHA-256 of its content.

Any number of workers may share it. Nothing in it is trusted: what does not have its checksum is dropped.
"""

import contextlib
import os
import uuid
from pathlib import Path

import structlog

from core.artifact_files.manifest import sha256_of

log = structlog.get_logger()


class ContentCache:
    """At most `limit_bytes` of content, of which the least recently used goes first."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def get(self, sha256: str) -> bytes | None:
        """The content, or None where it is not here."""
        path = self._folder / sha256
        try:
            content = path.read_bytes()
            os.utime(path)  # the time of its last use
        except FileNotFoundError:
            return None
        if sha256_of(content) == sha256:
            return content
        log.warning("cached_content_broken", path=str(path))
        path.unlink(missing_ok=True)
        return None

    def put(self, sha256: str, content: bytes) -> None:
        """Keep a content, if there is room; one that cannot be kept is fetched again."""
        if len(content) > self._limit_bytes:
            return
        temporary = self._folder / f".{uuid.uuid4().hex}.tmp"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._trim(self._limit_bytes - len(content))
            temporary.write_bytes(content)
            temporary.replace(self._folder / sha256)
        except OSError as error:  # a full disk: the store has it
            log.warning("content_not_cached", path=str(self._folder), error=str(error))
            temporary.unlink(missing_ok=True)

    def _trim(self, limit_bytes: int) -> None:
        """Drop what was used longest ago until the rest is within the limit."""
        with os.scandir(self._folder) as entries:
            found = []
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another worker trims as well
                    found.append((entry.stat().st_mtime, entry.stat().st_size, Path(entry.path)))
        excess = sum(size for _, size, _ in found) - limit_bytes
        for _, size, path in sorted(found):
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= size
