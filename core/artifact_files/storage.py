"""Where artifacts are kept: a directory, or an object store, named by one URL. No torch here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from core.artifact_files.cache import ContentCache
from core.artifact_files.folders import Folders
from core.artifact_files.manifest import Artifact
from core.artifact_files.objects import Objects
from core.errors import ArtifactCorrupt
from core.settings import GIGABYTE, Settings


class Storage(Protocol):
    """Keeps the files of units, each unit's whole or not at all, and never gives out a broken one."""

    def publish(self, unit_id: str, files: Mapping[str, bytes]) -> Artifact:
        """Store a unit's files under its id."""

    def read(self, unit_id: str, name: str) -> bytes:
        """The content of a unit's file.

        Raises:
            ArtifactMissing: the artifact is not there.
            ArtifactCorrupt: a file is not what was written; the artifact is set aside.
        """

    def set_aside(self, unit_id: str, reason: str) -> ArtifactCorrupt:
        """Put a broken artifact where nobody reads it; the error to raise."""

    def remove(self, unit_id: str, sha256: str) -> Artifact | None:
        """Take an artifact away, if it is still the one whose manifest has this checksum; else what a late
        writer has put in its place, or None.
        """

    def require_space(self, needed_bytes: int) -> None:
        """Check that this much can still be written, or raise ArtifactsFull."""

    def discard_leftovers(self) -> int:
        """Delete what writers that were killed have left half-written; returns of how many artifacts."""

    def require_writable(self) -> None:
        """Check that artifacts can be written, or raise DeploymentInvalid."""


def open_storage(settings: Settings) -> Storage:
    """The storage that the settings name: a path, `file:///path`, or a URL that fsspec knows."""
    url = urlsplit(settings.artifacts)
    if url.scheme in ("", "file"):
        return Folders(Path(unquote(url.path)) if url.scheme else Path(settings.artifacts))
    cache = ContentCache(settings.cache / "artifacts", int(settings.artifacts_cache_gb * GIGABYTE))
    return Objects(settings.artifacts, cache)
