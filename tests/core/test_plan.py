"""The plan: which units a job needs, in which order, and what makes two of them the same."""

import json
from typing import Any

import pytest

from core import plan as plan_module
from core.catalog.registry import installed
from core.plan import PlannedUnit, plan
from core.spec.job import parse_job_spec
from core.spec.resolve import ResolvedJob, resolve
from core.spec.units import unit_from_json, unit_id

SETTING = {"dataset": "mnist", "model": "resnet18"}


def job(**changes: Any) -> ResolvedJob:
    document = {"settings": [SETTING], "unlearners": ["ft"], "model_seeds": [0], **changes}
    return resolve(parse_job_spec(json.dumps(document)), installed())


def planned(**changes: Any) -> tuple[PlannedUnit, ...]:
    return plan(job(**changes))


def ids(units: tuple[PlannedUnit, ...]) -> set[str]:
    return {unit.id for unit in units}


def unlearning(units: tuple[PlannedUnit, ...]) -> PlannedUnit:
    (found,) = [planned for planned in units if planned.unit.kind == "unlearn"]
    return found


def test_a_setting_needs_two_models_two_evaluations_and_one_unit_per_unlearner():
    units = planned(unlearners=["ft", "ga"])

    assert [unit.unit.title for unit in units] == [
        "train the retrained model",
        "train the original model",
        "evaluate the retrained model",
        "evaluate the original model",
        "unlearn with ft",
        "unlearn with ga",
    ]


def test_the_same_job_is_always_planned_alike():
    spec = {"settings": [SETTING, {**SETTING, "model": "tiny_vit"}], "unlearners": "all"}

    assert planned(**spec) == planned(**spec)


def test_dependencies_come_before_their_dependents():
    units = planned(
        settings=[SETTING, {**SETTING, "model": "tiny_vit"}], unlearners="all", model_seeds=[0, 1]
    )

    seen: set[str] = set()
    for unit in units:
        assert set(unit.unit.depends_on) <= seen
        seen.add(unit.id)


def test_no_unit_is_planned_twice():
    units = planned(unlearners="all", model_seeds=[0, 1, 2])

    assert len(ids(units)) == len(units) == 3 * (4 + len(installed().unlearners))


def test_every_setting_is_done_for_one_seed_before_the_next_seed_begins():
    units = planned(settings=[SETTING, {**SETTING, "model": "tiny_vit"}], model_seeds=[5, 3])

    assert [unit.unit.model_seed for unit in units] == [5] * 10 + [3] * 10


def test_an_unlearning_starts_from_the_original_and_is_measured_against_the_retrained():
    retrained, original, reference, original_evaluation, unlearn = planned()

    assert unlearn.unit.depends_on == (original.id, retrained.id, reference.id)
    assert original_evaluation.unit.depends_on == (original.id, retrained.id, reference.id)
    assert reference.unit.depends_on == (retrained.id,)
    assert retrained.unit.depends_on == original.unit.depends_on == ()


def behind(units: tuple[PlannedUnit, ...], kind: str) -> set[str]:
    """The titles of all that the units of a kind wait for, directly or not."""
    by_id = {unit.id: unit.unit for unit in units}
    waited_for: set[str] = set()
    ahead = [needed for unit in by_id.values() if unit.kind == kind for needed in unit.depends_on]
    while ahead:
        unit = by_id[ahead.pop()]
        waited_for.add(unit.title)
        ahead += unit.depends_on
    return waited_for


def test_a_sweep_without_the_oracle_waits_for_the_original_alone():
    oracle, free = (
        planned(model_seeds=[1], sweep={"seeds": [0], "trials": 60, "target": target})
        for target in ("retrained", "original")
    )

    assert {"train the retrained model", "evaluate the retrained model"} <= behind(oracle, "selection")
    assert not [title for title in behind(free, "selection") if "retrained" in title]
    assert "train the original model" in behind(free, "selection")
    assert behind(free, "unlearn") >= {"train the retrained model", "evaluate the retrained model"}


def test_a_sweep_without_the_oracle_has_no_retrained_model_made_for_a_seed_that_is_only_tuned_on():
    units = planned(model_seeds=[1], sweep={"seeds": [0], "trials": 2, "target": "original"})

    of_tuning = [unit.unit.title for unit in units if unit.unit.model_seed == 0]
    assert [title for title in of_tuning if "trial" not in title] == [
        "train the original model",
        "choose hyperparameters for ft",
    ]


