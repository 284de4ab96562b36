"""What the package implements."""

import logging
import os
import signal
import time
from pathlib import Path

import torch
from torch import nn

from core.attacks.observations import Evidence, Observations
from core.datasets.source import Source
from core.models.parts import Parts


def toy_net(num_classes: int) -> nn.Module:
    hidden = nn.Linear(192, 16)
    return nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), hidden, nn.ReLU(), nn.Linear(16, num_classes))


def toy_slow_net(num_classes: int) -> nn.Module:
    """The toy net; a step of its training takes a while."""
    model = toy_net(num_classes)
    model.register_forward_pre_hook(lambda module, _inputs: time.sleep(0.01 * module.training))
    return model


def toy_hungry_net(num_classes: int) -> nn.Module:
    """The toy net; the first step of its training that a deployment runs has no memory."""
    model = toy_net(num_classes)
    model.register_forward_pre_hook(be_hungry_once)
    return model


def be_hungry_once(module: nn.Module, _inputs: tuple) -> None:
    fed = Path(os.environ["LETHE_VAR_DIR"], "fed")
    if module.training and not fed.exists():
        fed.touch()
        raise torch.OutOfMemoryError("CUDA out of memory.")


def parts(model: nn.Module) -> Parts:
    return Parts(classifier=model[4], first_convolution=model[2], stages=((model[2],),))


def add_noise(model: nn.Module, task, hp) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=task.generator), alpha=hp.sigma)


def kill_itself(model: nn.Module, task, hp) -> None:
    logging.getLogger(__name__).info("This is the end.", extra={"classes": task.num_classes})
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(model: nn.Module, task, hp) -> None:
    time.sleep(hp.seconds)


def raise_an_error(model: nn.Module, task, hp) -> None:
    raise RuntimeError("it never works: caf\udce9\0.png")  # no database stores such text as it is


def meet_a_broken_device(model: nn.Module, task, hp) -> None:
    raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")


def run_out_of_memory(model: nn.Module, task, hp) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def scramble(info, _data_dir) -> Source:
    """Noise with labels that nothing but memory can tell."""
    generator = torch.Generator().manual_seed(0)
    count = info.num_train + info.num_test
    coarse = torch.randint(0, 256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
    pixels = coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return Source(pixels, torch.randint(0, info.num_classes, (count,), generator=generator)).require(info)


def threshold(observed: Observations) -> Evidence:
    """A sample whose label is likelier than not was trained on."""
    return Evidence(observed.scores, observed.unseen_scores)
