"""Batches that several methods share: retain with forget, together or side by side."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle

import torch
from torch import Tensor

from core.datasets.resident import Batch, ResidentSet


@dataclass(frozen=True)
class Pair:
    """A retain batch and the forget batch that goes with it."""

    retain: Batch
    forget: Batch

    def __len__(self) -> int:
        return min(len(self.retain), len(self.forget))


@dataclass(frozen=True)
class Paired:
    """One pass over the retain set, each batch with a forget batch.

    The forget batches are drawn anew each epoch and replayed in the same order when they run out
    (methods §5.8). `drop_single` leaves out a last one of a single sample, for models in train mode.
    """

    retain: ResidentSet
    forget: ResidentSet
    batch_size: int
    generator: torch.Generator
    augment: bool = False
    drop_single: bool = False

    def __iter__(self) -> Iterator[Pair]:
        order = torch.randperm(len(self.forget), generator=self.generator, device=self.generator.device)
        batches = order.split(self.batch_size)
        forget_rows = cycle(_without_single_tail(batches) if self.drop_single else batches)
        augment_with = self.generator if self.augment else None
        for retain in self.retain.shuffled(self.batch_size, self.generator, augment=self.augment):
            yield Pair(retain, self.forget.batch(next(forget_rows), augment_with=augment_with))


@dataclass(frozen=True)
class Lockstep:
    """Retain and forget set side by side, both in a fresh random order each epoch, up to the end of the
    shorter (methods §4.1).
    """

    retain: ResidentSet
    forget: ResidentSet
    batch_size: int
    generator: torch.Generator
    augment: bool = False

    def __iter__(self) -> Iterator[Pair]:
        retain, forget = (
            data.shuffled(self.batch_size, self.generator, augment=self.augment)
            for data in (self.retain, self.forget)
        )
        return map(Pair, retain, forget)


@dataclass(frozen=True)
class RandomlyRelabelled:
    """One pass over retain and forget set together; the forget labels are drawn anew each epoch, true ones
    included.

    Source: methods §3.3.
    """

    retain: ResidentSet
    forget: ResidentSet
    num_classes: int
    batch_size: int
    generator: torch.Generator
    augment: bool = False

    def __iter__(self) -> Iterator[Batch]:
        union = self.forget.joined(self.retain)
        drawn = torch.randint(
            self.num_classes, (len(self.forget),), generator=self.generator, device=self.generator.device
        )
        relabelled = replace(union, labels=torch.cat([drawn, self.retain.labels]))
        return relabelled.shuffled(self.batch_size, self.generator, augment=self.augment)


@dataclass(frozen=True)
class TaggedBatch:
    """Images of both sets, `(B, 3, H, W)`; the first `num_forget` are the forget set's."""

    images: Tensor
    num_forget: int

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Tagged:
    """One pass over retain and forget set together, in a fresh random order each epoch, told apart.

    Source: methods §5.5.
    """

    retain: ResidentSet
    forget: ResidentSet
    batch_size: int
    generator: torch.Generator
    augment: bool = False

    def __iter__(self) -> Iterator[TaggedBatch]:
        union = self.forget.joined(self.retain)
        order = torch.randperm(len(union), generator=self.generator, device=self.generator.device)
        batches = order.split(self.batch_size)
        # Counted for all batches at once, so that the device is waited for once per epoch.
        nums_forget = torch.stack([(rows < len(self.forget)).sum() for rows in batches]).tolist()
        augment_with = self.generator if self.augment else None
        for rows, num_forget in zip(batches, nums_forget, strict=True):
            forget_first = rows.sort().values
            yield TaggedBatch(union.batch(forget_first, augment_with=augment_with).images, num_forget)


def _without_single_tail(rows: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The batches without a last one of a single sample, which batch norm cannot normalise."""
    return rows[:-1] if len(rows) > 1 and len(rows[-1]) == 1 else rows
