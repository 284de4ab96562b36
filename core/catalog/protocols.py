"""The protocols: versioned sets of rules. Results of different protocols are never mixed on one board.

A change of anything here that moves a published number is a new version of the protocol.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from core.catalog.tuned import QUICK_DIGITS_RESNET18

Precision: TypeAlias = Literal["fp32", "bf16"]
Tuning: TypeAlias = Literal["default", "given", "sweep", "other_sweep"]


class Recipe(BaseModel):
    """How the original and retrained models of a setting are trained (protocol §4): SGD, cosine to 0 per
    epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(0.1, gt=0)
    momentum: float = 0.9
    weight_decay: float = Field(5e-4, ge=0)


class SweepBudget(BaseModel):
    """What the protocol spends on a search: a sweep per seed, of so many completed trials (protocol §6.1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: tuple[int, ...]
    trials: int = Field(ge=1)


class Protocol(BaseModel):
    """One versioned set of rules.

    Attributes:
        split_seed: seeds the splits (protocol §2.1).
        run_seed: seeds every training and unlearning run; a model seed only governs initial weights, where
            a setting does not say otherwise (protocol §2.3).
        validation_fraction: share of the official training set that is held out as validation set.
        recipes: by `dataset/model`; `*` stands for any. Here and below a dataset is its `recipes_id`.
        lira_recipes: the same for the models of U-LiRA, which train on half of the data (protocol §8.1);
            a pair without one has its ordinary recipe.
        hyperparameters: defaults tuned for a setting, by `dataset/model`, then by unlearner.
        ranked_tuning: only results whose hyperparameters were chosen this way count on the board.
        sweep: the budget of a search that counts as `sweep`; any other is an `other_sweep`.
        max_batch_size: by dataset; proposals above it are pruned (protocol §6.6).
        timed_runs: an unlearner's run time is the median of so many runs (protocol §5.4).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*/\d+\.\d+$")
    title: str
    summary: str
    split_seed: int = 123
    run_seed: int = 123
    validation_fraction: float = 0.15
    precision: Precision = "fp32"
    model_seeds: tuple[int, ...]
    recipes: Mapping[str, Recipe]
    lira_recipes: Mapping[str, Recipe] = {}
    hyperparameters: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}
    ranked_tuning: Tuning
    sweep: SweepBudget | None = None
    max_batch_size: Mapping[str, int] = {}
    timed_runs: int = Field(1, ge=1)

    def recipe(self, dataset: str, model: str) -> Recipe | None:
        """The recipe for a pair, or None where the protocol has none."""
        return _for_pair(self.recipes, dataset, model)

    def lira_recipe(self, dataset: str, model: str) -> Recipe | None:
        """The recipe of a pair's U-LiRA models, or None where the protocol has none."""
        return _for_pair(self.lira_recipes, dataset, model) or self.recipe(dataset, model)

    def defaults(self, dataset: str, model: str, unlearner: str) -> Mapping[str, Any]:
        """What this protocol tuned for an unlearner in a setting; the rest keeps the catalogue's defaults."""
        return self.hyperparameters.get(f"{dataset}/{model}", {}).get(unlearner, {})


def _for_pair(recipes: Mapping[str, Recipe], dataset: str, model: str) -> Recipe | None:
    for key in (f"{dataset}/{model}", f"{dataset}/*", f"*/{model}", "*/*"):
        if key in recipes:
            return recipes[key]
    return None


QUICK = Protocol(
    id="quick/1.0",
    title="Quick",
    summary="Minutes on a laptop: short training, three model seeds, default hyperparameters, no sweep.",
    model_seeds=(0, 1, 2),
    recipes={
        "digits/*": Recipe(num_epochs=8, batch_size=32, learning_rate=0.005),
        "mnist/*": Recipe(num_epochs=2, batch_size=128, learning_rate=0.05),
        "*/*": Recipe(num_epochs=5, batch_size=128, learning_rate=0.05),
    },
    # Half of the data, twice the epochs: as many steps.
    lira_recipes={"digits/*": Recipe(num_epochs=16, batch_size=32, learning_rate=0.005)},
    hyperparameters={"digits/resnet18": QUICK_DIGITS_RESNET18},
    ranked_tuning="default",
)

DEEP_UNLEARN = Protocol(
    id="deep-unlearn/1.0",
    title="Deep Unlearn",
    summary="The paper's protocol: full training, ten model seeds, three sweeps of 100 trials per unlearner.",
    model_seeds=tuple(range(10)),
    recipes={
        "mnist/*": Recipe(num_epochs=50, batch_size=256),
        "fashion_mnist/*": Recipe(num_epochs=50, batch_size=256),
        "cifar10/*": Recipe(num_epochs=182, batch_size=256),
        "cifar100/*": Recipe(num_epochs=182, batch_size=256),
        # The release's files disagree between 128 and 256; 128 is what its search code calls the maximum.
        "utkface/*": Recipe(num_epochs=50, batch_size=128),
    },
    lira_recipes={"cifar10/*": Recipe(num_epochs=91, batch_size=256)},
    ranked_tuning="sweep",
    sweep=SweepBudget(seeds=(0, 1, 2), trials=100),
    max_batch_size={"utkface": 128},
    timed_runs=3,
)

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {protocol.id: protocol for protocol in (QUICK, DEEP_UNLEARN)}
)
