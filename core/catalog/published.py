"""The unlearners that were published as methods of their own (methods.md §5)."""

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
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods.md §6)."""
        passes = 1 if self.alpha == 1 else 2  # without ascent the forget set is not looked at
        return training(passes * self.num_epochs * sizes.retain)


NG_PLUS = UnlearnerInfo(
    id="ng_plus",
    title="NG+",
    name="Negative gradient plus",
    source="Kurmanji et al. 2023, arXiv 2302.09880 (methods.md §5.8)",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=NGPlusHyperparameters,
    implementation="core.unlearners.ng_plus:unlearn",
)
