"""The unlearners that come from the NeurIPS 2023 Machine Unlearning challenge (methods §4)."""

from math import ceil, floor
from typing import Annotated, Literal

from pydantic import Field

from core.catalog.unlearners import (
    Augment,
    BatchSize,
    Hyperparameters,
    LearningRate,
    NumEpochs,
    Share,
    Temperature,
    UnlearnerInfo,
    Variant,
    WeightDecay,
)
from core.catalog.work import SetSizes, Work, inference, training
from core.spec.search import FractionalEpochs, LogUniform, Uniform


class FCSHyperparameters(Hyperparameters):
    """Forget, contrast, strengthen: three SGD optimisers, the contrast one under a cosine per step."""

    uniform_learning_rate: Annotated[
        LearningRate, Field(description="Of the pass that makes the forget set's outputs uniform; constant.")
    ] = 0.005
    uniform_weight_decay: Annotated[
        WeightDecay, Field(description="Coupled weight decay of the uniform pass.")
    ] = 0.0
    forget_learning_rate: Annotated[
        LearningRate, Field(description="At the first contrast step; annealed to eta_min.")
    ] = 3e-4
    forget_weight_decay: Annotated[
        WeightDecay, Field(description="Coupled weight decay of the contrast rounds.")
    ] = 0.0
    learning_rate: Annotated[
        LearningRate, Field(description="Of the retain rounds with batches of 64; times batch_size / 64.")
    ] = 1e-3
    weight_decay: Annotated[WeightDecay, Field(description="Coupled weight decay of the retain rounds.")] = (
        0.01
    )
    temperature: Annotated[
        Temperature, Field(description="T: divides the products of forget and retain logits.")
    ] = 1.15
    eta_min: Annotated[
        float,
        Field(ge=0, le=10, description="Learning rate at which the contrast rounds end."),
        LogUniform(1e-6, 1e-1),
    ] = 1e-6
    batch_size: BatchSize = 256
    num_epochs: NumEpochs = 8
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        steps = ceil(min(sizes.forget, sizes.retain) / self.batch_size)
        forget, retain = (min(size, steps * self.batch_size) for size in (sizes.forget, sizes.retain))
        contrasts = self.num_epochs * forget
        shown_beside = self.num_epochs * retain
        return training(sizes.forget + contrasts + self.num_epochs * sizes.retain) + inference(shown_beside)


FCS = UnlearnerInfo(
    id="fcs",
    title="FCS",
    name="Forget, contrast, strengthen",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 458721",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=FCSHyperparameters,
    implementation="core.unlearners.fcs:unlearn",
)


class CFWHyperparameters(Hyperparameters):
    """Confuse, fine-tune, weaken: SGD with a cosine schedule between two injections of noise."""

    start_sd: Annotated[
        float,
        Field(ge=0, le=10, description="σ_s: standard deviation of the noise before training."),
        Uniform(0, 1),
    ] = 0.6
    final_sd: Annotated[
        float,
        Field(ge=0, le=10, description="σ_f: standard deviation of the noise before the last epoch."),
        Uniform(0, 1),
    ] = 0.005
    learning_rate: LearningRate = 7e-4
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 64
    num_epochs: NumEpochs = 4
    scope: Annotated[
        Literal["stem", "all_conv"],
        Field(description="Which convolutions get noise: the first, or all (methods §8 row 3)."),
    ] = "stem"
    variant: Annotated[
        Variant,
        Field(
            description="official: the batch's mean loss times the batch's mean class weight; fixed: each "
            "sample's loss times its class weight (methods §8 row 8)."
        ),
    ] = "official"
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        return training(self.num_epochs * sizes.retain)


CFW = UnlearnerInfo(
    id="cfw",
    title="CFW",
    name="Confuse, fine-tune, weaken",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 459334",
    uses=frozenset({"retain"}),
    hyperparameters=CFWHyperparameters,
    implementation="core.unlearners.cfw:unlearn",
)


class CTHyperparameters(Hyperparameters):
    """Convolution transpose: SGD with a cosine schedule after the kernels are turned."""

    learning_rate: LearningRate = 1e-3
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 64
    num_epochs: NumEpochs = 3
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        return training(self.num_epochs * sizes.retain)


CT = UnlearnerInfo(
    id="ct",
    title="CT",
    name="Convolution transpose",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 458531",
    uses=frozenset({"retain"}),
    hyperparameters=CTHyperparameters,
    implementation="core.unlearners.ct:unlearn",
)


