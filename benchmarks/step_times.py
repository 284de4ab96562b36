"""Training steps at 32 px: eager, compiled, with CUDA graphs, and several models side by side.

Meant for a GPU, where a step is bound by launches (protocol §9.4); on a CPU it runs with fewer steps, and
eager ones only. Every line is a ratio to the eager fp32 step of one model on the same machine.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import nn

from core.bench import precision
from core.catalog.models import ModelInfo
from core.catalog.protocols import Precision
from core.catalog.registry import implementation, installed
from core.optimisers import SGD

IMAGE_SIZE, NUM_CLASSES = 32, 10
COMPILATIONS: dict[str, dict[str, str] | None] = {
    "eager": None,
    "compiled": {},
    "compiled with CUDA graphs": {"mode": "reduce-overhead"},
}

Step: TypeAlias = Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=sorted(installed().models), default="resnet18")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--side-by-side", type=int, nargs="*", default=[2, 4, 8])
    options = parser.parse_args()
    device, info = torch.device(options.device), installed().models[options.model]
    is_gpu = device.type == "cuda"
    flop_per_step = 3 * info.forward_flop(IMAGE_SIZE) * options.batch_size  # a backward pass is two forward
    variants: dict[str, tuple[int, Callable[[], Step]]] = {}
    for numbers in get_args(Precision):
        for name, compilation in COMPILATIONS.items() if is_gpu else [("eager", None)]:
            variants[f"{name} {numbers}"] = (
                1,
                partial(step_of, info, options.batch_size, device, numbers, compilation),
            )
    for count in options.side_by_side if is_gpu else []:
        variants[f"{count} models on streams, eager bf16"] = (
            count,
            partial(side_by_side, count, info, options.batch_size, device),
        )
    eager = 0.0
    for name, (models, prepare) in variants.items():
        seconds = median_seconds(prepare(), 50 if is_gpu else 3, device) / models
        eager = eager or seconds
        rate, ratio = flop_per_step / seconds / 1e12, eager / seconds
        print(f"{name}: {1e3 * seconds:.2f} ms per model and step, {rate:.2f} TFLOP/s, ratio {ratio:.2f}")


def step_of(
    info: ModelInfo,
    batch_size: int,
    device: torch.device,
    numbers: Precision,
    compilation: dict[str, str] | None = None,
) -> Step:
    """One optimiser step of one model on a fixed batch."""
    torch.manual_seed(0)
    model: nn.Module = implementation(info.implementation)(NUM_CLASSES)
    model = model.to(device, memory_format=torch.channels_last).train()
    images = torch.randn(batch_size, 3, IMAGE_SIZE, IMAGE_SIZE, device=device)
    labels = torch.randint(NUM_CLASSES, (batch_size,), device=device)
    optimiser = SGD(model.parameters(), lr=0.01, momentum=0.9)

    def loss() -> torch.Tensor:
        with precision(numbers, device):
            return F.cross_entropy(model(images), labels)

    forward = loss if compilation is None else torch.compile(loss, **compilation)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        forward().backward()
        optimiser.step()

    return step


def side_by_side(count: int, info: ModelInfo, batch_size: int, device: torch.device) -> Step:
    """A step of several models, each on a stream of its own."""
    steps = [step_of(info, batch_size, device, "bf16") for _ in range(count)]
    streams = [torch.cuda.Stream(device) for _ in range(count)]

    def step() -> None:
        for stream, one in zip(streams, steps, strict=True):
            with torch.cuda.stream(stream):
                one()

    return step


def median_seconds(step: Step, steps: int, device: torch.device) -> float:
    """Of a step, after two that warm up."""
    seconds = []
    for number in range(steps + 2):
        started = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if number >= 2:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
