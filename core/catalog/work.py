"""How much a run computes, counted in images through the model: what estimates rest on (methods §6)."""

from dataclasses import dataclass

# Samples whose own gradients are held at once: 2.2 GB at the 11 million parameters of ResNet18.
GRADIENT_BLOCK = 50


@dataclass(frozen=True)
class SetSizes:
    """Samples of each set that a method may be given, and the number of classes."""

    retain: int
    forget: int
    validation: int
    num_classes: int

    @property
    def training(self) -> int:
        """Retain and forget set together."""
        return self.retain + self.forget


@dataclass(frozen=True)
class Work:
    """Images sent forward and backward through a model of the setting's architecture, teachers included."""

    forward: float
    backward: float

    @property
    def forward_units(self) -> float:
        """In forward passes of one image; a backward pass counts as two."""
        return self.forward + 2 * self.backward

    def __add__(self, other: "Work") -> "Work":
        return Work(self.forward + other.forward, self.backward + other.backward)


def training(images: float) -> Work:
    """Each image forward and backward once."""
    return Work(forward=images, backward=images)


def inference(images: float) -> Work:
    """Each image forward once."""
    return Work(forward=images, backward=0)
