"""Steps that several methods share, under their names in the literature."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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

    The forget batches are drawn anew each epoch and replayed in the same order when they run out (methods.md
    §5.8).
    """

    retain: ResidentSet
    forget: ResidentSet
    batch_size: int
    generator: torch.Generator

    def __iter__(self) -> Iterator[Pair]:
        order = torch.randperm(len(self.forget), generator=self.generator, device=self.generator.device)
        forget_rows = cycle(_without_single_tail(order.split(self.batch_size)))
        for retain in self.retain.shuffled(self.batch_size, self.generator):
            yield Pair(retain, self.forget.batch(next(forget_rows)))


@dataclass(frozen=True)
class RandomlyRelabelled:
    """One pass over retain and forget set together; the forget labels are drawn anew each epoch, true ones
    included.

    Source: methods.md §3.3.
    """

    retain: ResidentSet
    forget: ResidentSet
    num_classes: int
    batch_size: int
    generator: torch.Generator

    def __iter__(self) -> Iterator[Batch]:
        union = self.forget.joined(self.retain)
        drawn = torch.randint(
            self.num_classes, (len(self.forget),), generator=self.generator, device=self.generator.device
        )
        relabelled = replace(union, labels=torch.cat([drawn, self.retain.labels]))
        return relabelled.shuffled(self.batch_size, self.generator)


def convolutions(model: nn.Module) -> Iterator[nn.Conv2d]:
    """The 2-d convolutions of a model, in the order of its module tree."""
    return (module for module in model.modules() if isinstance(module, nn.Conv2d))


def accumulate_gradients(
    model: nn.Module, batches: Iterable[Batch], *, weight: float, per_sample: bool
) -> None:
    """Add the gradients of the cross-entropy to the parameters' `.grad`, without clearing it first.

    Args:
        weight: factor on each batch mean; its sign says ascent or descent.
        per_sample: weigh each batch by its number of samples, so that all samples weigh the same.
    """
    for batch in batches:
        loss = F.cross_entropy(model(batch.images), batch.labels)
        (weight * (len(batch) if per_sample else 1) * loss).backward()


def smallest(scores: Tensor, count: int) -> Tensor:
    """A mask, shaped like `scores`, of exactly `count` smallest entries; ties are broken arbitrarily."""
    mask = torch.zeros(scores.numel(), dtype=torch.bool, device=scores.device)
    mask[scores.flatten().topk(count, largest=False).indices] = True
    return mask.view_as(scores)


@contextmanager
def scaled_gradients(factors: Iterable[tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Multiply parameters' gradients elementwise, before weight decay and momentum see them."""
    handles = [parameter.register_hook(factor.mul) for parameter, factor in factors]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def restored_buffers(model: nn.Module) -> Iterator[None]:
    """Give the model's buffers (batch-norm statistics) their values back afterwards."""
    before = [buffer.clone() for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in zip(model.buffers(), before, strict=True):
            buffer.copy_(value)


def _without_single_tail(rows: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The batches without a last one of a single sample, which batch norm cannot normalise."""
    return rows[:-1] if len(rows) > 1 and len(rows[-1]) == 1 else rows
