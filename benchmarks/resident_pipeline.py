"""Our training step against an ordinary one: DataLoader, torchvision's transforms and model, torch's SGD.

Goal: a ratio of 2 on a CPU, 10 on a GPU. CIFAR's shape and training transform (crop with padding 4, flip,
standardise); on the CPU with as many threads as torch takes; the loader has one worker per core. The sides
take turns, each in a new process: ours in the environment of a worker's runner, the other in the plain one.

In fp32 five sixths of our step on a CPU are convolutions and products that run near what the cores can
multiply, so only work left out makes it shorter: taps that meet padding alone (`core.models.convolution`),
products that others determine (`core.models.winograd`), a ReLU of what pooling drops (`core.models.resnet`),
copies of gradients (`core.optimisers`), pages filled with zeros (`worker.tuning`). On two idle cores of an
AMD EPYC with AVX-512 (Zen 4) two runs gave ratios of 1.90 and 1.89 in fp32, among two of 1.73 and 1.72 with
padded convolutions in the second stage, and 2.82 and 2.86 in bf16, in which that processor multiplies. Before
Winograd's products three runs on the generation after it (Zen 5) gave 1.93, 1.93 and 2.00. On a host with
busier neighbours two runs on Zen 4 gave 1.78 and 1.82. Where AVX-512 has no bf16, a step in it takes three
times as long as in fp32. A runner's threads wait awake for a short time only, which costs about 5 % on idle
cores and halves the time on busy ones.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from core.bench import precision
from core.catalog.datasets import CIFAR10
from core.catalog.protocols import PROTOCOLS, Precision
from core.datasets.augment import crop_flip
from core.datasets.resident import ResidentSet
from core.models.resnet import resnet18
from core.optimisers import SGD
from core.torchvision_operators import declare_missing_operators
from worker.tuning import RUNNER_ENVIRONMENT

IMAGES, BATCH, TURNS = 10_000, 256, 3
WARM_UP, STEPS = 4, 12  # past what the loader's workers fetch ahead, so that its pace is its own

Step = Callable[[Tensor, Tensor], None]
Seconds = dict[str, float]  # per step, by what was measured


class Ordinary(Dataset[tuple[Tensor, int]]):
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

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(Image.fromarray(self._pixels[index])), int(self._labels[index])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", choices=SIDES, help="one turn of a side, in this process")
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](torch.device(options.device))))
        return
    turns = [{side: turn_of(side, options.device) for side in SIDES} for _ in range(TURNS)]
    ordinary, ours = (
        {what: statistics.median(turn[side][what] for turn in turns) for what in turns[0][side]}
        for side in SIDES
    )
    tell("batch alone", ordinary["batch"], ours["batch"])
    tell("training step, fp32 on both sides", ordinary["fp32"], ours["fp32"])
    processor = f" (a processor with {torch.backends.cpu.get_cpu_capability()})" * (options.device == "cpu")
    tell(f"training step, ours in bf16{processor}", ordinary["fp32"], ours["bf16"])
    defaults = ", ".join(f"{protocol.precision} in {protocol.id}" for protocol in PROTOCOLS.values())
    print(
        f"The default precision is {defaults}, on every device: it is what the paper trained in, and as "
        "part of a setting it must not depend on the worker. bf16 is a setting of its own, on request."
    )


def turn_of(side: str, device: str) -> Seconds:
    """One turn of a side in a process of its own: ours in a runner's environment, the other as it is."""
    environment = os.environ | (RUNNER_ENVIRONMENT if side == "ours" else {})
    command = [sys.executable, __file__, "--device", device, "--side", side]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    seconds: Seconds = json.loads(done.stdout)
    return seconds


def ordinary_side(device: torch.device) -> Seconds:
    """A DataLoader with a worker per core, torchvision's model, torch's SGD."""
    loader = DataLoader(Ordinary(*samples()), BATCH, shuffle=True, num_workers=os.cpu_count() or 1)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in loader:
            yield images.to(device), labels.to(device)

    model = torchvision_resnet18().to(device)
    sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    return {
        "batch": seconds_per_step(batches(), fetch_only),
        "fp32": seconds_per_step(batches(), trainer(model, sgd, "fp32")),
    }


def our_side(device: torch.device) -> Seconds:
    """Resident data, our model, our SGD."""
    pixels, labels = samples()
    resident = ResidentSet(
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().to(device),
        torch.from_numpy(labels).to(device),
        torch.tensor(CIFAR10.mean, device=device),
        torch.tensor(CIFAR10.std, device=device),
        augmentation=crop_flip,
    )

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for batch in resident.shuffled(BATCH, torch.Generator(device).manual_seed(0), augment=True):
            yield batch.images, batch.labels

    model = resnet18(10).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    sgd = SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    return {
        "batch": seconds_per_step(batches(), fetch_only),
        "fp32": seconds_per_step(batches(), trainer(model, sgd, "fp32")),
        "bf16": seconds_per_step(batches(), trainer(model, sgd, "bf16")),
    }


SIDES: dict[str, Callable[[torch.device], Seconds]] = {"ordinary": ordinary_side, "ours": our_side}


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Random pixels and labels: only the time matters."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)
    return pixels, generator.integers(0, 10, IMAGES)


def torchvision_resnet18() -> nn.Module:
    declare_missing_operators()
    from torchvision import models

    model: nn.Module = models.resnet18(num_classes=10)
    return model


def trainer(model: nn.Module, optimiser: torch.optim.Optimizer, numbers: Precision) -> Step:
    """One optimiser step of a model."""
    model.train()

    def step(images: Tensor, labels: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        with precision(numbers, images.device):
            F.cross_entropy(model(images), labels).backward()
        optimiser.step()

    return step


def fetch_only(_images: Tensor, _labels: Tensor) -> None:
    """No step: the batch alone."""


def seconds_per_step(batches: Iterator[tuple[Tensor, Tensor]], step: Step) -> float:
    """Fetch and step; the warm-up is not counted. The iterator ends, and the loader's workers with it."""
    for _ in range(WARM_UP):
        step(*next(batches))
    started = _now()
    for _ in range(STEPS):
        step(*next(batches))
    return (_now() - started) / STEPS


def _now() -> float:
    """The clock, when a GPU has nothing left to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def tell(what: str, ordinary: float, ours: float) -> None:
    print(f"{what}: {1e3 * ordinary:.1f} ms against {1e3 * ours:.1f} ms, ratio {ordinary / ours:.2f}")


if __name__ == "__main__":
    main()
