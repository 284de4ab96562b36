"""Search spaces of hyperparameters, declared as annotations of the fields they belong to.

A field reads `learning_rate: Annotated[float, LogUniform(1e-5, 1e-1)] = 0.1`. The sweep, the API's schema and
the docs read the same annotation. Source of the primitives: protocol §6.3.
"""

from dataclasses import asdict, dataclass
from math import ceil
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

EPOCH_SHARE = 0.2  # of the training epochs; a method that needs more is no cheaper than training again


class Interval(BaseModel):
    """What a sweep draws from: low … high, `log` uniform in the logarithm; `int` draws whole numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["float", "int"]
    low: float
    high: float
    log: bool = False


class Choices(BaseModel):
    """What a sweep draws from: one of a list, all equally likely."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["choice"] = "choice"
    choices: tuple[int | float | str, ...]


Range: TypeAlias = Annotated[Interval | Choices, Field(discriminator="kind")]


@dataclass(frozen=True)
class Basis:
    """What some search spaces depend on: the recipe's training epochs, the model's number of stages, and the
    method's variant.
    """

    training_epochs: int
    num_stages: int
    variant: str | None = None

    @property
    def max_epochs(self) -> int:
        """`E_max = ceil(0.2 × training epochs)` (protocol §6.3)."""
        return ceil(EPOCH_SHARE * self.training_epochs)


@dataclass(frozen=True)
class SearchSpace:
    """What a sweep may draw for one hyperparameter."""

    def range(self, basis: Basis) -> Interval | Choices:
        """The space with its bounds in numbers."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """The space as plain JSON, with its distribution's name."""
        return {"distribution": type(self).__name__, **asdict(self)}

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The field's JSON schema with the space beside it under `search`."""
        return {**handler(schema), "search": self.describe()}


@dataclass(frozen=True)
class LogUniform(SearchSpace):
    """Uniform in the logarithm, on [low, high]."""

    low: float
    high: float

    def range(self, basis: Basis) -> Interval:  # noqa: ARG002 - the same everywhere
        """As declared."""
        return Interval(kind="float", low=self.low, high=self.high, log=True)


@dataclass(frozen=True)
class Uniform(SearchSpace):
    """Uniform on [low, high]."""

    low: float
    high: float

    def range(self, basis: Basis) -> Interval:  # noqa: ARG002 - the same everywhere
        """As declared."""
        return Interval(kind="float", low=self.low, high=self.high)


@dataclass(frozen=True)
class Integer(SearchSpace):
    """Uniform over the integers low … high."""

    low: int
    high: int

    def range(self, basis: Basis) -> Interval:  # noqa: ARG002 - the same everywhere
        """As declared."""
        return Interval(kind="int", low=self.low, high=self.high)


@dataclass(frozen=True)
class Epochs(SearchSpace):
    """Uniform over 1 … E_max, where E_max = ceil(0.2 × training epochs) of the setting's recipe."""

    def range(self, basis: Basis) -> Interval:
        """1 … E_max."""
        return Interval(kind="int", low=1, high=basis.max_epochs)


@dataclass(frozen=True)
class FractionalEpochs(SearchSpace):
    """Uniform on [1, E_max], E_max as in `Epochs`."""

    def range(self, basis: Basis) -> Interval:
        """[1, E_max]."""
        return Interval(kind="float", low=1, high=basis.max_epochs)


@dataclass(frozen=True)
class Stages(SearchSpace):
    """Uniform over 1 … the number of the model's stages."""

    def range(self, basis: Basis) -> Interval:
        """1 … the number of stages."""
        return Interval(kind="int", low=1, high=basis.num_stages)


@dataclass(frozen=True)
class ByVariant(SearchSpace):
    """Another space for each variant: that of the paper's code, and one that holds usable values."""

    official: SearchSpace
    fixed: SearchSpace

    def describe(self) -> dict[str, Any]:
        """Both spaces in words."""
        return {
            "distribution": type(self).__name__,
            **{name: _in_words(getattr(self, name)) for name in ("official", "fixed")},
        }

    def range(self, basis: Basis) -> Interval | Choices:
        """That of the variant."""
        return (self.fixed if basis.variant == "fixed" else self.official).range(basis)


@dataclass(frozen=True)
class OneOf(SearchSpace):
    """One of the listed values, all equally likely."""

    choices: tuple[int | float | str, ...]

    def range(self, basis: Basis) -> Choices:  # noqa: ARG002 - the same everywhere
        """As declared."""
        return Choices(choices=self.choices)


def search_space(hyperparameters: type[BaseModel]) -> dict[str, SearchSpace]:
    """The searched fields of a hyperparameter class and their spaces, in declaration order."""
    return {
        name: space
        for name, field in hyperparameters.model_fields.items()
        for space in field.metadata
        if isinstance(space, SearchSpace)
    }


def _in_words(space: SearchSpace) -> str:
    return f"{type(space).__name__}({', '.join(f'{value:g}' for value in asdict(space).values())})"
