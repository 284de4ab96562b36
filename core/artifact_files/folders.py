"""Artifacts in a directory of a local or shared file system: one folder per unit, whole or not there at all.

A folder is written beside its place, synced, and renamed there.
"""

import contextlib
import errno
import math
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from core.artifact_files.manifest import (
    MANIFEST,
    Artifact,
    FileBroken,
    described,
    listed,
    manifest_of,
    verified,
)
from core.errors import ArtifactCorrupt, ArtifactMissing, ArtifactsFull, DeploymentInvalid

LEFTOVER_SECONDS = 86400.0  # whoever writes takes seconds
LEFTOVER_SUFFIXES = (".tmp", ".old")
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Folders:
    """All artifacts, under one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def publish(self, unit_id: str, files: Mapping[str, bytes]) -> Artifact:
        """Store a unit's files under its id. Those of a faster twin are replaced.

        Raises:
            ArtifactsFull: there is no space for them; nothing of them is left.
        """
        manifest = manifest_of(files)
        folder = self._folder(unit_id)
        temporary = folder.with_name(f".{unit_id}.{uuid.uuid4().hex}.tmp")
        artifact = described(files, manifest)
        try:
            temporary.mkdir(parents=True)
            for name, content in {**files, MANIFEST: manifest}.items():
                with (temporary / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            _replace(folder, temporary)
            _sync(folder.parent)
        except OSError as error:
            if error.errno in NO_SPACE:
                raise ArtifactsFull(str(self._root), artifact.size_bytes) from error
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)  # gone already, unless something went wrong
        return artifact

    def read(self, unit_id: str, name: str) -> bytes:
        """The content of a unit's file.

        Raises:
            ArtifactMissing: the folder is not there.
            ArtifactCorrupt: a file is not what was written; the folder is set aside.
        """
        folder = self._folder(unit_id)
        try:
            # One folder for manifest and file, also where a twin or an eviction renames it in between.
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            raise ArtifactMissing(unit_id) from None
        try:
            return verified(name, _read(held, MANIFEST), lambda _: _read(held, name))
        except FileBroken as error:
            if _is_at(folder, held):
                raise self.set_aside(unit_id, str(error)) from error
        finally:
            os.close(held)
        return self.read(unit_id, name)  # what was read had just been taken away

    def set_aside(self, unit_id: str, reason: str) -> ArtifactCorrupt:
        """Rename a folder for a look, so that the unit can be made again; the error to raise."""
        folder = self._folder(unit_id)
        aside = folder.with_name(f"{unit_id}.corrupt")
        shutil.rmtree(aside, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):  # another reader was faster
            folder.rename(aside)
        return ArtifactCorrupt(unit_id, reason)

    def remove(self, unit_id: str, sha256: str) -> Artifact | None:
        """Take an artifact away, if it is still the one whose manifest has this checksum; else what a late
        writer has put in its place, or None.
        """
        folder = self._folder(unit_id)
        try:
            found = listed((folder / MANIFEST).read_bytes())
            if found.sha256 != sha256:
                return found
            _discard(folder)
        except FileNotFoundError:  # it was set aside, or another scheduler was faster
            pass
        return None

    def require_space(self, needed_bytes: int) -> None:
        """Check that this much can still be written.

        Raises:
            ArtifactsFull: it cannot.
        """
        if shutil.disk_usage(_nearest(self._root)).free < needed_bytes:
            raise ArtifactsFull(str(self._root), needed_bytes)

    def discard_leftovers(self) -> int:
        """Delete what writers that were killed have left half-written a day ago; returns how many folders."""
        long_ago = time.time() - LEFTOVER_SECONDS
        found = [path for path in self._root.glob("*/.*") if path.suffix in LEFTOVER_SUFFIXES]
        old = [path for path in found if _modified_at(path) < long_ago]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)

    def require_writable(self) -> None:
        """Check that artifacts can be written.

        Raises:
            DeploymentInvalid: they cannot.
        """
        place = _nearest(self._root)
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise DeploymentInvalid(
                f"The artifact directory {self._root} cannot be written. Set LETHE_ARTIFACTS_URL."
            )

    def _folder(self, unit_id: str) -> Path:
        return self._root / unit_id[:2] / unit_id


def _read(folder: int, name: str) -> bytes:
    """The content of a file in an open folder.

    Raises:
        FileBroken: it is not there, or the disk cannot read it.
    """
    try:
        with open(name, "rb", opener=lambda path, flags: os.open(path, flags, dir_fd=folder)) as file:
            return file.read()
    except FileNotFoundError as error:
        raise FileBroken(f"{name} is not there") from error
    except OSError as error:
        if error.errno != errno.EIO:  # the others are this machine's trouble, not the file's
            raise
        raise FileBroken(f"{name} cannot be read: {error!r}") from error


def _is_at(path: Path, held: int) -> bool:
    """Whether an open folder is still the one under its name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(held))
    except FileNotFoundError:
        return False


def _replace(folder: Path, temporary: Path) -> None:
    """Put a complete folder in its place; one that a twin put there first makes room for it."""
    while True:
        try:
            temporary.rename(folder)  # fails where a folder with files stands
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return
        with contextlib.suppress(FileNotFoundError):  # the twin moves it just now
            _discard(folder)


def _discard(folder: Path) -> None:
    """Take a folder away at once, then delete it."""
    old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.old")
    folder.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def _modified_at(path: Path) -> float:
    """When a folder was last written, in seconds since the epoch; never, where it has just gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _nearest(path: Path) -> Path:
    """The path, or the first directory above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
