"""Resident data against an ordinary DataLoader with torchvision's transforms: per batch, per training step.

CIFAR's shape and transform (crop with padding 4, flip, standardise), on the CPU with as many threads as torch
takes; the loader has one worker per core. The pixels are random: only the time matters.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from core.bench import precision
from core.catalog.datasets import CIFAR10
from core.catalog.protocols import Precision
from core.datasets.augment import crop_flip
from core.datasets.resident import ResidentSet
from core.models.resnet import resnet18
from core.torchvision_operators import declare_missing_operators

IMAGES, BATCH, STEPS, WARM_UP = 10_000, 256, 8, 2


class Ordinary(Dataset):
    """What people write: an array of images, a transform per sample."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        declare_missing_operators()
        from torchvision import transforms

        self._pixels, self._labels = pixels, labels
        self._transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(CIFAR10.mean, CIFAR10.std),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._transform(Image.fromarray(self._pixels[index])), int(self._labels[index])


def main() -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)
    labels = generator.integers(0, 10, IMAGES)
    loader = DataLoader(Ordinary(pixels, labels), BATCH, shuffle=True, num_workers=os.cpu_count() or 1)
    resident = ResidentSet(
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(labels),
        torch.tensor(CIFAR10.mean),
        torch.tensor(CIFAR10.std),
        augmentation=crop_flip,
    )
    tell(
        "batch alone", turn_about(lambda: batches_of(loader), lambda: batches_of(resident_batches(resident)))
    )
    for numbers, name in (("fp32", "fp32 on both sides"), ("bf16", "ours in bf16")):
        ordinary, ours = Trainer("fp32", channels_last=False), Trainer(numbers, channels_last=True)
        seconds = turn_about(
            lambda: (ordinary.step(*batch) for batch in loader),  # noqa: B023 - used within this turn
            lambda: (ours.step(*batch) for batch in resident_batches(resident)),  # noqa: B023
        )
        tell(f"training step, {name}", seconds)


class Trainer:
    """A ResNet18 and its optimiser."""

    def __init__(self, numbers: Precision, *, channels_last: bool) -> None:
        torch.manual_seed(0)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self._model = resnet18(10).train().to(memory_format=layout)
        self._optimiser = torch.optim.SGD(self._model.parameters(), lr=0.01, momentum=0.9, fused=True)
        self._numbers = numbers

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """One optimiser step."""
        self._optimiser.zero_grad(set_to_none=True)
        with precision(self._numbers, torch.device("cpu")):
            F.cross_entropy(self._model(images), labels).backward()
        self._optimiser.step()


def resident_batches(data: ResidentSet) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    random = torch.Generator().manual_seed(0)
    for batch in data.shuffled(BATCH, random, augment=True):
        yield batch.images, batch.labels


def batches_of(source: Iterable[object]) -> Iterator[None]:
    """Fetch, and do nothing with it."""
    for _ in source:
        yield


def turn_about(*sides: Callable[[], Iterator[None]]) -> list[float]:
    """Median seconds of a step of each side; they take turns, so that a busy machine slows both."""
    running = [iter(side()) for side in sides]
    seconds: list[list[float]] = [[] for _ in sides]
    for number in range(STEPS + WARM_UP):
        for side, times in zip(running, seconds, strict=True):
            started = time.perf_counter()
            next(side)
            if number >= WARM_UP:
                times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in seconds]


def tell(what: str, seconds: list[float]) -> None:
    ordinary, resident = seconds
    print(f"{what}: {1e3 * ordinary:.1f} ms against {1e3 * resident:.1f} ms, ratio {ordinary / resident:.2f}")


if __name__ == "__main__":
    main()
