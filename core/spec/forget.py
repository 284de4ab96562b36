"""Forget rules: which samples of the training split are to be forgotten (protocol §2.1, §10)."""

import hashlib
import struct
from functools import cached_property
from math import ceil
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictFloat,
    StrictInt,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

MODEL_SEED: Literal["model_seed"] = "model_seed"

MAX_SEED = 2**32 - 1  # of NumPy's legacy generator

Seed = Annotated[StrictInt, Field(ge=0, le=MAX_SEED)]


def _seed_or_models(value: object, validated: ValidatorFunctionWrapHandler) -> object:
    """One sentence about a wrong seed, where pydantic has one for each of the two that it may be."""
    try:
        return validated(value)
    except ValidationError:
        told = f'Input should be a whole number from 0 to {MAX_SEED}, or "{MODEL_SEED}"'
        raise PydanticCustomError("seed_type", told) from None


# A number for all models of a setting, or the seed of each.
SeedOrModels: TypeAlias = Annotated[Seed | Literal["model_seed"], WrapValidator(_seed_or_models)]
DEFAULT_FRACTION = 0.1
MAX_STEPS = 20


def _ascending(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(values)) != len(values):
        raise ValueError("a number is listed twice")
    return tuple(sorted(values))


class Rule(BaseModel):
    """Base of the rules: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sized(Rule):
    """Base of the rules that draw a share or a number of the training split."""

    fraction: Annotated[
        StrictFloat | None,
        Field(gt=0, lt=1, description="Of the training split, rounded up; 0.1 by default."),
    ] = None
    count: Annotated[StrictInt | None, Field(ge=1, description="A number of samples instead.")] = None

    @model_validator(mode="before")
    @classmethod
    def _one_size(cls, values: Any) -> Any:  # noqa: ANN401 - whatever was submitted
        if not isinstance(values, dict):
            return values
        if values.get("fraction") is None and values.get("count") is None:
            return {**values, "fraction": DEFAULT_FRACTION}
        if values.get("fraction") is not None and values.get("count") is not None:
            raise ValueError("give a fraction or a count, not both")
        return values

    def size(self, available: int) -> int:
        """Samples to draw of so many."""
        return self.count if self.count is not None else ceil((self.fraction or DEFAULT_FRACTION) * available)


class Drawn(Sized):
    """Base of the rules that draw at random: one forget set for all models of a setting, or with the seed
    `model_seed` another one for each.
    """

    seed: SeedOrModels = 123


class RandomForget(Drawn):
    """A uniform draw (protocol §2.1). Draws are nested: a smaller one is part of a larger of that seed."""

    rule: Literal["random"] = "random"


class ClassForget(Rule):
    """All samples of some classes, or a fraction of them."""

    rule: Literal["class"]
    labels: Annotated[
        tuple[Annotated[StrictInt, Field(ge=0)], ...], AfterValidator(_ascending), Field(min_length=1)
    ]
    fraction: Annotated[StrictFloat, Field(gt=0, le=1)] = 1.0
    seed: SeedOrModels = 123


class IndicesForget(Rule):
    """Listed training images, numbered in official order; all must be in the training split.

    They are a set: in which order they are listed changes nothing.
    """

    rule: Literal["indices"]
    indices: Annotated[
        tuple[Annotated[StrictInt, Field(ge=0, lt=2**63)], ...],
        Field(min_length=1, max_length=100_000),
        AfterValidator(_ascending),
    ]

    @cached_property
    def sha256(self) -> str:
        """Of the ascending indices as little-endian int64, in hex."""
        return hashlib.sha256(struct.pack(f"<{len(self.indices)}q", *self.indices)).hexdigest()


class HardForget(Sized):
    """The samples of highest loss, by the original of model seed 0 on the whole training split."""

    rule: Literal["hard"]


class LiraForget(Rule):
    """One forget set of a U-LiRA study, both from 0: a draw of half of the data (protocol §2.2)."""

    rule: Literal["lira"] = "lira"
    split: int
    forget_set: int


def _rule_of(value: Any) -> str:  # noqa: ANN401 - a submitted document or a rule
    """The rule's name; `random` where none is given."""
    return str(value.get("rule", "random") if isinstance(value, dict) else getattr(value, "rule", "random"))


SetRule: TypeAlias = Annotated[
    Annotated[RandomForget, Tag("random")]
    | Annotated[ClassForget, Tag("class")]
    | Annotated[IndicesForget, Tag("indices")]
    | Annotated[HardForget, Tag("hard")],
    Discriminator(_rule_of),
]


class SequenceForget(Rule):
    """Repeated deletion: disjoint forget sets one after another (protocol §10).

    Each is chosen from what the steps before it have left, and unlearned from the model that they have left.
    """

    rule: Literal["sequence"]
    steps: Annotated[tuple[SetRule, ...], Field(min_length=1, max_length=MAX_STEPS)]

    def each(self) -> "tuple[StepForget, ...]":
        """The steps, one setting each."""
        return tuple(StepForget(rule="step", steps=self.steps[:end]) for end in range(1, len(self.steps) + 1))


class StepForget(Rule):
    """One step of a sequence: its own forget set is the last of `steps`, those before it are gone."""

    rule: Literal["step"]
    steps: tuple[SetRule, ...]


ForgetRequest: TypeAlias = Annotated[
    Annotated[RandomForget, Tag("random")]
    | Annotated[ClassForget, Tag("class")]
    | Annotated[IndicesForget, Tag("indices")]
    | Annotated[HardForget, Tag("hard")]
    | Annotated[SequenceForget, Tag("sequence")],
    Discriminator(_rule_of),
]
ForgetRule: TypeAlias = Annotated[
    RandomForget | ClassForget | IndicesForget | HardForget | StepForget | LiraForget,
    Field(discriminator="rule"),
]
SET_RULES: dict[str, type[Rule]] = {
    "random": RandomForget,
    "class": ClassForget,
    "indices": IndicesForget,
    "hard": HardForget,
}
RULES: dict[str, type[Rule]] = {**SET_RULES, "sequence": SequenceForget}


def set_rules(rule: ForgetRule) -> tuple[SetRule, ...]:
    """The rules of all sets that are forgotten, the setting's own last; of a study's model there are none."""
    if isinstance(rule, LiraForget):
        return ()
    return rule.steps if isinstance(rule, StepForget) else (rule,)


def of_model(rule: ForgetRule, model_seed: int) -> ForgetRule:
    """The rule for the models of a seed, which stands in it where the rule leaves a seed to them."""
    if isinstance(rule, StepForget):
        return rule.model_copy(update={"steps": tuple(of_model(step, model_seed) for step in rule.steps)})
    varies = isinstance(rule, RandomForget | ClassForget) and rule.seed == MODEL_SEED
    return rule.model_copy(update={"seed": model_seed}) if varies else rule


def forgets_classes(rule: ForgetRule) -> bool:
    """Whether classes are forgotten, now or in an earlier step, so that the forget set may lack some."""
    return any(isinstance(each, ClassForget) for each in set_rules(rule))


def chooses_by_loss(rule: ForgetRule) -> bool:
    """Whether samples of highest loss are forgotten, now or in an earlier step: what that has left is no
    random draw either.
    """
    return any(isinstance(each, HardForget) for each in set_rules(rule))
