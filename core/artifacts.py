"""Artifacts: the files that a unit produced, in one folder under the unit's id, written whole or not at all.

A folder holds safetensors files, a `record.json` and a `manifest.json` with size and SHA-256 of each. It is
written beside its place, synced, and renamed there; every read is checked against the manifest.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from core.errors import ArtifactCorrupt, ArtifactMissing

MANIFEST = "manifest.json"
RECORD = "record.json"


@dataclass(frozen=True)
class Artifact:
    """What the store keeps of a folder: the manifest's checksum and the size of all files."""

    sha256: str
    size_bytes: int


class ArtifactStore:
    """All artifacts, under one directory on a local or shared file system."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(
        self, unit_id: str, *, tensors: Mapping[str, Mapping[str, Tensor]], record: Mapping[str, Any]
    ) -> Artifact:
        """Store a unit's files: `tensors` by file name, and its record. A faster twin is replaced."""
        files = {f"{name}.safetensors": _serialised(named) for name, named in tensors.items()}
        files[RECORD] = _json(record)
        manifest = {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
            for name, content in files.items()
        }
        files[MANIFEST] = _json(manifest)
        self._publish(unit_id, files)
        size_bytes = sum(len(content) for content in files.values())
        return Artifact(sha256=hashlib.sha256(files[MANIFEST]).hexdigest(), size_bytes=size_bytes)

    def read_tensors(self, unit_id: str, name: str) -> dict[str, Tensor]:
        """The tensors of one file, on the CPU.

        Raises:
            ArtifactMissing: the folder is not there.
            ArtifactCorrupt: a file is not what was written; the folder is set aside.
        """
        content = self._read(unit_id, f"{name}.safetensors")
        try:
            return load(content)
        except SafetensorError as error:
            raise self._corrupt(unit_id, str(error)) from error

    def read_record(self, unit_id: str) -> dict[str, Any]:
        """The record that the unit left; errors as `read_tensors`."""
        record: dict[str, Any] = json.loads(self._read(unit_id, RECORD))
        return record

    def _folder(self, unit_id: str) -> Path:
        return self._root / unit_id[:2] / unit_id

    def _publish(self, unit_id: str, files: Mapping[str, bytes]) -> None:
        folder = self._folder(unit_id)
        temporary = folder.with_name(f".{unit_id}.{uuid.uuid4().hex}.tmp")
        temporary.mkdir(parents=True)
        try:
            for name, content in files.items():
                with (temporary / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            _replace(folder, temporary)
            _sync(folder.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)  # gone already, unless something went wrong

    def _read(self, unit_id: str, name: str) -> bytes:
        folder = self._folder(unit_id)
        if not folder.is_dir():
            raise ArtifactMissing(unit_id)
        try:
            expected = json.loads((folder / MANIFEST).read_bytes())[name]["sha256"]
            content = (folder / name).read_bytes()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._corrupt(unit_id, f"{name}: {error!r}") from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise self._corrupt(unit_id, f"{name} does not have the checksum it was written with")
        return content

    def _corrupt(self, unit_id: str, reason: str) -> ArtifactCorrupt:
        """Set the folder aside for a look, so that the unit can be made again."""
        folder = self._folder(unit_id)
        aside = folder.with_name(f"{unit_id}.corrupt")
        shutil.rmtree(aside, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):  # another reader was faster
            folder.rename(aside)
        return ArtifactCorrupt(unit_id, reason)


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
        old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.old")
        with contextlib.suppress(FileNotFoundError):  # the twin moves it just now
            folder.rename(old)
        shutil.rmtree(old, ignore_errors=True)


def _serialised(named: Mapping[str, Tensor]) -> bytes:
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in named.items()})


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