def test_only_unlearning_carries_how_its_hyperparameters_were_chosen():
    given = {"id": "ga", "hyperparameters": {"learning_rate": 0.5}}

    units = planned(unlearners=["ft", given])

    assert [unit.tuning for unit in units] == [None, None, None, None, "default", "given"]


def test_two_jobs_with_the_same_setting_share_its_references_and_not_the_unlearning():
    one, other = planned(unlearners=["ft"]), planned(unlearners=["ga"], label="mine")

    shared = ids(one) & ids(other)

    assert shared == ids(one) - {unlearning(one).id}


def test_two_jobs_share_the_seeds_that_they_have_in_common():
    assert ids(planned(model_seeds=[0])) < ids(planned(model_seeds=[0, 1]))


def test_every_units_payload_is_the_unit():
    units = planned(unlearners="all", settings=[{**SETTING, "forget": {"fraction": 0.25, "seed": 9}}])

    for unit in units:
        read_back = unit_from_json(json.loads(json.dumps(unit.unit.model_dump(mode="json"))))
        assert read_back == unit.unit
        assert unit_id(read_back) == unit.id


def test_an_id_is_a_sha256_in_hex():
    assert all(len(unit.id) == 64 and int(unit.id, 16) for unit in planned())


@pytest.mark.parametrize(
    "change",
    [
        {"settings": [{**SETTING, "model": "tiny_vit"}]},
        {"settings": [{**SETTING, "dataset": "digits"}]},
        {"settings": [{**SETTING, "precision": "bf16"}]},
        {"settings": [{**SETTING, "forget": {"fraction": 0.2}}]},
        {"settings": [{**SETTING, "forget": {"seed": 124}}]},
        {"model_seeds": [1]},
    ],
)
def test_another_setting_or_seed_changes_every_id(change):
    assert not ids(planned()) & ids(planned(**change))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("protocol", "quick/1.1"),
        ("dataset_revision", 99),
        ("model_revision", 99),
        ("validation_fraction", 0.2),
        ("split_seed", 124),
        ("run_seed", 124),
    ],
)
def test_any_part_of_the_resolved_setting_changes_every_id(field, value):
    before = job()
    cell = before.cells[0]
    moved = cell.model_copy(update={"setting": cell.setting.model_copy(update={field: value})})

    after = before.model_copy(update={"cells": (moved,)})

    assert not ids(plan(before)) & ids(plan(after))


@pytest.mark.parametrize("field", ["num_epochs", "batch_size", "learning_rate", "momentum", "weight_decay"])
def test_any_part_of_the_recipe_changes_every_id(field):
    before = job()
    cell = before.cells[0]
    recipe = cell.setting.recipe.model_copy(update={field: 3})

    moved = cell.model_copy(update={"setting": cell.setting.model_copy(update={"recipe": recipe})})

    assert not ids(plan(before)) & ids(plan(before.model_copy(update={"cells": (moved,)})))


@pytest.mark.parametrize(
    "hyperparameters",
    [{"redraw_share": 0.31}, {"learning_rate": 2e-3}, {"num_epochs": 6}, {"variant": "fixed"}],
)
def test_a_hyperparameter_changes_the_id_of_the_unlearning_and_of_nothing_else(hyperparameters):
    default = planned(unlearners=["msg"])
    changed = planned(unlearners=[{"id": "msg", "hyperparameters": hyperparameters}])

    assert unlearning(default).id != unlearning(changed).id
    assert ids(default) - {unlearning(default).id} < ids(changed)


def test_a_new_revision_of_the_unlearner_changes_the_id_of_the_unlearning_and_of_nothing_else():
    before = job()
    cell = before.cells[0]
    entry = cell.entries[0].model_copy(update={"unlearner_revision": 99})

    after = plan(before.model_copy(update={"cells": (cell.model_copy(update={"entries": (entry,)}),)}))

    assert ids(plan(before)) - ids(after) == {unlearning(plan(before)).id}


def test_a_new_revision_of_training_changes_every_id(monkeypatch):
    before = ids(planned())

    monkeypatch.setattr(plan_module, "TRAINING_REVISION", plan_module.TRAINING_REVISION + 1)

    assert not before & ids(planned())


def test_a_new_revision_of_evaluation_keeps_the_trained_models_and_redoes_what_is_measured(monkeypatch):
    before = planned()

    monkeypatch.setattr(plan_module, "EVALUATION_REVISION", plan_module.EVALUATION_REVISION + 1)

    kept = [unit.unit.kind for unit in before if unit.id in ids(planned())]
    assert kept == ["train", "train"]
