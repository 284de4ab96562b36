"""Small things to try methods on: a net, three classes that it can tell apart, the harness in ten lines."""

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from core.catalog.registry import implementation
from core.catalog.unlearners import Hyperparameters, SetName, UnlearnerInfo
from core.catalog.work import Work
from core.datasets.augment import flip
from core.datasets.resident import ResidentSet
from core.datasets.streams import Shuffled
from core.models.parts import Parts
from core.training import fit
from core.unlearners.task import Task

NUM_CLASSES = 3
IMAGE_SIZE = 8
SIZES = {"retain": 48, "forget": 24, "validation": 12, "test": 12}
SMALL = {
    "learning_rate": 0.02,
    "weight_decay": 5e-4,
    "batch_size": 16,
    "retain_batch_size": 16,
    "forget_batch_size": 2,  # steps enough for a method that starts where its gradient vanishes
    "num_epochs": 2,
    "max_epochs": 1,
}

ToySets = Mapping[SetName, ResidentSet]


class ToyNet(nn.Module):
    """A stem and three stages, each a convolution with batch norm, and a linear classifier."""

    def __init__(self, num_classes: int = NUM_CLASSES) -> None:
        super().__init__()
        self.stem = block(3, 4)
        self.stages = nn.Sequential(block(4, 8, stride=2), block(8, 8), block(8, 12, stride=2))
        self.classifier = nn.Linear(12, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.stages(self.stem(images)).mean(dim=(-2, -1)))


def block(num_in: int, num_out: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(num_in, num_out, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(num_out), nn.ReLU())


def parts(model: nn.Module) -> Parts:
    return Parts(model.classifier, model.stem[0], tuple((stage,) for stage in model.stages))


def toy_set(count: int, seed: int = 0) -> ResidentSet:
    """Noise in which the class's own colour channel is the brightest; the classes take turns."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 120, (count, 3, IMAGE_SIZE, IMAGE_SIZE), generator=generator, dtype=torch.uint8)
    labels = torch.arange(count) % NUM_CLASSES
    pixels[torch.arange(count), labels] += 100
    return ResidentSet(pixels, labels, torch.full((3,), 0.4), torch.full((3,), 0.25), augmentation=flip)


def toy_sets(**sizes: int) -> dict[SetName, ResidentSet]:
    """Four sets of different samples; a size given by name replaces that of `SIZES`."""
    return {name: toy_set(count, seed) for seed, (name, count) in enumerate({**SIZES, **sizes}.items())}


def numbered(start: int, count: int, num_classes: int = NUM_CLASSES) -> ResidentSet:
    """Images that are each filled with their own number, so that a batch tells which samples are in it."""
    pixels = torch.arange(start, start + count, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 3, 2, 2)
    return ResidentSet(pixels, torch.arange(count) % num_classes, mean=torch.zeros(3), std=torch.ones(3))


def numbers(images: torch.Tensor) -> list[int]:
    """The numbers of the `numbered` images in a batch."""
    return (images[:, 0, 0, 0] * 255).round().int().tolist()


@cache
def original() -> nn.Module:
    """A net that has learnt retain and forget set; shared, so do not change it."""
    torch.manual_seed(0)
    model, sets = ToyNet(), toy_sets()
    batches = Shuffled(sets["retain"].joined(sets["forget"]), 16, torch.Generator().manual_seed(0))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    fit(model, batches, lambda batch: cross_entropy(model(batch.images), batch.labels), optimiser, 4)
    return model.eval()


def task_for(info: UnlearnerInfo, sets: ToySets, seed: int = 0) -> Task:
    """The task of one run: only the sets that the method declares, and a seeded generator."""
    torch.manual_seed(seed)
    return Task(
        sets={name: sets[name] for name in info.uses},
        num_classes=NUM_CLASSES,
        device=torch.device("cpu"),
        generator=torch.Generator().manual_seed(seed),
        parts_of=parts,
        fresh_model=ToyNet,
    )


def small(info: UnlearnerInfo, **overrides: object) -> Hyperparameters:
    """`SMALL`, as far as the method has its fields, and then `overrides` in place of the defaults."""
    fields = info.hyperparameters.model_fields
    return info.hyperparameters.model_validate(
        {**{name: value for name, value in SMALL.items() if name in fields}, **overrides}
    )


def run(
    info: UnlearnerInfo,
    *,
    model: nn.Module | None = None,
    sets: ToySets | None = None,
    seed: int = 0,
    **overrides: object,
) -> nn.Module:
    """What the method makes of a copy of the model; `SMALL` and then `overrides` replace its defaults."""
    hyperparameters = small(info, **overrides)
    unlearned = deepcopy(model or original())
    task = task_for(info, sets or toy_sets(), seed)
    implementation(info.implementation)(unlearned, task, hyperparameters)
    unlearned.requires_grad_(requires_grad=True)
    unlearned.zero_grad(set_to_none=True)
    return unlearned.eval()


def work_of(info: UnlearnerInfo, sets: ToySets, **overrides: object) -> Work:
    """The images that a run sends forward and backward through its models, teachers included."""
    counts = Counter[str]()
    plain = ToyNet.forward

    def counted(model: ToyNet, images: torch.Tensor) -> torch.Tensor:
        return Tally.apply(plain(model, images), counts, "forward")

    with patch.object(ToyNet, "forward", counted):
        run(info, sets=sets, **overrides)
    return Work(counts["forward"], counts["backward"])


class Tally(torch.autograd.Function):
    """Returns logits as they are and counts them, and their gradients, by samples; also under `vmap`."""

    @staticmethod
    def forward(logits, counts, direction):
        counts[direction] += len(logits)
        return logits.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.counts = inputs[1]

    @staticmethod
    def backward(ctx, gradient):
        return Tally.apply(gradient, ctx.counts, "backward"), None, None

    @staticmethod
    def vmap(info, in_dims, logits, counts, direction):
        counts[direction] += info.batch_size
        return logits.clone(), in_dims[0]


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether all parameters and buffers are bit-identical."""
    first, second = one.state_dict(), other.state_dict()
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


def poisoned(data: ResidentSet) -> ResidentSet:
    """A set of the same size that shows in any result it touches: other images and labels, not a number."""
    noise, nan = toy_set(len(data), seed=99), torch.full((3,), torch.nan)
    return replace(noise, labels=noise.labels.flip(0), mean=nan, std=nan)


@torch.no_grad()
def mean_loss(model: nn.Module, data: ResidentSet) -> float:
    batch = data.batch(torch.arange(len(data)))
    return cross_entropy(model(batch.images), batch.labels).item()


@torch.no_grad()
def accuracy(model: nn.Module, data: ResidentSet) -> float:
    batch = data.batch(torch.arange(len(data)))
    return (model(batch.images).argmax(dim=1) == batch.labels).double().mean().item()
