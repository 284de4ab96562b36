"""Datasets that take time to decode: it is done once, then their pixels are read from one tensor in the
cache.
"""

import contextlib
import hashlib
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.catalog.datasets import DatasetInfo
from core.datasets.source import Source
from core.errors import DatasetInvalid

DECODER = 2  # rises when the same files decode to other pixels: the caches of before are made again
PIXELS = "pixels"


@dataclass(frozen=True)
class Undecoded(ABC):
    """What a loader returns that leaves the decoding to us: official training images first, then test images.

    Attributes:
        root: the folder that the names are relative to.
        names: of the files that the pixels come from.
        labels: `(N,)` int64 in [0, num_classes).
        is_drawn: whether the test images are drawn by us, so that chance may leave a part without a class.
    """

    root: Path
    names: tuple[str, ...]
    labels: Tensor
    is_drawn: bool = field(default=False, kw_only=True)

    @property
    def names_sha256(self) -> str | None:
        """As of `Source`."""
        return None

    @abstractmethod
    def decode(self, size: int) -> Tensor:
        """The pixels as `(N, C, size, size)` uint8, where C is 1 for grey images, by PIL's bilinear filter on
        8 bits (protocol §1.5).
        """


def decoded(info: DatasetInfo, files: Undecoded, cache_dir: Path) -> Source:
    """The images as RGB of the declared size.

    They are kept in `cache_dir`, with a checksum, until a name, a size or a time of the files changes.

    Raises:
        DatasetInvalid: a file is no image, is truncated, or went away; the message names it. Or the images
            are not what the catalogue declares.
        OSError: the cache cannot be written.
    """
    path, state = cache_dir / f"{info.id}.safetensors", _state(files, info.image_size)
    cached = _cached(path, state)
    pixels = files.decode(info.image_size) if cached is None else cached
    rgb = pixels.repeat(1, 3, 1, 1) if pixels.shape[1] == 1 else pixels
    source = Source(rgb, files.labels, files.names_sha256).require(info, is_drawn=files.is_drawn)
    if cached is None:
        metadata = {"files": state, "sha256": _checksum(pixels), "names_sha256": files.names_sha256}
        _store(path, pixels, {name: value for name, value in metadata.items() if value})
    return source


def _state(files: Undecoded, image_size: int) -> str:
    """A hash of everything that the decoded pixels depend on."""
    digest = hashlib.sha256(f"{DECODER} {image_size}".encode())
    for name in files.names:
        try:
            status = (files.root / name).stat()
        except OSError as error:
            raise DatasetInvalid(f"{files.root / name} cannot be read: {error}") from error
        digest.update(f"\n{name}\0{status.st_size} {status.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _cached(path: Path, state: str) -> Tensor | None:
    """The pixels in the cache, or None where they are of other files, damaged, or not there."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("files") != state:
                return None
            pixels: Tensor = file.get_tensor(PIXELS)
    except (OSError, SafetensorError):
        return None
    return pixels if metadata.get("sha256") == _checksum(pixels) else None


def _store(path: Path, pixels: Tensor, metadata: Mapping[str, str]) -> None:
    """Written beside its place and renamed: a reader sees all of it or nothing, and twins write alike."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({PIXELS: pixels}, temporary, dict(metadata))
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise OSError(
            f"The decoded images cannot be written to {path} ({error}): make room or give the right to write "
            "there, or set LETHE_CACHE_DIR to another folder."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # gone already, unless something went wrong


def _checksum(pixels: Tensor) -> str:
    return hashlib.sha256(pixels.numpy().data).hexdigest()
