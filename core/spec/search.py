"""Search spaces of hyperparameters, declared as annotations of the fields they belong to.

A field reads `learning_rate: Annotated[float, LogUniform(1e-5, 1e-1)] = 0.1`. The sweep, the API's schema and
the docs read the same annotation. Source of the primitives: protocol §6.3.
"""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class SearchSpace:
    """What a sweep may draw for one hyperparameter."""

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


@dataclass(frozen=True)
class Uniform(SearchSpace):
    """Uniform on [low, high]."""

    low: float
    high: float


@dataclass(frozen=True)
class Integer(SearchSpace):
    """Uniform over the integers low … high."""

    low: int
    high: int


@dataclass(frozen=True)
class Epochs(SearchSpace):
    """Uniform over 1 … E_max, where E_max = ceil(0.2 × training epochs) of the setting's recipe."""


@dataclass(frozen=True)
class FractionalEpochs(SearchSpace):
    """Uniform on [1, E_max], E_max as in `Epochs`."""


@dataclass(frozen=True)
class Stages(SearchSpace):
    """Uniform over 1 … the number of the model's stages."""


@dataclass(frozen=True)
class OneOf(SearchSpace):
    """One of the listed values, all equally likely."""

    choices: tuple[int | float | str, ...]


def search_space(hyperparameters: type[BaseModel]) -> dict[str, SearchSpace]:
    """The searched fields of a hyperparameter class and their spaces, in declaration order."""
    return {
        name: space
        for name, field in hyperparameters.model_fields.items()
        for space in field.metadata
        if isinstance(space, SearchSpace)
    }
