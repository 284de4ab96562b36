"""The classical baselines among the unlearners (methods §3)."""

from core.catalog.unlearners import (
    Augment,
    BatchSize,
    Hyperparameters,
    LearningRate,
    NumEpochs,
    UnlearnerInfo,
    WeightDecay,
)
from core.catalog.work import SetSizes, Work, training


class FTHyperparameters(Hyperparameters):
    """Fine-tuning: SGD with a cosine schedule."""

    learning_rate: LearningRate = 0.1
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 256
    num_epochs: NumEpochs = 5
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        return training(self.num_epochs * sizes.retain)


FT = UnlearnerInfo(
    id="ft",
    title="FT",
    name="Fine-tune",
    source="Golatkar et al. 2020, arXiv 1911.04933; Warnecke et al. 2021, arXiv 2108.11577",
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
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        return training(self.num_epochs * sizes.forget)


GA = UnlearnerInfo(
    id="ga",
    title="GA",
    name="Gradient ascent",
    source="Graves et al. 2021, arXiv 2010.10981; Thudi et al. 2022, arXiv 2109.13398",
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
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        return training(self.num_epochs * sizes.training)


SRL = UnlearnerInfo(
    id="srl",
    title="SRL",
    name="Successive random labels",
    source="Golatkar et al. 2020, arXiv 1911.04933; Graves et al. 2021, arXiv 2010.10981",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=SRLHyperparameters,
    implementation="core.unlearners.srl:unlearn",
)
