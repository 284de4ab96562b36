"""What the package declares; no torch here."""

from typing import Annotated

from pydantic import Field

from core.catalog.attacks import AttackInfo
from core.catalog.datasets import DatasetInfo
from core.catalog.models import ModelInfo
from core.catalog.unlearners import Hyperparameters, UnlearnerInfo
from core.spec.search import LogUniform, Uniform


class NoiseHyperparameters(Hyperparameters):
    """Gaussian noise on every parameter."""

    sigma: Annotated[float, Field(ge=0, description="Standard deviation."), LogUniform(1e-4, 1)] = 0.01


class SleepHyperparameters(Hyperparameters):
    """A method that takes its time."""

    seconds: Annotated[float, Field(ge=0, le=60), Uniform(2, 3)] = 5.0


def toy(
    id: str, title: str, name: str, hyperparameters: type[Hyperparameters], function: str
) -> UnlearnerInfo:
    """An unlearner that uses none of the sets."""
    return UnlearnerInfo(
        id=id,
        title=title,
        name=name,
        source="nobody",
        uses=frozenset(),
        hyperparameters=hyperparameters,
        implementation=f"lethe_toy_torch:{function}",
    )


TOY_NOISE = toy("toy_noise", "Noise", "Noise", NoiseHyperparameters, "add_noise")
TOY_KILLER = toy("toy_killer", "Killer", "Kills its own process", NoiseHyperparameters, "kill_itself")
TOY_SLEEPER = toy("toy_sleeper", "Sleeper", "Sleeps", SleepHyperparameters, "sleep")
TOY_RAISER = toy("toy_raiser", "Raiser", "Never works", NoiseHyperparameters, "raise_an_error")
TOY_UNLUCKY = toy(
    "toy_unlucky", "Unlucky", "Always meets a broken device", NoiseHyperparameters, "meet_a_broken_device"
)
TOY_GLUTTON = toy(
    "toy_glutton", "Glutton", "Never has enough memory", NoiseHyperparameters, "run_out_of_memory"
)
TOY_NET = ModelInfo(
    id="toy_net",
    title="Toy net",
    source="nobody",
    implementation="lethe_toy_torch:toy_net",
    parts="lethe_toy_torch:parts",
    num_stages=1,
    forward_mflop={16: 0.01},
)
TOY_SLOW_NET = TOY_NET.model_copy(
    update={"id": "toy_slow_net", "title": "Slow net", "implementation": "lethe_toy_torch:toy_slow_net"}
)
TOY_HUNGRY_NET = TOY_NET.model_copy(
    update={"id": "toy_hungry_net", "title": "Hungry net", "implementation": "lethe_toy_torch:toy_hungry_net"}
)
TOY_SCRAMBLE = DatasetInfo(
    id="toy_scramble",
    title="Scramble",
    source="nobody",
    num_classes=4,
    num_train=240,
    num_test=40,
    image_size=16,
    mean=(0.5, 0.5, 0.5),
    std=(0.3, 0.3, 0.3),
    augmentation="none",
    implementation="lethe_toy_torch:scramble",
)
TOY_THRESHOLD = AttackInfo(
    id="toy_threshold",
    title="Threshold",
    source="nobody",
    implementation="lethe_toy_torch:threshold",
)
