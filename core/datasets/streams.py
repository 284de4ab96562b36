"""What `fit` iterates over: every pass is one epoch, drawn from the run's generator."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

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


@dataclass
class InTotal:
    """Passes over a stream that yield `num_left` batches taken together: the last pass breaks off."""

    stream: Iterable[Batch]
    num_left: int

    def __iter__(self) -> Iterator[Batch]:
        for batch in islice(self.stream, self.num_left):
            self.num_left -= 1
            yield batch
