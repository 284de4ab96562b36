"""What a method is given: the sets it declared, the parts of its model, and its only source of randomness."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from core.catalog.unlearners import SetName
from core.datasets.resident import ResidentSet
from core.errors import SetWithheld
from core.models.parts import Parts


@dataclass(frozen=True)
class Task:
    """One run of one method. No test set, no retrained model, no attack: a method cannot peek.

    Attributes:
        sets: the declared sets by name, none of them empty.
        num_classes: width of the classifier.
        device: where the model and the sets are.
        generator: on `device`; the only source of randomness.
        parts_of: the parts of a model of this architecture (its own, or a copy).
        fresh_model: another model of the same architecture, freshly initialised, on `device`.
    """

    sets: Mapping[SetName, ResidentSet]
    num_classes: int
    device: torch.device
    generator: torch.Generator
    parts_of: Callable[[nn.Module], Parts]
    fresh_model: Callable[[], nn.Module]

    @property
    def retain(self) -> ResidentSet:
        """The retain set."""
        return self._declared("retain")

    @property
    def forget(self) -> ResidentSet:
        """The forget set."""
        return self._declared("forget")

    @property
    def validation(self) -> ResidentSet:
        """The validation set."""
        return self._declared("validation")

    def _declared(self, name: SetName) -> ResidentSet:
        if name not in self.sets:
            raise SetWithheld(
                f"The method reads the {name} set without declaring it in its catalogue entry's `uses`."
            )
        return self.sets[name]
