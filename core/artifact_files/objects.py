"""Artifacts in an object store (S3, or whatever fsspec speaks): content under its SHA-256, the manifest last.

An object store renames nothing, but one put is atomic: files are put under names that nobody reads yet, and
the manifest's put shows them all at once. What is read goes through a cache on this machine.
"""

import contextlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from core.artifact_files.cache import ContentCache
from core.artifact_files.manifest import (
    MANIFEST,
    Artifact,
    FileBroken,
    checksums,
    described,
    listed,
    manifest_of,
    sha256_of,
    verified,
)
from core.errors import ArtifactCorrupt, ArtifactMissing, DeploymentInvalid

ASIDE = "manifest.corrupt.json"


class Objects:
    """All artifacts, under one URL such as `s3://bucket/prefix`. How to get there is for the client's own
    variables to say (`AWS_ENDPOINT_URL`, `AWS_SHARED_CREDENTIALS_FILE` …).
    """

    def __init__(self, url: str, cache: ContentCache) -> None:
        self._url = url.rstrip("/")
        self._cache = cache

    def publish(self, unit_id: str, files: Mapping[str, bytes]) -> Artifact:
        """Store a unit's files under its id. Those of a faster twin are replaced."""
        manifest = manifest_of(files)
        for name, sha256 in checksums(manifest).items():
            self._do("pipe_file", self._path(unit_id, f"{sha256}.{name}"), files[name])
            self._cache.put(sha256, files[name])
        self._do("pipe_file", self._path(unit_id, MANIFEST), manifest)
        return described(files, manifest)

    def read(self, unit_id: str, name: str) -> bytes:
        """The content of a unit's file.

        Raises:
            ArtifactMissing: there is no manifest.
            ArtifactCorrupt: a file is not what was written; the manifest is set aside.
        """
        manifest = self._manifest(unit_id)
        if manifest is None:
            raise ArtifactMissing(unit_id)
        try:
            return verified(name, manifest, lambda sha256: self._content(unit_id, name, sha256))
        except FileBroken as error:
            if self._manifest(unit_id) == manifest:
                raise self.set_aside(unit_id, str(error)) from error
        return self.read(unit_id, name)  # what was read had just been replaced or taken away

    def set_aside(self, unit_id: str, reason: str) -> ArtifactCorrupt:
        """Rename the manifest, so that the unit can be made again; its files stay for a look."""
        manifest = self._manifest(unit_id)
        if manifest is not None:  # else another reader was faster
            self._do("pipe_file", self._path(unit_id, ASIDE), manifest)
            self._delete(unit_id, MANIFEST)
        return ArtifactCorrupt(unit_id, reason)

    def remove(self, unit_id: str, sha256: str) -> Artifact | None:
        """Take an artifact away, if it is still the one whose manifest has this checksum; else what a late
        writer has put in its place, or None.
        """
        manifest = self._manifest(unit_id)
        if manifest is None:
            return None
        if sha256_of(manifest) != sha256:
            return listed(manifest)
        self._delete(unit_id, MANIFEST)
        for name, content_sha256 in checksums(manifest).items():
            self._delete(unit_id, f"{content_sha256}.{name}")
        return None

    def require_space(self, needed_bytes: int) -> None:
        """Nothing: nobody can say how much a bucket still holds."""

    def discard_leftovers(self) -> int:
        """Nothing: what no manifest names could only be found by listing every object."""
        return 0

    def require_writable(self) -> None:
        """Check that the bucket is there and lets us in.

        Raises:
            DeploymentInvalid: it is not.
        """
        bucket = urlsplit(self._url).netloc
        try:
            self._do("info", bucket)
        except FileNotFoundError:
            raise DeploymentInvalid(self._advice(f"there is no bucket {bucket!r}")) from None
        except OSError as error:
            raise DeploymentInvalid(self._advice(str(error))) from error

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system and our path in it; opened late, as a worker's parent never needs it."""
        try:
            from fsspec.core import url_to_fs

            files, root = url_to_fs(self._url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise DeploymentInvalid(
                self._advice(f"{error}; for S3, `pip install -e '.[s3]'` in Lethe's checkout")
            ) from error
        return files, str(root)

    def _do(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - fsspec has no types
        """An operation of the file system; a server that is away is an OSError, whatever the client says."""
        files, _ = self._opened
        away = _errors_of_client(urlsplit(self._url).scheme)
        try:
            return getattr(files, method)(*arguments)
        except away as error:
            raise ConnectionError(f"{self._url}: {error}") from error

    def _advice(self, reason: str) -> str:
        return f"The artifact store {self._url} cannot be used ({reason}). Check LETHE_ARTIFACTS_URL."

    def _manifest(self, unit_id: str) -> bytes | None:
        try:
            content: bytes = self._do("cat_file", self._path(unit_id, MANIFEST))
        except FileNotFoundError:
            return None
        return content

    def _content(self, unit_id: str, name: str, sha256: str) -> bytes:
        cached = self._cache.get(sha256)
        if cached is not None:
            return cached
        try:
            content: bytes = self._do("cat_file", self._path(unit_id, f"{sha256}.{name}"))
        except FileNotFoundError as error:
            raise FileBroken(f"{name} is not there") from error
        if sha256_of(content) == sha256:
            self._cache.put(sha256, content)
        return content

    def _delete(self, unit_id: str, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # somebody was faster
            self._do("rm_file", self._path(unit_id, name))

    def _path(self, unit_id: str, name: str) -> str:
        _, root = self._opened
        return f"{root}/{unit_id[:2]}/{unit_id}/{name}"


def _errors_of_client(scheme: str) -> tuple[type[Exception], ...]:
    """What a client raises that is no OSError when it cannot reach its server."""
    if scheme != "s3":
        return ()
    from botocore.exceptions import BotoCoreError

    return (BotoCoreError,)
