"""Datasets in which each image is a file."""

import hashlib
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core.datasets.decoding import Undecoded
from core.errors import DatasetInvalid


@dataclass(frozen=True)
class ImageFiles(Undecoded):
    """One name per image."""

    @property
    def names_sha256(self) -> str:
        """Of the sorted names."""
        return hashlib.sha256("\n".join(sorted(self.names)).encode()).hexdigest()

    def decode(self, size: int) -> Tensor:
        """As `Undecoded`, in RGB.

        Raises:
            DatasetInvalid: a file is no whole image of 8 bits; the message names it.
        """
        pixels = np.empty((len(self.names), 3, size, size), dtype=np.uint8)

        def decode(index: int) -> None:
            pixels[index] = _image(self.root / self.names[index], size)

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
