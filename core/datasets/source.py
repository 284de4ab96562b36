"""What a dataset's loader returns: all images, decoded and resized once."""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.catalog.datasets import DatasetInfo
from core.errors import DatasetInvalid


@dataclass(frozen=True)
class Source:
    """A whole dataset on the CPU, official training images first, then test images.

    Attributes:
        pixels: `(N, 3, H, W)` uint8.
        labels: `(N,)` int64 in [0, num_classes).
        names_sha256: where every image is a file, the SHA-256 of the sorted names: where it is the same, the
            same split was drawn.
    """

    pixels: Tensor
    labels: Tensor
    names_sha256: str | None = None

    def require(self, info: DatasetInfo, *, is_drawn: bool = False) -> "Source":
        """This source, if it is what the catalogue declares. Each part needs every class, unless parts
        are drawn.

        Raises:
            DatasetInvalid: a count, a size or the classes differ.
        """
        expected = (info.num_train + info.num_test, 3, info.image_size, info.image_size)
        if tuple(self.pixels.shape) != expected:
            raise DatasetInvalid(
                f"Dataset {info.id!r} has images of shape {tuple(self.pixels.shape)}, expected {expected}: "
                "its files are incomplete or of another dataset."
            )
        parts = {"training ": self.labels[: info.num_train], "test ": self.labels[info.num_train :]}
        for part, labels in ({"": self.labels} if is_drawn else parts).items():
            present = torch.bincount(labels, minlength=info.num_classes).tolist()
            missing = [label for label, count in enumerate(present) if not count]
            if len(present) > info.num_classes:
                found = f"hold labels up to {len(present) - 1}"
            elif missing:
                found = f"lack the classes {missing}"
            else:
                continue
            raise DatasetInvalid(
                f"Dataset {info.id!r} has the classes 0 to {info.num_classes - 1}, but its {part}images "
                f"{found}."
            )
        return self


def resized(images: Tensor, size: int) -> Tensor:
    """`(N, H, W)` uint8 images as `(N, size, size)`, by PIL's bilinear filter on 8 bits (protocol §1.5)."""
    if images.shape[1:] == (size, size):
        return images
    out = np.empty((len(images), size, size), dtype=np.uint8)
    for index, image in enumerate(images.numpy()):
        out[index] = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
    return torch.from_numpy(out)


def grey_to_rgb(images: Tensor) -> Tensor:
    """`(N, H, W)` grey images as `(N, 3, H, W)` with three equal channels."""
    return images.unsqueeze(1).repeat(1, 3, 1, 1)
