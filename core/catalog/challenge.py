"""The unlearners that come from the NeurIPS 2023 Machine Unlearning challenge (methods.md §4)."""

from typing import Annotated

from pydantic import Field

from core.catalog.unlearners import (
    Augment,
    BatchSize,
    Hyperparameters,
    LearningRate,
    NumEpochs,
    Share,
    UnlearnerInfo,
    Variant,
    WeightDecay,
)
from core.catalog.work import SetSizes, Work, training


class CTHyperparameters(Hyperparameters):
    """Convolution transpose: SGD with a cosine schedule after the kernels are turned."""

    learning_rate: LearningRate = 1e-3
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 64
    num_epochs: NumEpochs = 3
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods.md §6)."""
        return training(self.num_epochs * sizes.retain)


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
            description="official: retain gradients in batches of 64, batch means summed, batch-norm "
            "statistics drift; fixed: samples weigh the same and the statistics are restored "
            "(methods.md §8 row 7)."
        ),
    ] = "official"
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods.md §6)."""
        return training(min(sizes.forget, sizes.retain) + sizes.forget + self.num_epochs * sizes.retain)


MSG = UnlearnerInfo(
    id="msg",
    title="MSG",
    name="Masked small gradients",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 459200 (methods.md §4.2)",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=MSGHyperparameters,
    implementation="core.unlearners.msg:unlearn",
)
