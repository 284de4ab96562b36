"""The unlearners that can be asked for: torch-free declarations with their hyperparameters.

An unlearner's `implementation` is `unlearn(model: nn.Module, task: Task, hp: Hyperparameters) -> None`, which changes
`model`, a copy of the original, in place. Defaults and search spaces are those of the paper's code (methods.md §3–5);
a protocol may bring defaults of its own for a setting (`core.catalog.protocols`).
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from core.catalog.declaration import Declaration
from core.spec.search import Epochs, LogUniform, OneOf, Uniform

MOMENTUM = (
    0.9  # every SGD of the benchmark; the paper's sweeps search it in [0.9, 0.9] (methods.md §8 row 20)
)

SetName: TypeAlias = Literal["retain", "forget", "validation"]
Variant: TypeAlias = Literal["official", "fixed"]

LearningRate = Annotated[float, Field(gt=0, le=10, description="Peak learning rate."), LogUniform(1e-5, 1e-1)]
WeightDecay = Annotated[
    float, Field(ge=0, le=1, description="Coupled weight decay on every parameter."), LogUniform(1e-5, 1e-1)
]
BatchSize = Annotated[int, Field(ge=2, le=4096, description="Samples per step."), OneOf((64, 128, 256))]
NumEpochs = Annotated[int, Field(ge=0, le=1000, description="Passes over the data."), Epochs()]
Share = Annotated[float, Field(ge=0, le=1), Uniform(0, 1)]


class Hyperparameters(BaseModel):
    """Base of all hyperparameter classes: frozen, unknown names refused, no coercion of text into numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class UnlearnerInfo(Declaration):
    """One unlearning method. `uses` names the sets it may see; the others are withheld from it."""

    name: str
    uses: frozenset[SetName]
    hyperparameters: type[Hyperparameters]


class FTHyperparameters(Hyperparameters):
    """Fine-tuning: SGD with a cosine schedule."""

    learning_rate: LearningRate = 0.1
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 256
    num_epochs: NumEpochs = 5


FT = UnlearnerInfo(
    id="ft",
    title="FT",
    name="Fine-tune",
    source="Golatkar et al. 2020, arXiv 1911.04933; Warnecke et al. 2021, arXiv 2108.11577 (methods.md §3.1)",
    uses=frozenset({"retain"}),
    hyperparameters=FTHyperparameters,
    implementation="core.unlearners.ft:unlearn",
)


class GAHyperparameters(Hyperparameters):
    """Gradient ascent: SGD at a constant rate."""

    learning_rate: LearningRate = 0.01
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 256
    num_epochs: NumEpochs = 10


GA = UnlearnerInfo(
    id="ga",
    title="GA",
    name="Gradient ascent",
    source="Graves et al. 2021, arXiv 2010.10981; Thudi et al. 2022, arXiv 2109.13398 (methods.md §3.2)",
    uses=frozenset({"forget"}),
    hyperparameters=GAHyperparameters,
    implementation="core.unlearners.ga:unlearn",
)


class SRLHyperparameters(Hyperparameters):
    """Successive random labels: SGD at a constant rate."""

    learning_rate: LearningRate = 0.1
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 256
    num_epochs: NumEpochs = 5


SRL = UnlearnerInfo(
    id="srl",
    title="SRL",
    name="Successive random labels",
    source="Golatkar et al. 2020, arXiv 1911.04933; Graves et al. 2021, arXiv 2010.10981 (methods.md §3.3)",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=SRLHyperparameters,
    implementation="core.unlearners.srl:unlearn",
)


class NGPlusHyperparameters(Hyperparameters):
    """NG+: SGD at a constant rate on a weighted difference of losses."""

    alpha: Annotated[Share, Field(description="Weight of the retain loss; 1 − alpha weighs the ascent.")] = (
        0.95
    )
    learning_rate: LearningRate = 0.01
    weight_decay: WeightDecay = 0.0
    batch_size: BatchSize = 256
    num_epochs: NumEpochs = 10
    variant: Annotated[
        Variant,
        Field(
            description="official: batch norm frozen in eval mode; fixed: train mode (methods.md §8 row 17)."
        ),
    ] = "official"


NG_PLUS = UnlearnerInfo(
    id="ng_plus",
    title="NG+",
    name="Negative gradient plus",
    source="Kurmanji et al. 2023, arXiv 2302.09880 (methods.md §5.8)",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=NGPlusHyperparameters,
    implementation="core.unlearners.ng_plus:unlearn",
)


class CTHyperparameters(Hyperparameters):
    """Convolution transpose: SGD with a cosine schedule after the kernels are turned."""

    learning_rate: LearningRate = 1e-3
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 64
    num_epochs: NumEpochs = 3


CT = UnlearnerInfo(
    id="ct",
    title="CT",
    name="Convolution transpose",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 458531 (methods.md §4.5)",
    uses=frozenset({"retain"}),
    hyperparameters=CTHyperparameters,
    implementation="core.unlearners.ct:unlearn",
)


class MSGHyperparameters(Hyperparameters):
    """Masked small gradients: re-draw, then repair with damped gradients under a triangular schedule."""

    redraw_share: Annotated[
        Share, Field(description="ρ: share of each convolution's weights that is re-drawn.")
    ] = 0.3
    learning_rate: LearningRate = 1e-3
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 64
    num_epochs: NumEpochs = 5
    variant: Annotated[
        Variant,
        Field(
            description="official: retain gradients in batches of 64, batch means summed, batch-norm statistics drift; "
            "fixed: samples weigh the same and the statistics are restored (methods.md §8 row 7)."
        ),
    ] = "official"


MSG = UnlearnerInfo(
    id="msg",
    title="MSG",
    name="Masked small gradients",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 459200 (methods.md §4.2)",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=MSGHyperparameters,
    implementation="core.unlearners.msg:unlearn",
)
