"""Small boards to freeze: what each method reached by model seed, in one setting or more."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.board import Method, Metric
from core.catalog.protocols import QUICK, Recipe
from core.seed_values import SeedValue
from core.snapshots.content import Evidence, freeze
from core.spec.forget import RandomForget
from core.spec.setting import Setting
from core.store.results import CountedResult, ResultRecord

DIGITS = Setting(
    protocol="quick/1.0",
    dataset="digits",
    dataset_revision=1,
    model="resnet18",
    model_revision=1,
    forget=RandomForget(),
    precision="fp32",
    recipe=Recipe(num_epochs=1, batch_size=32),
    validation_fraction=0.15,
    split_seed=123,
    run_seed=123,
)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def result(setting: Setting, unlearner: str, seed: int, value: float, **changes: Any) -> CountedResult:
    """One result; `changes` are to its unit (`unlearner_revision`, `revision`), its `hyperparameters` or its
    `git_revision`.
    """
    unit = {"unlearner_revision": 1, "revision": 1}
    unit |= {name: changes[name] for name in unit if name in changes}
    record = ResultRecord(
        id=f"res_{setting.dataset}_{unlearner}_{seed}",
        unit_id=f"{unlearner}{seed}{sorted(changes.items())}",
        setting_id=setting.id,
        unlearner=unlearner,
        variant=None,
        tuning="default",
        hyperparameters=changes.get("hyperparameters", {"learning_rate": 0.1}),
        model_seed=seed,
        is_usable=True,
        is_superseded=False,
        metrics={"retention_deviation": value, "indiscernibility_test": 1 - value / 10},
        reasons={},
        provenance={"git_revision": changes.get("git_revision", "a" * 40)},
        created_at=FIRST,
    )
    values = {
        Metric.RETENTION_DEVIATION: value,
        Metric.INDISCERNIBILITY: 1 - value / 10,
    }
    return CountedResult(
        record,
        unit,
        {
            metric: SeedValue(setting.id, Method(unlearner), seed, reached)
            for metric, reached in values.items()
        },
    )


def content(
    reached: Mapping[str, float],
    *,
    settings: tuple[Setting, ...] = (DIGITS,),
    seeds: Mapping[str, tuple[int, ...]] | None = None,
    **changes: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of a snapshot in which every method reached its value with every seed, or with its `seeds`;
    further arguments are changes to one method's results.
    """
    found = [
        result(setting, unlearner, seed, value, **changes.get(unlearner, {}))
        for setting in settings
        for unlearner, value in reached.items()
        for seed in (seeds or {}).get(unlearner, (0, 1, 2))
    ]
    return freeze(Evidence(QUICK, settings, tuple(found), {}))
