"""Training steps of ResNet18 at 32 px: eager, in bf16, compiled, and several models side by side.

Meant for a GPU, where a step is bound by launches (protocol §9.4); on a CPU it runs with fewer steps. Every
line is a ratio to the eager fp32 step of one model on the same machine.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from core.bench import precision
from core.catalog.protocols import Precision
from core.models.resnet import resnet18

MFLOP_PER_IMAGE = 217.3  # forward and backward (protocol §9.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--side-by-side", type=int, nargs="*", default=[2, 4, 8])
    options = parser.parse_args()
    device = torch.device(options.device)
    steps = 50 if device.type == "cuda" else 3
    variants: dict[str, tuple[int, Callable[[], Callable[[], None]]]] = {
        "eager fp32": (1, lambda: step_of(options.batch_size, device, "fp32")),
        "eager bf16": (1, lambda: step_of(options.batch_size, device, "bf16")),
    }
    if device.type == "cuda":
        variants["compiled bf16, CUDA graphs"] = (
            1,
            lambda: step_of(options.batch_size, device, "bf16", compiled=True),
        )
        for count in options.side_by_side:
            variants[f"{count} models on streams, bf16"] = (
                count,
                lambda count=count: side_by_side(count, options.batch_size, device),
            )
    eager = 0.0
    for name, (models, prepare) in variants.items():
        seconds = median_seconds(prepare(), steps, device) / models
        eager = eager or seconds
        rate, ratio = options.batch_size * MFLOP_PER_IMAGE / seconds / 1e6, eager / seconds
        print(f"{name}: {1e3 * seconds:.2f} ms per model and step, {rate:.2f} TFLOP/s, ratio {ratio:.2f}")


def step_of(
    batch_size: int, device: torch.device, numbers: Precision, *, compiled: bool = False
) -> Callable[[], None]:
    """One optimiser step of one model on a fixed batch."""
    torch.manual_seed(0)
    model: nn.Module = resnet18(10).to(device, memory_format=torch.channels_last).train()
    images = torch.randn(batch_size, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch_size,), device=device)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)

    def loss() -> torch.Tensor:
        with precision(numbers, device):
            return F.cross_entropy(model(images), labels)

    forward = torch.compile(loss, mode="reduce-overhead") if compiled else loss

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        forward().backward()
        optimiser.step()

    return step


def side_by_side(count: int, batch_size: int, device: torch.device) -> Callable[[], None]:
    """A step of several models, each on a stream of its own."""
    steps = [step_of(batch_size, device, "bf16") for _ in range(count)]
    streams = [torch.cuda.Stream(device) for _ in range(count)]

    def step() -> None:
        for stream, one in zip(streams, steps, strict=True):
            with torch.cuda.stream(stream):
                one()

    return step


def median_seconds(step: Callable[[], None], steps: int, device: torch.device) -> float:
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
