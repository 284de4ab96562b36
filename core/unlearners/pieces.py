"""Steps on weights and gradients that several methods share, under their names in the literature."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.datasets.resident import Batch, ResidentSet
from core.models.parts import Parts

EVALUATION_BATCH = 256  # samples at once where no gradient is needed; decides speed alone


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


def teacher(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """A frozen copy of the model as it is now, in eval mode: images to logits, without gradients."""
    frozen = deepcopy(model).eval()
    frozen.requires_grad_(requires_grad=False)

    @torch.no_grad()
    def logits(images: Tensor) -> Tensor:
        answer: Tensor = frozen(images)
        return answer

    return logits


@contextmanager
def only_trainable(model: nn.Module, parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Freeze all parameters but these; the block gets them as a list, each once."""
    chosen = list({id(parameter): parameter for parameter in parameters}.values())
    model.requires_grad_(requires_grad=False)
    for parameter in chosen:
        parameter.requires_grad_()
    try:
        yield chosen
    finally:
        model.requires_grad_(requires_grad=True)


def tail(parts: Parts, num_stages: int) -> list[nn.Module]:
    """The last `num_stages` stages, all where there are fewer, and the classifier."""
    stages = parts.stages[max(0, len(parts.stages) - num_stages) :]
    return [*chain.from_iterable(stages), parts.classifier]


@torch.no_grad()
def add_noise(tensors: Iterable[Tensor], sd: float, generator: torch.Generator) -> None:
    """Add `N(0, sd²)` to each entry, in place."""
    for tensor in tensors:
        tensor.add_(torch.randn(tensor.shape, generator=generator, device=tensor.device), alpha=sd)


@torch.no_grad()
def reset(layer: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    """Draw weight and bias anew as torch's own constructors do: `U(−1/√fan_in, 1/√fan_in)`."""
    bound = fan_in(layer.weight) ** -0.5
    for tensor in (layer.weight, layer.bias):
        if tensor is not None:
            tensor.uniform_(-bound, bound, generator=generator)


def fan_in(weight: Tensor) -> int:
    """Inputs of each output: all dimensions of the weight but the first, so that groups count."""
    return weight[0].numel()


def draw_subset(data: ResidentSet, count: int, generator: torch.Generator) -> ResidentSet:
    """`count` different samples in random order; all of them where there are fewer."""
    return data.subset(torch.randperm(len(data), generator=generator, device=generator.device)[:count])


def class_counts(labels: Tensor, num_classes: int) -> Tensor:
    """`(C,)` float32: the samples of each class, absent ones included as 0."""
    return labels.bincount(minlength=num_classes).to(torch.float32)


def state_copy(model: nn.Module) -> dict[str, Tensor]:
    """The model's parameters and buffers as they are now, for `load_state_dict`; on its device."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@torch.no_grad()
def error_rate(model: nn.Module, data: ResidentSet) -> float:
    """The share of samples that the model gets wrong, in [0, 1]; leaves it in eval mode."""
    model.eval()
    wrong = [
        (model(batch.images).argmax(dim=1) != batch.labels).sum() for batch in data.in_order(EVALUATION_BATCH)
    ]
    return torch.stack(wrong).sum().item() / len(data)
