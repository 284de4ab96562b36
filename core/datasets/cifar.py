"""CIFAR-10 and CIFAR-100 in torchvision's layout: the Python batches as they are published."""

from pathlib import Path

import numpy as np
import torch

from core.catalog.datasets import DatasetInfo
from core.datasets.source import Source
from core.errors import DatasetInvalid
from core.torchvision_operators import declare_missing_operators


def load_cifar10(info: DatasetInfo, data_dir: Path) -> Source:
    """All of CIFAR-10.

    Raises:
        DatasetMissing: a file is absent; the message says where it belongs.
        DatasetInvalid: a file is not the published one; the message names it.
    """
    return _load(info, data_dir, "CIFAR10")


def load_cifar100(info: DatasetInfo, data_dir: Path) -> Source:
    """All of CIFAR-100 with its fine labels; errors as `load_cifar10`."""
    return _load(info, data_dir, "CIFAR100")


def _load(info: DatasetInfo, data_dir: Path, name: str) -> Source:
    info.require_files(data_dir)
    declare_missing_operators()
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    reader = getattr(datasets, name)
    checksums = [*reader.train_list, *reader.test_list, (reader.meta["filename"], reader.meta["md5"])]
    for file, md5 in checksums:
        # The batches are pickles, which can run code: none is opened unless it is the published one.
        if not check_integrity(str(data_dir / reader.base_folder / file), md5):
            raise DatasetInvalid(
                f"{data_dir / reader.base_folder / file} is not the file that was published (its MD5 "
                f"is not {md5}): unpack {reader.url} again."
            )
    parts = [reader(str(data_dir), train=train) for train in (True, False)]
    images = torch.from_numpy(np.concatenate([part.data for part in parts]))
    labels = torch.tensor([label for part in parts for label in part.targets], dtype=torch.int64)
    return Source(images.permute(0, 3, 1, 2).contiguous(), labels).require(info)
