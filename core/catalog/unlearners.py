"""What an unlearner declares: torch-free, with its hyperparameters. The records are in `classical`,
`challenge`, `published`.

An unlearner's `implementation` is `unlearn(model: nn.Module, task: Task, hp: Hyperparameters) -> None`, which
changes `model`, a copy of the original, in place. Defaults and search spaces are those of the paper's code
(methods §3–5); a protocol may bring defaults of its own for a setting (`core.catalog.protocols`).
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from core.catalog.declaration import Declaration
from core.catalog.work import SetSizes, Work
from core.spec.search import Epochs, LogUniform, OneOf, Stages, Uniform

MOMENTUM = 0.9  # every SGD of the benchmark; the paper's sweeps search it in [0.9, 0.9] (methods §8 row 20)

SetName: TypeAlias = Literal["retain", "forget", "validation"]
Variant: TypeAlias = Literal["official", "fixed"]

LearningRate = Annotated[float, Field(gt=0, le=10, description="Peak learning rate."), LogUniform(1e-5, 1e-1)]
WeightDecay = Annotated[
    float, Field(ge=0, le=1, description="Coupled weight decay on every parameter."), LogUniform(1e-5, 1e-1)
]
BatchSize = Annotated[int, Field(ge=2, le=4096, description="Samples per step."), OneOf((64, 128, 256))]
NumEpochs = Annotated[int, Field(ge=0, le=1000, description="Passes over the data."), Epochs()]
Share = Annotated[float, Field(ge=0, le=1), Uniform(0, 1)]
# The paper's code searches [0, 5], where 0 divides by zero (methods §8 row 21).
Temperature = Annotated[
    float, Field(gt=0, le=100, description="Divides the logits before the softmax."), Uniform(0.1, 5)
]
NumStages = Annotated[
    int,
    Field(ge=0, le=100, description="k: trained stages, counted from the output; 0 is the classifier alone."),
    Stages(),
]
Augment = Annotated[
    bool,
    Field(description="Whether training passes are augmented as the original's were (methods §8 row 18)."),
]


class Hyperparameters(BaseModel):
    """Base of all hyperparameter classes: frozen, unknown names refused, no coercion of text into numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def work(self, sizes: SetSizes) -> Work | None:  # noqa: ARG002 - what a plug-in may override
        """The images that a run with these values sends through models; None: the author has not said."""
        return None


class UnlearnerInfo(Declaration):
    """One unlearning method.

    `uses` names the sets it may see; the others are withheld from it. What is measured on the validation set
    is not reported for a method that trains on it (methods §8 row 16).
    """

    name: str
    uses: frozenset[SetName]
    trains_on_validation: bool = False
    hyperparameters: type[Hyperparameters]
