"""Artifacts: the files that a unit produced, under the unit's id, written whole or not at all.

An artifact is safetensors files, a `record.json` and a manifest by which every read is checked;
`core.artifact_files` keeps them in a directory or an object store.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from core.artifact_files.folders import Folders
from core.artifact_files.manifest import Artifact
from core.artifact_files.storage import Storage

RECORD = "record.json"


class ArtifactStore:
    """All artifacts: in a directory, or in other storage."""

    def __init__(self, storage: Storage | Path) -> None:
        self._storage = Folders(storage) if isinstance(storage, Path) else storage

    def write(
        self, unit_id: str, *, tensors: Mapping[str, Mapping[str, Tensor]], record: Mapping[str, Any]
    ) -> Artifact:
        """Store a unit's files: `tensors` by file name, and its record. A faster twin is replaced.

        Raises:
            ArtifactsFull: there is no space for them.
        """
        files = {f"{name}.safetensors": _serialised(named) for name, named in tensors.items()}
        files[RECORD] = json.dumps(record, indent=1, sort_keys=True, allow_nan=False).encode()
        return self._storage.publish(unit_id, files)

    def read_tensors(self, unit_id: str, name: str) -> dict[str, Tensor]:
        """The tensors of one file, on the CPU.

        Raises:
            ArtifactMissing: it is not there.
            ArtifactCorrupt: a file is not what was written; the artifact is set aside.
        """
        content = self._storage.read(unit_id, f"{name}.safetensors")
        try:
            return load(content)
        except SafetensorError as error:
            raise self._storage.set_aside(unit_id, str(error)) from error

    def read_record(self, unit_id: str) -> dict[str, Any]:
        """The record that the unit left; errors as `read_tensors`."""
        record: dict[str, Any] = json.loads(self._storage.read(unit_id, RECORD))
        return record


def _serialised(named: Mapping[str, Tensor]) -> bytes:
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in named.items()})
