"""The unlearners that were published as methods of their own (methods §5)."""

from math import ceil
from typing import Annotated

from pydantic import Field

from core.catalog.unlearners import (
    Augment,
    BatchSize,
    Hyperparameters,
    LearningRate,
    NumEpochs,
    NumStages,
    Share,
    Temperature,
    UnlearnerInfo,
    Variant,
    WeightDecay,
)
from core.catalog.work import GRADIENT_BLOCK, SetSizes, Work, inference, training
from core.spec.search import ByVariant, Epochs, LogUniform, Uniform


class SalUNHyperparameters(Hyperparameters):
    """SalUN: SRL's training, of the salient weights only."""

    kept_share: Annotated[
        Share, Field(description="τ: share of all weights that training may change, the most salient ones.")
    ] = 0.5
    learning_rate: LearningRate = 0.01
    weight_decay: WeightDecay = 0.0
    batch_size: BatchSize = 256
    num_epochs: NumEpochs = 10
    variant: Annotated[
        Variant,
        Field(
            description="official: saliency from prefix sums of the batch gradients, and weight decay moves "
            "masked weights; fixed: each batch counts once, and masked weights keep their values "
            "(methods §8 row 9)."
        ),
    ] = "official"
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        return training(sizes.forget + self.num_epochs * sizes.training)


SALUN = UnlearnerInfo(
    id="salun",
    title="SalUN",
    name="Saliency unlearning",
    source="Fan et al. 2024, arXiv 2310.12508",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=SalUNHyperparameters,
    implementation="core.unlearners.salun:unlearn",
)


class CFkHyperparameters(Hyperparameters):
    """CF-k: SGD without momentum or weight decay on the model's tail, with a step decay."""

    num_stages: NumStages = 1
    learning_rate: LearningRate = 0.01
    decay_factor: Annotated[
        Share, Field(description="γ: factor on the learning rate after 50, 80 and 90 % of the epochs.")
    ] = 0.1
    penalty: Annotated[
        float,
        Field(
            ge=0, le=1, description="λ: weight of the squared distance to the weights training started at."
        ),
        LogUniform(1e-5, 1e-1),
    ] = 0.1
    num_epochs: NumEpochs = 10
    batch_size: BatchSize = 256
    variant: Annotated[
        Variant,
        Field(
            description="official: trains in eval mode, batch-norm statistics stay; fixed: train mode "
            "(methods §8 row 17)."
        ),
    ] = "official"
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model; the backward pass is counted as if it did not end at the tail."""
        return training(self.num_epochs * sizes.retain)


CF_K = UnlearnerInfo(
    id="cf_k",
    title="CF-k",
    name="Catastrophic forgetting k",
    source="Goel et al. 2022, arXiv 2201.06640",
    uses=frozenset({"retain"}),
    hyperparameters=CFkHyperparameters,
    implementation="core.unlearners.cf_k:unlearn",
)


class EUkHyperparameters(CFkHyperparameters):
    """EU-k: CF-k's training of a tail that starts from scratch."""

    variant: Annotated[
        Variant,
        Field(
            description="official: the tail keeps its batch-norm statistics and trains in eval mode; fixed: "
            "they are reset and the tail trains in train mode (methods §8 row 10)."
        ),
    ] = "official"
    augment: Augment = True


EU_K = UnlearnerInfo(
    id="eu_k",
    title="EU-k",
    name="Exact unlearning k",
    source="Goel et al. 2022, arXiv 2201.06640",
    uses=frozenset({"retain"}),
    hyperparameters=EUkHyperparameters,
    implementation="core.unlearners.eu_k:unlearn",
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
        Field(description="official: batch norm frozen in eval mode; fixed: train mode (methods §8 row 17)."),
    ] = "official"
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        steps = ceil(sizes.retain / self.batch_size)
        # Without ascent the forget set is not looked at; else its batches are replayed, short ones too.
        replayed = 0 if self.alpha == 1 else steps * min(self.batch_size, sizes.forget)
        return training(self.num_epochs * (sizes.retain + replayed))


NG_PLUS = UnlearnerInfo(
    id="ng_plus",
    title="NG+",
    name="Negative gradient plus",
    source="Kurmanji et al. 2023, arXiv 2302.09880",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=NGPlusHyperparameters,
    implementation="core.unlearners.ng_plus:unlearn",
)


