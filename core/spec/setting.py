"""The resolved setting: one cell of a board."""

from functools import cached_property
from typing import NewType, Self

from pydantic import BaseModel, ConfigDict

from core.catalog.protocols import Precision, Protocol, Recipe
from core.spec.canonical import content_hash
from core.spec.forget import MODEL_SEED, ForgetRule, RandomForget, SeedOrModels, StepForget, of_model

SettingId = NewType("SettingId", str)


class Resolved(BaseModel):
    """Base of everything that is hashed: frozen and complete."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Setting(Resolved):
    """One cell of a board, with every default filled in. Accuracies of two settings are never pooled."""

    protocol: str
    dataset: str
    dataset_revision: int
    model: str
    model_revision: int
    forget: ForgetRule
    precision: Precision
    recipe: Recipe
    validation_fraction: float
    split_seed: int
    run_seed: SeedOrModels

    def is_standard(self, protocol: Protocol) -> bool:
        """Whether the protocol's own board shows it: its precision and seed, and the default forget rule."""
        is_run_so = self.precision == protocol.precision and self.run_seed == protocol.run_seed
        return is_run_so and self.forget == RandomForget()

    @property
    def first_step(self) -> "Setting":
        """The setting in which a sequence of forget sets starts; itself where it is not a later step."""
        before = self.step_before
        return self if before is None else before.first_step

    @property
    def step_before(self) -> "Setting | None":
        """The setting of the step before; None where it is not a later step of a sequence."""
        if not isinstance(self.forget, StepForget) or len(self.forget.steps) == 1:
            return None
        before = self.forget.model_copy(update={"steps": self.forget.steps[:-1]})
        return self.model_copy(update={"forget": before})

    def of_model(self, model_seed: int) -> "Setting":
        """The setting with the forget rule of its models of a seed: only for drawing their sets, as its id is
        another one.
        """
        return self.model_copy(update={"forget": of_model(self.forget, model_seed)})

    def run_seed_of(self, model_seed: int) -> int:
        """What seeds the training and unlearning runs of a model: order of batches, augmentation, noise."""
        return model_seed if self.run_seed == MODEL_SEED else self.run_seed

    @cached_property
    def id(self) -> SettingId:
        """`set_` and the first 16 hex digits of the content hash."""
        return SettingId(f"set_{content_hash(self.model_dump(mode='json'))[:16]}")

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__dict__.pop("id", None)  # `model_copy` is about to change what it was the hash of
        return copied