class KDEHyperparameters(Hyperparameters):
    """Knowledge distillation and entropy: SGD at a constant rate to warm up, then under a cosine schedule."""

    warmup_num_epochs: Annotated[NumEpochs, Field(description="Passes over the validation set.")] = 3
    warmup_learning_rate: Annotated[LearningRate, Field(description="Of the warm-up; constant.")] = 9e-4
    warmup_weight_decay: Annotated[WeightDecay, Field(description="Coupled weight decay of the warm-up.")] = (
        5e-4
    )
    temperature: Annotated[
        Temperature, Field(description="T: divides teacher and student logits where they are compared.")
    ] = 5.0
    num_epochs: Annotated[NumEpochs, Field(description="Passes over the retain set.")] = 3
    learning_rate: Annotated[LearningRate, Field(description="Peak of the retain phase.")] = 1e-3
    weight_decay: Annotated[WeightDecay, Field(description="Coupled weight decay of the retain phase.")] = (
        5e-4
    )
    batch_size: BatchSize = 64
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through student and teacher (methods §6)."""
        images = self.warmup_num_epochs * sizes.validation + self.num_epochs * sizes.retain
        return training(images) + inference(images)


KDE = UnlearnerInfo(
    id="kde",
    title="KDE",
    name="Knowledge distillation and entropy",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 458740",
    uses=frozenset({"retain", "validation"}),
    trains_on_validation=True,
    hyperparameters=KDEHyperparameters,
    implementation="core.unlearners.kde:unlearn",
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
            "(methods §8 row 7)."
        ),
    ] = "official"
    augment: Augment = False

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        return training(min(sizes.forget, sizes.retain) + sizes.forget + self.num_epochs * sizes.retain)


MSG = UnlearnerInfo(
    id="msg",
    title="MSG",
    name="Masked small gradients",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 459200",
    uses=frozenset({"retain", "forget"}),
    hyperparameters=MSGHyperparameters,
    implementation="core.unlearners.msg:unlearn",
)


class PRMQHyperparameters(Hyperparameters):
    """Prune, re-initialise, match, quantise: SGD at a constant rate, by default on a nearly new model."""

    prune_amount: Annotated[
        Share, Field(description="a: share of all weights and biases, smallest first, that is pruned.")
    ] = 0.99
    learning_rate: LearningRate = 5e-4
    weight_decay: WeightDecay = 5e-4
    batch_size: BatchSize = 64
    num_epochs: Annotated[
        float,
        Field(ge=0, le=1000, description="E: passes over the retain set; a fraction ends within a pass."),
        FractionalEpochs(),
    ] = 3.2
    variant: Annotated[
        Variant,
        Field(
            description="official: floor(E · batches per pass) steps and one more; fixed: without that, at "
            "least one (methods §8 row 15). E stays a real number, though the launcher of the paper's "
            "final runs cut it to an integer (protocol §6). No steps at E = 0."
        ),
    ] = "official"
    augment: Augment = False

    def num_steps(self, retain_size: int) -> int:
        """Optimiser steps on a retain set of this many samples."""
        if self.num_epochs == 0:
            return 0
        per_pass = ceil(retain_size / self.batch_size)
        steps = floor(self.num_epochs * per_pass)
        return steps + 1 if self.variant == "official" else max(1, steps)

    def work(self, sizes: SetSizes) -> Work:
        """Images through student and teacher (methods §6)."""
        per_pass = ceil(sizes.retain / self.batch_size)
        passes, rest = divmod(self.num_steps(sizes.retain), per_pass)
        images = passes * sizes.retain + rest * self.batch_size  # the short batch is the last of a pass
        return training(images) + inference(images)


PRMQ = UnlearnerInfo(
    id="prmq",
    title="PRMQ",
    name="Prune, re-initialise, match, quantise",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 459148",
    uses=frozenset({"retain"}),
    hyperparameters=PRMQHyperparameters,
    implementation="core.unlearners.prmq:unlearn",
)


class RNIHyperparameters(Hyperparameters):
    """Repeated noise injection: epochs that noise and train a few tensors, then fine ones that train all."""

    fine_share: Annotated[
        Share,
        Field(
            description="Share of the epochs, the last ones, that train all tensors and noise none; their "
            "number is rounded to the nearest integer."
        ),
    ] = 4 / 9
    reset_share: Annotated[
        Share,
        Field(
            description="Share of the epochs, the first ones, that noise none; their number is rounded to "
            "the nearest integer."
        ),
    ] = 1 / 9
    noise_ratio: Annotated[
        Share, Field(description="r: of the nine tensors drawn in an epoch, floor(9 r) are to be noised.")
    ] = 0.7
    noise_sd: Annotated[
        float,
        Field(ge=0, le=100, description="σ: standard deviation of the noise that is added."),
        Uniform(0, 1),
    ] = 0.04
    learning_rate: Annotated[
        LearningRate, Field(description="Of the epochs that train a few tensors; constant.")
    ] = 2e-4
    weight_decay: Annotated[
        WeightDecay, Field(description="Coupled weight decay of the epochs that train a few tensors.")
    ] = 5e-4
    fine_learning_rate: Annotated[LearningRate, Field(description="Of the fine epochs; constant.")] = 2e-4
    fine_weight_decay: Annotated[
        WeightDecay, Field(description="Coupled weight decay of the fine epochs.")
    ] = 5e-4
    batch_size: BatchSize = 64
    num_epochs: NumEpochs = 9
    variant: Annotated[
        Variant,
        Field(
            description="official: a tensor is noised only where it is drawn for the first time; fixed: each "
            "time it is drawn (methods §8 row 11)."
        ),
    ] = "official"
    augment: Augment = False

    @property
    def num_fine_epochs(self) -> int:
        """The last epochs, which train all tensors; a half rounds to the even number."""
        return round(self.fine_share * self.num_epochs)

    @property
    def num_reset_epochs(self) -> int:
        """The first epochs, in which nothing is noised; a half rounds to the even number."""
        return round(self.reset_share * self.num_epochs)

    def work(self, sizes: SetSizes) -> Work:
        """Images through the model (methods §6)."""
        return training(self.num_epochs * sizes.retain)


RNI = UnlearnerInfo(
    id="rni",
    title="RNI",
    name="Repeated noise injection",
    source="NeurIPS 2023 Machine Unlearning challenge, discussion 459095",
    uses=frozenset({"retain"}),
    hyperparameters=RNIHyperparameters,
    implementation="core.unlearners.rni:unlearn",
)