class SCRUBHyperparameters(Hyperparameters):
    """SCRUB: one SGD for max steps and min steps, its rate a tenth at 50, 80 and 90 % of the epochs."""

    ce_weight: Annotated[
        float, Field(ge=0, le=100, description="γ: weight of the retain cross-entropy."), Uniform(0, 1)
    ] = 1.0
    distillation_weight: Annotated[
        float,
        Field(ge=0, le=100, description="α: weight of the retain divergence from the teacher."),
        Uniform(0, 1),
    ] = 0.5
    max_epochs: Annotated[
        int,
        Field(ge=0, le=1000, description="m: epochs, from the first, that begin with a pass over forget."),
        Epochs(),
    ] = 3
    temperature: Temperature = 2.0
    learning_rate: LearningRate = 5e-4
    weight_decay: WeightDecay = 5e-4
    retain_batch_size: Annotated[BatchSize, Field(description="Retain samples per min step.")] = 32
    forget_batch_size: Annotated[BatchSize, Field(description="Forget samples per max step.")] = 64
    num_epochs: NumEpochs = 5
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through student and teacher (methods §6)."""
        min_images = self.num_epochs * sizes.retain
        max_images = min(self.max_epochs, self.num_epochs) * sizes.forget
        rewinding = self.num_epochs * sizes.forget + (sizes.validation if self.num_epochs else 0)
        return training(min_images + max_images) + inference(min_images + max_images + rewinding)


SCRUB = UnlearnerInfo(
    id="scrub",
    title="SCRUB",
    name="SCRUB with rewinding",
    source="Kurmanji et al. 2023, arXiv 2302.09880",
    uses=frozenset({"retain", "forget", "validation"}),
    hyperparameters=SCRUBHyperparameters,
    implementation="core.unlearners.scrub:unlearn",
)


class BTHyperparameters(Hyperparameters):
    """Bad teacher: Adam at a constant rate on the divergence from two teachers."""

    temperature: Temperature = 1.0
    learning_rate: Annotated[LearningRate, Field(description="Of Adam; constant.")] = 0.01
    weight_decay: WeightDecay = 0.0
    batch_size: BatchSize = 256
    num_epochs: NumEpochs = 10
    variant: Annotated[
        Variant,
        Field(
            description="official: the divergence is divided by the number of classes, which strengthens "
            "weight decay; fixed: it is not (methods §8 row 14)."
        ),
    ] = "official"
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the student and, each, through the one teacher that it needs (methods §6)."""
        images = self.num_epochs * sizes.training
        return training(images) + inference(images)


BT = UnlearnerInfo(
    id="bt",
    title="BT",
    name="Bad teacher",
    source="Chundawat et al. 2023, arXiv 2205.08096",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=BTHyperparameters,
    implementation="core.unlearners.bt:unlearn",
)


class FFHyperparameters(Hyperparameters):
    """Fisher forgetting: one draw of noise, without training."""

    # In the space of the paper's code every value destroys the model (methods §8 row 12).
    alpha: Annotated[
        float,
        Field(ge=0, le=100, description="α: factor on the variance of the noise."),
        ByVariant(official=Uniform(0, 1), fixed=LogUniform(1e-9, 1e-5)),
    ] = 0.2
    batch_size: Annotated[
        BatchSize, Field(description="Samples whose gradients the official variant averages.")
    ] = 64
    variant: Annotated[
        Variant,
        Field(
            description="official: squares of batch means, for each class; fixed: squares of single samples, "
            "each for one label drawn from the model's own probabilities (methods §8 row 12)."
        ),
    ] = "official"

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        labels = sizes.num_classes if self.variant == "official" else 1
        return Work(forward=sizes.retain, backward=labels * sizes.retain)


FF = UnlearnerInfo(
    id="ff",
    title="FF",
    name="Fisher forgetting",
    source="Golatkar et al. 2020, arXiv 1911.04933",
    uses=frozenset({"retain"}),
    hyperparameters=FFHyperparameters,
    implementation="core.unlearners.ff:unlearn",
)


IU_SAMPLES = 1000  # that stand for the retain set's curvature; also the damping of the paper's recursion


class IUHyperparameters(Hyperparameters):
    """Influence unlearning: a single step, without training."""

    # Most of the space of the paper's code does next to nothing (methods §8 row 13).
    alpha: Annotated[
        float,
        Field(ge=0, le=1e4, description="α: factor on the step."),
        ByVariant(official=Uniform(0, 1), fixed=LogUniform(1e-2, 1e2)),
    ] = 0.2
    variant: Annotated[
        Variant,
        Field(
            description="official: a recursion over the first retain samples that only ever moves along the "
            "first one's gradient; fixed: the damped inverse over 1000 that are drawn (methods §8 row 13)."
        ),
    ] = "official"

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        influence = training(sizes.training)
        if self.variant == "official":
            return influence + training(min(sizes.retain, IU_SAMPLES + 2))
        samples = min(sizes.retain, IU_SAMPLES)
        # Each block of inner products asks for the gradients of its own samples and of all before them.
        ends = (min(start + GRADIENT_BLOCK, samples) for start in range(0, samples, GRADIENT_BLOCK))
        return influence + training(sum(ends) + samples)


IU = UnlearnerInfo(
    id="iu",
    title="IU",
    name="Influence unlearning",
    source="Koh & Liang 2017, arXiv 1703.04730; Izzo et al. 2021, arXiv 2002.10077",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=IUHyperparameters,
    implementation="core.unlearners.iu:unlearn",
)
