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


@dataclass(frozen=True)
class InOrder:
    """A set in its own order each epoch; only the augmentation, where asked for, is drawn."""

    data: ResidentSet
    batch_size: int
    generator: torch.Generator
    augment: bool = False

    def __iter__(self) -> Iterator[Batch]:
        rows = torch.arange(len(self.data), device=self.data.labels.device)
        for chosen in rows.split(self.batch_size):
            yield self.data.batch(chosen, augment_with=self.generator if self.augment else None)
