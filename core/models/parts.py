"""What methods may ask of a model. No method looks at module names or types of architectures
(methods §1.4).
"""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Parts:
    """The parts of one model instance.

    Attributes:
        classifier: the last linear layer.
        first_convolution: the layer that reads the image.
        stages: what "the last k" counts, from input to output; each a group of modules. The stem is in none.
    """

    classifier: nn.Linear
    first_convolution: nn.Conv2d
    stages: tuple[tuple[nn.Module, ...], ...]
