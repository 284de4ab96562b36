"""MNIST in torchvision's layout: IDX files under `MNIST/raw`."""

from pathlib import Path

import torch

from core.catalog.datasets import MNIST
from core.datasets.source import Source, grey_to_rgb, resized
from core.errors import DatasetInvalid
from core.torchvision_operators import declare_missing_operators


def load(data_dir: Path) -> Source:
    """All of MNIST at 32 px.

    Raises:
        DatasetMissing: a file is absent; the message says where it belongs.
        DatasetInvalid: a file is truncated or is not an IDX file.
    """
    MNIST.require_files(data_dir)
    declare_missing_operators()
    from torchvision import datasets

    try:
        parts = [datasets.MNIST(str(data_dir), train=train) for train in (True, False)]
    except (AssertionError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise DatasetInvalid(
            f"A file under {data_dir / 'MNIST/raw'} is not the IDX file it should be: {error}"
        ) from error
    for part, count in zip(parts, (MNIST.num_train, MNIST.num_test), strict=True):
        if (len(part.data), len(part.targets)) != (count, count):
            raise DatasetInvalid(
                f"MNIST's {'training' if part.train else 'test'} files hold {len(part.data)} images and "
                f"{len(part.targets)} labels; there should be {count} of each."
            )
    images = torch.cat([part.data for part in parts])
    labels = torch.cat([part.targets for part in parts]).to(torch.int64)
    return Source(grey_to_rgb(resized(images, MNIST.image_size)), labels).require(MNIST)
