"""MNIST and FashionMNIST in torchvision's layout: IDX files under `MNIST/raw` and `FashionMNIST/raw`."""

from pathlib import Path

import torch

from core.catalog.datasets import DatasetInfo
from core.datasets.source import Source, grey_to_rgb, resized
from core.errors import DatasetInvalid
from core.torchvision_operators import declare_missing_operators


def load_mnist(info: DatasetInfo, data_dir: Path) -> Source:
    """All of MNIST at 32 px.

    Raises:
        DatasetMissing: a file is absent; the message says where it belongs.
        DatasetInvalid: a file is truncated or is not an IDX file.
    """
    return _load(info, data_dir, "MNIST")


def load_fashion_mnist(info: DatasetInfo, data_dir: Path) -> Source:
    """All of FashionMNIST at 32 px; errors as `load_mnist`."""
    return _load(info, data_dir, "FashionMNIST")


def _load(info: DatasetInfo, data_dir: Path, reader: str) -> Source:
    """By torchvision's class of that name, which is also the name of the folder."""
    info.require_files(data_dir)
    declare_missing_operators()
    from torchvision import datasets

    try:
        parts = [getattr(datasets, reader)(str(data_dir), train=train) for train in (True, False)]
    except (AssertionError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise DatasetInvalid(
            f"A file under {data_dir / reader / 'raw'} is not the IDX file it should be: {error}"
        ) from error
    for part, count in zip(parts, (info.num_train, info.num_test), strict=True):
        if (len(part.data), len(part.targets)) != (count, count):
            raise DatasetInvalid(
                f"{info.title}'s {'training' if part.train else 'test'} files hold {len(part.data)} images "
                f"and {len(part.targets)} labels; there should be {count} of each."
            )
    images = torch.cat([part.data for part in parts])
    labels = torch.cat([part.targets for part in parts]).to(torch.int64)
    return Source(grey_to_rgb(resized(images, info.image_size)), labels).require(info)
