"""A data set as one uint8 tensor on the device, batched there: no loader and no Python per
sample, which would keep the device waiting.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Standardised images, `(B, 3, H, W)` float32, and their labels, `(B,)` int64, on the device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


class Augmentation(Protocol):
    """A batched training transform: `(B, 3, H, W)` uint8 in, the same out, random draws from `generator`."""

    def __call__(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """The augmented batch."""


@dataclass(frozen=True)
class ResidentSet:
    """A subset of a dataset on one device.

    Attributes:
        pixels: `(N, 3, H, W)` uint8.
        labels: `(N,)` int64.
        mean: `(3,)` float32, of pixels scaled to [0, 1].
        std: `(3,)` float32.
        augmentation: the training transform, for whoever draws batches and wants it.
    """

    pixels: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor
    augmentation: Augmentation | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor) -> "ResidentSet":
        """The samples at `indices`, in that order."""
        return ResidentSet(self.pixels[indices], self.labels[indices], self.mean, self.std, self.augmentation)

    def joined(self, other: "ResidentSet") -> "ResidentSet":
        """This set's samples, then the other's."""
        pixels, labels = torch.cat([self.pixels, other.pixels]), torch.cat([self.labels, other.labels])
        return ResidentSet(pixels, labels, self.mean, self.std, self.augmentation)

    def standardised(self, pixels: Tensor) -> Tensor:
        """`(B, 3, H, W)` uint8 pixels as float32 images: scaled to [0, 1], then standardised per channel."""
        images = pixels.to(torch.float32).div_(255)
        return images.sub_(self.mean.view(1, 3, 1, 1)).div_(self.std.view(1, 3, 1, 1))

    def batch(self, rows: Tensor, *, augment_with: torch.Generator | None = None) -> Batch:
        """The samples at `rows`, in that order, with the evaluation transform, or with the training one
        drawn from a generator.
        """
        pixels = self.pixels[rows]
        if augment_with is not None and self.augmentation is not None:
            pixels = self.augmentation(pixels, augment_with)
        return Batch(self.standardised(pixels), self.labels[rows])

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """One pass in order, with the evaluation transform; the last batch may be short."""
        for start in range(0, len(self), batch_size):
            rows = slice(start, start + batch_size)
            yield Batch(self.standardised(self.pixels[rows]), self.labels[rows])

    def shuffled(
        self, batch_size: int, generator: torch.Generator, *, augment: bool = False
    ) -> Iterator[Batch]:
        """One pass in a fresh random order; the last batch may be short (protocol §1.6)."""
        order = torch.randperm(len(self), generator=generator, device=generator.device)
        for rows in order.split(batch_size):
            yield self.batch(rows, augment_with=generator if augment else None)
