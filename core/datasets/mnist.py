"""MNIST and FashionMNIST in torchvision's layout: IDX files under `MNIST/raw` and `FashionMNIST/raw`."""

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from core.catalog.datasets import DatasetInfo
from core.datasets.decoding import Undecoded
from core.datasets.source import resized
from core.errors import DatasetInvalid
from core.torchvision_operators import declare_missing_operators

UNSIGNED_BYTE = 8  # the type code in an IDX file's header
MAGIC_BYTES = 4  # two of zero, the type, the number of dimensions; then four for each dimension
SIDE = 28


@dataclass(frozen=True)
class IdxFiles(Undecoded):
    """Files of many grey images each, `(N, 28, 28)` uint8, which are yet to be resized."""

    images: Tensor

    def decode(self, size: int) -> Tensor:
        """As `Undecoded`, in grey."""
        return resized(self.images, size).unsqueeze(1)


def load_mnist(info: DatasetInfo, data_dir: Path) -> IdxFiles:
    """All of MNIST, whose images are resized when they are decoded.

    Raises:
        DatasetMissing: a file is absent; the message says where it belongs.
        DatasetInvalid: a file is truncated, is not an IDX file, or holds another number of images or labels;
            the message names it.
    """
    return _load(info, data_dir, "MNIST")


def load_fashion_mnist(info: DatasetInfo, data_dir: Path) -> IdxFiles:
    """All of FashionMNIST; errors as `load_mnist`."""
    return _load(info, data_dir, "FashionMNIST")


def _load(info: DatasetInfo, data_dir: Path, reader: str) -> IdxFiles:
    """By torchvision's class of that name, which is also the name of the folder."""
    info.require_files(data_dir)
    train, test = info.num_train, info.num_test
    shapes = ((train, SIDE, SIDE), (train,), (test, SIDE, SIDE), (test,))
    for name, shape in zip(info.files, shapes, strict=True):
        _require_idx(data_dir / name, shape)
    declare_missing_operators()
    from torchvision import datasets

    parts = [getattr(datasets, reader)(str(data_dir), train=is_train) for is_train in (True, False)]
    labels = torch.cat([part.targets for part in parts]).to(torch.int64)
    return IdxFiles(data_dir, info.files, labels, torch.cat([part.data for part in parts]))


def _require_idx(path: Path, shape: tuple[int, ...]) -> None:
    """Check a file's header and size: torchvision's reader names no file and tells what its parser met.

    Raises:
        DatasetInvalid: it is not an IDX file of bytes in this shape; the message says what it holds.
    """
    found = _mismatch(path, shape)
    if found is not None:
        raise DatasetInvalid(
            f"{path} is not the IDX file of {_in_words(shape)} that it should be: {found}. Replace it by the "
            "published file, unpacked."
        )


def _mismatch(path: Path, shape: tuple[int, ...]) -> str | None:
    """What is wrong with the file, in words, or None."""
    with path.open("rb") as file:
        header = file.read(MAGIC_BYTES + 4 * len(shape))
    if header[:MAGIC_BYTES] != bytes((0, 0, UNSIGNED_BYTE, len(shape))):
        return f"it begins with the bytes {header[:MAGIC_BYTES].hex(' ')}" if header else "it is empty"
    if len(header) < MAGIC_BYTES + 4 * len(shape):
        return f"it ends after {len(header)} bytes, inside its header"
    holds = struct.unpack(f">{len(shape)}I", header[MAGIC_BYTES:])
    if holds != shape:
        return f"it holds {_in_words(holds)}"
    follow = path.stat().st_size - len(header)
    return None if follow == prod(shape) else f"{follow:,} bytes follow its header, not {prod(shape):,}"


def _in_words(shape: tuple[int, ...]) -> str:
    count, *sides = shape
    return f"{count:,} images of {'×'.join(map(str, sides))}" if sides else f"{count:,} labels"
