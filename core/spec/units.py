"""Units: the smallest retriable pieces of work, and the resolved setting that they share.

A unit carries everything that determines its output, and nothing else: its id is the hash of its content, so
two jobs that need the same work share it, and an executor needs no database to run it.
"""

from typing import Annotated, Any, Literal, NewType, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from core.catalog.protocols import Precision, Recipe
from core.spec.canonical import content_hash
from core.spec.job import HyperparameterValue, RandomForget

UnitId = NewType("UnitId", str)
SettingId = NewType("SettingId", str)
Role: TypeAlias = Literal["original", "retrained"]
UnitKind: TypeAlias = Literal["train", "evaluate", "unlearn"]


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
    forget: RandomForget
    precision: Precision
    recipe: Recipe
    validation_fraction: float
    split_seed: int
    run_seed: int

    @property
    def id(self) -> SettingId:
        """`set_` and the first 16 hex digits of the content hash."""
        return SettingId(f"set_{content_hash(self.model_dump(mode='json'))[:16]}")


class TrainUnit(Resolved):
    """Train one reference model of a setting (protocol §4)."""

    kind: Literal["train"] = "train"
    role: Role
    setting: Setting
    model_seed: int
    revision: int

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """Nothing: references are trained from scratch."""
        return ()

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"train the {self.role} model"


class EvaluateUnit(Resolved):
    """Evaluate a reference model against the retrained one of the same seed (protocol §5).

    `model` is the unit that trained it; `retrained` the unit that trained the retrained model; `reference`
    the evaluation of the retrained model, None where this is that evaluation.
    """

    kind: Literal["evaluate"] = "evaluate"
    role: Role
    setting: Setting
    model_seed: int
    model: UnitId
    retrained: UnitId
    reference: UnitId | None
    revision: int

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The trained models, and the reference's evaluation."""
        return tuple(dict.fromkeys(unit for unit in (self.model, self.retrained, self.reference) if unit))

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"evaluate the {self.role} model"


class UnlearnUnit(Resolved):
    """Unlearn the forget set from one original and evaluate what comes out."""

    kind: Literal["unlearn"] = "unlearn"
    unlearner: str
    unlearner_revision: int
    hyperparameters: dict[str, HyperparameterValue]
    setting: Setting
    model_seed: int
    original: UnitId
    retrained: UnitId
    reference: UnitId
    revision: int

    @property
    def depends_on(self) -> tuple[UnitId, ...]:
        """The original to start from, the retrained model and its evaluation to compare with."""
        return (self.original, self.retrained, self.reference)

    @property
    def title(self) -> str:
        """The unit in words."""
        return f"unlearn with {self.unlearner}"


Unit: TypeAlias = Annotated[TrainUnit | EvaluateUnit | UnlearnUnit, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Unit] = TypeAdapter(Unit)


def unit_id(unit: Unit) -> UnitId:
    """SHA-256 of the unit's content, in hex."""
    return UnitId(content_hash(unit.model_dump(mode="json")))


def unit_from_json(document: dict[str, Any]) -> Unit:
    """The unit that `model_dump(mode="json")` wrote."""
    return _ADAPTER.validate_python(document)
