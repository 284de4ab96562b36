"""What `fit` iterates over: every pass is one epoch, drawn from the run's generator."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from core.datasets.resident import Batch, ResidentSet


@dataclass(frozen=True)
class Shuffled:
    """A set in a fresh random order each epoch."""

    data: ResidentSet
    batch_size: int
    generator: torch.Generator
    augment: bool = False

    def __iter__(self) -> Iterator[Batch]:
        return self.data.shuffled(self.batch_size, self.generator, augment=self.augment)
