"""Datasets that take time to decode: it is done once, then their pixels are read from one tensor in the
cache.
"""

import contextlib
import hashlib
import struct
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.catalog.datasets import DatasetInfo
from core.datasets.source import Source
from core.errors import DatasetInvalid

DECODER = 2  # rises when the same files decode to other pixels: the caches of before are made again
PIXELS = "pixels"


@dataclass(frozen=True)
class ImageFiles:
    """What a loader returns that leaves the decoding to us: official training images first, then test images.

    Attributes:
        root: the folder that the names are relative to.
        names: one per image, unless there is a `decode`.
        labels: `(N,)` int64 in [0, num_classes).
        decode: makes the pixels from all files together, for a size: `(N, C, size, size)` uint8, where C is 1
            for grey images.
        is_drawn: whether the test images are drawn by us, so that chance may leave a part without a class.
    """

    root: Path
    names: tuple[str, ...]
    labels: Tensor
    decode: Callable[[int], Tensor] | None = None
    is_drawn: bool = False

    @property
    def names_sha256(self) -> str | None:
        """Of the sorted names of the images; None where not each is a file."""
        names = "\n".join(sorted(self.names)).encode()
        return None if self.decode else hashlib.sha256(names).hexdigest()

    def source(self, info: DatasetInfo, pixels: Tensor) -> Source:
        """The labels with the decoded pixels, if they are what the catalogue declares; errors as
        `Source.require`.
        """
        rgb = pixels.repeat(1, 3, 1, 1) if pixels.shape[1] == 1 else pixels
        return Source(rgb, self.labels, self.names_sha256).require(info, is_drawn=self.is_drawn)


def decoded(info: DatasetInfo, files: ImageFiles, cache_dir: Path) -> Source:
    """The images as RGB of the declared size, resized by PIL's bilinear filter on 8 bits (protocol §1.5).

    They are kept in `cache_dir`, with a checksum, until a name, a size or a time of the files changes.

    Raises:
        DatasetInvalid: a file is no image, is truncated, or went away; the message names it.
        OSError: the cache cannot be written.
    """
    path, state = cache_dir / f"{info.id}.safetensors", _state(files, info.image_size)
    pixels = _cached(path, state)
    if pixels is not None:
        return files.source(info, pixels)
    pixels = files.decode(info.image_size) if files.decode else _decode(files, info.image_size)
    source = files.source(info, pixels)
    metadata = {"files": state, "sha256": _checksum(pixels)}
    if source.names_sha256:
        metadata["names_sha256"] = source.names_sha256
    _store(path, pixels, metadata)
    return source


def _state(files: ImageFiles, image_size: int) -> str:
    """A hash of everything that the decoded pixels depend on."""
    digest = hashlib.sha256(f"{DECODER} {image_size}".encode())
    for name in files.names:
        try:
            status = (files.root / name).stat()
        except OSError as error:
            raise DatasetInvalid(f"{files.root / name} cannot be read: {error}") from error
        digest.update(f"\n{name}\0{status.st_size} {status.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _decode(files: ImageFiles, size: int) -> Tensor:
    pixels = np.empty((len(files.names), 3, size, size), dtype=np.uint8)

    def decode(index: int) -> None:
        pixels[index] = _image(files.root / files.names[index], size)

    with ThreadPoolExecutor() as pool:  # Pillow decodes outside the interpreter's lock
        list(pool.map(decode, range(len(pixels))))
    return torch.from_numpy(pixels)


def _image(path: Path, size: int) -> NDArray[np.uint8]:
    """One file as `(3, size, size)`."""
    try:
        with Image.open(path) as file:
            _require_eight_bits(path, file.mode)
            image = file.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise DatasetInvalid(
            f"{path} is not a whole image ({error}): replace it by the original, or unpack the dataset again."
        ) from error
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


def _require_eight_bits(path: Path, mode: str) -> None:
    """Pillow cuts brighter values off where it makes RGB of others, which leaves a white or a black image."""
    if mode[0] in "IF":
        raise DatasetInvalid(
            f"{path} has more than 8 bits per pixel and channel (Pillow's mode {mode}): scale its values to "
            "0 … 255 and save it with 8 bits."
        )


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
