"""How much faster a training step of TinyViT is with compact attention than with the padded one, at 32 px."""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from core.models.tiny_vit import TIMM_NAME, tiny_vit
from core.torchvision_operators import declare_missing_operators

NUM_CLASSES = 10
IMAGE_SIZE = 32


def main() -> None:
    """Print both step times and their ratio; the two models take turns, so that a busy machine slows both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5, help="measured steps of each model")
    parser.add_argument(
        "--threads", type=int, default=1, help="more than one wait for each other where others work"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(options.threads)
    steps = {
        name: Step(model.to(device, memory_format=torch.channels_last), options.batch_size, device)
        for name, model in (("padded", padded()), ("compact", tiny_vit(NUM_CLASSES)))
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_number in range(options.steps + 2):
        for name, step in steps.items():
            elapsed = step.seconds()
            if round_number >= 2:  # the first two warm up
                seconds[name].append(elapsed)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    where = f"cpu, threads: {options.threads}" if device.type == "cpu" else torch.cuda.get_device_name(device)
    print(f"TinyViT, {IMAGE_SIZE} px, batch {options.batch_size}, median of {options.steps} steps ({where})")
    for name, median in medians.items():
        low, high = min(seconds[name]), max(seconds[name])
        print(f"{name:>8}: {median * 1e3:8.1f} ms per step ({low * 1e3:.1f} … {high * 1e3:.1f})")
    print(f"   ratio: {medians['padded'] / medians['compact']:8.2f}")


def padded() -> nn.Module:
    """The model as timm has it."""
    declare_missing_operators()
    import timm

    model: nn.Module = timm.create_model(TIMM_NAME, num_classes=NUM_CLASSES)
    return model


class Step:
    """Forward, backward and SGD step of one model on one batch."""

    def __init__(self, model: nn.Module, batch_size: int, device: torch.device) -> None:
        self.model = model.train()
        self.optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)
        self.images = torch.randn(batch_size, 3, IMAGE_SIZE, IMAGE_SIZE, device=device)
        self.labels = torch.randint(NUM_CLASSES, (batch_size,), device=device)

    def seconds(self) -> float:
        """How long one step takes."""
        self._synchronise()
        started = time.perf_counter()
        self.optimiser.zero_grad(set_to_none=True)
        cross_entropy(self.model(self.images), self.labels).backward()
        self.optimiser.step()
        self._synchronise()
        return time.perf_counter() - started

    def _synchronise(self) -> None:
        if self.images.is_cuda:
            torch.cuda.synchronize()


if __name__ == "__main__":
    main()
