"""The manifest of an artifact: size and SHA-256 of each of its files, by which every read is checked."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MANIFEST = "manifest.json"


class FileBroken(Exception):
    """A file of an artifact is not what was written; the message says how."""


@dataclass(frozen=True)
class Artifact:
    """What the database keeps of an artifact: the manifest's checksum and the size of all files."""

    sha256: str
    size_bytes: int


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """The manifest of these files."""
    entries = {
        name: {"sha256": sha256_of(content), "size_bytes": len(content)} for name, content in files.items()
    }
    return json.dumps(entries, indent=1, sort_keys=True).encode()


def described(files: Mapping[str, bytes], manifest: bytes) -> Artifact:
    """What the database keeps of these files and their manifest."""
    size_bytes = len(manifest) + sum(len(content) for content in files.values())
    return Artifact(sha256_of(manifest), size_bytes)


def listed(manifest: bytes) -> Artifact:
    """What the database keeps of the files that a manifest lists; one that is none lists nothing."""
    try:
        size_bytes = sum(int(entry["size_bytes"]) for entry in json.loads(manifest).values())
    except (ValueError, AttributeError, KeyError, TypeError):
        size_bytes = 0
    return Artifact(sha256_of(manifest), len(manifest) + size_bytes)


def checksums(manifest: bytes) -> dict[str, str]:
    """The SHA-256 of every file, by its name.

    Raises:
        FileBroken: this is not a manifest.
    """
    try:
        return {name: str(entry["sha256"]) for name, entry in json.loads(manifest).items()}
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise FileBroken(f"{MANIFEST}: {error!r}") from error


def verified(name: str, manifest: bytes, read: Callable[[str], bytes]) -> bytes:
    """The content of a file, which `read` gets by its SHA-256, checked against it.

    Raises:
        FileBroken: it is not what was written, or the manifest does not list it.
    """
    expected = checksums(manifest).get(name)
    if expected is None:
        raise FileBroken(f"{name} is not in the manifest")
    content = read(expected)
    if sha256_of(content) != expected:
        raise FileBroken(f"{name} does not have the checksum it was written with")
    return content


def sha256_of(content: bytes) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
