"""The job spec: what is refused, with which pointer and suggestion, and which specs mean the same."""

import json
from dataclasses import replace
from typing import Any

import pytest

from core.catalog.datasets import utkface
from core.catalog.registry import installed
from core.errors import SpecInvalid, SpecProblem
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import Cell, ResolvedJob, resolve

SETTING = {"dataset": "mnist", "model": "resnet18"}
SPEC = {"settings": [SETTING], "unlearners": ["ft"]}


def resolved(**changes: Any) -> ResolvedJob:
    """The smallest job spec, with some of its fields changed, resolved."""
    return resolve(parse_job_spec(json.dumps({**SPEC, **changes})), installed())


def refusal(document: str | bytes | dict[str, Any]) -> list[SpecProblem]:
    """What is wrong with a job spec."""
    text = json.dumps(document) if isinstance(document, dict) else document
    with pytest.raises(SpecInvalid) as refused:
        resolve(parse_job_spec(text), installed())
    return refused.value.problems


def the_problem(**changes: Any) -> SpecProblem:
    """The only thing that is wrong with the changed job spec."""
    (problem,) = refusal({**SPEC, **changes})
    return problem


def with_hyperparameters(unlearner: str, **hyperparameters: Any) -> list[dict[str, Any]]:
    return [{"id": unlearner, "hyperparameters": hyperparameters}]


def tuning(**changes: Any) -> str:
    return resolved(**changes).cells[0].entries[0].tuning


@pytest.mark.parametrize(
    ("changes", "pointer", "suggestion"),
    [
        ({"lable": "x"}, "#/lable", "label"),
        ({"unlearners": [{"id": "ft", "hyper": {}}]}, "#/unlearners/0/hyper", "hyperparameters"),
        ({"settings": [{**SETTING, "precison": "fp32"}]}, "#/settings/0/precison", "precision"),
        (
            {"settings": [{**SETTING, "forget": {"fracton": 0.1}}]},
            "#/settings/0/forget/fracton",
            "fraction",
        ),
        (
            {"unlearners": with_hyperparameters("ft", learning_rat=1)},
            "#/unlearners/0/hyperparameters/learning_rat",
            "learning_rate",
        ),
        ({"xyzzy": 1}, "#/xyzzy", None),
    ],
)
def test_a_misspelt_field_is_refused_with_the_field_it_most_likely_meant(changes, pointer, suggestion):
    problem = the_problem(**changes)

    assert (problem.pointer, problem.code) == (pointer, "extra_forbidden")
    assert problem.suggestion == suggestion


@pytest.mark.parametrize(
    ("changes", "pointer", "code", "suggestion"),
    [
        ({"protocol": "quik/1.0"}, "#/protocol", "unknown_protocol", "quick/1.0"),
        ({"unlearners": ["fft"]}, "#/unlearners/0/id", "unknown_unlearner", "ft"),
        ({"unlearners": ["ft", {"id": "mgs"}]}, "#/unlearners/1/id", "unknown_unlearner", "msg"),
        ({"attacks": ["u_mai"]}, "#/attacks/0/id", "unknown_attack", "u_mia"),
        (
            {"settings": [{**SETTING, "dataset": "digts"}]},
            "#/settings/0/dataset",
            "unknown_dataset",
            "digits",
        ),
        ({"settings": [{**SETTING, "model": "resnet81"}]}, "#/settings/0/model", "unknown_model", "resnet18"),
    ],
)
def test_an_unknown_id_is_refused_with_the_id_it_most_likely_meant(changes, pointer, code, suggestion):
    problem = the_problem(**changes)

    assert (problem.pointer, problem.code, problem.suggestion) == (pointer, code, suggestion)


def test_an_unknown_id_that_resembles_nothing_gets_the_list_of_all_and_no_suggestion():
    problem = the_problem(unlearners=["xyzzy"])

    assert problem.suggestion is None
    assert f"there are {', '.join(sorted(installed().unlearners))}." in problem.detail


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"model_seeds": ["1"]}, "#/model_seeds/0"),
        ({"settings": [{**SETTING, "forget": {"fraction": "0.1"}}]}, "#/settings/0/forget/fraction"),
        ({"settings": [{**SETTING, "forget": {"seed": "1"}}]}, "#/settings/0/forget/seed"),
        (
            {"unlearners": with_hyperparameters("ft", num_epochs="5")},
            "#/unlearners/0/hyperparameters/num_epochs",
        ),
    ],
)
def test_text_is_not_taken_for_a_number(changes, pointer):
    problem = the_problem(**changes)

    assert problem.pointer == pointer
    assert problem.code in ("int_type", "float_type", "seed_type")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"settings": [{**SETTING, "forget": {"fraction": 0}}]}, "#/settings/0/forget/fraction"),
        ({"settings": [{**SETTING, "forget": {"fraction": 1}}]}, "#/settings/0/forget/fraction"),
        ({"settings": [{**SETTING, "precision": "fp8"}]}, "#/settings/0/precision"),
        ({"settings": []}, "#/settings"),
        ({"unlearners": []}, "#/unlearners"),
        ({"model_seeds": []}, "#/model_seeds"),
        ({"model_seeds": [-1]}, "#/model_seeds/0"),
        ({"model_seeds": [2**32]}, "#/model_seeds/0"),
        ({"label": "x" * 201}, "#/label"),
        (
            {"unlearners": with_hyperparameters("ft", learning_rate=100)},
            "#/unlearners/0/hyperparameters/learning_rate",
        ),
        (
            {"unlearners": with_hyperparameters("msg", variant="fixd")},
            "#/unlearners/0/hyperparameters/variant",
        ),
    ],
)
def test_a_value_out_of_bounds_is_refused_where_it_stands(changes, pointer):
    assert the_problem(**changes).pointer == pointer


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(number):
    unlearners = f'[{{"id": "ft", "hyperparameters": {{"learning_rate": {number}}}}}]'

    (problem,) = refusal(f'{{"settings": [{json.dumps(SETTING)}], "unlearners": {unlearners}}}')

    assert problem.pointer == "#/unlearners/0/hyperparameters/learning_rate"


def test_a_missing_field_is_named():
    (problem,) = refusal({"unlearners": ["ft"]})

    assert (problem.pointer, problem.code) == ("#/settings", "missing")


@pytest.mark.parametrize("document", ["", "{", "ft", b"\xff\xfe", '{"a": 1,}', '{"label": "\\ud800"}'])
def test_what_is_not_json_is_refused_as_such(document):
    (problem,) = refusal(document)

    assert (problem.pointer, problem.code) == ("#", "json_invalid")


@pytest.mark.parametrize("document", ["[]", "null", "3", '"ft"'])
def test_json_that_is_not_an_object_is_refused(document):
    (problem,) = refusal(document)

    assert (problem.pointer, problem.code) == ("#", "model_type")


def test_a_document_too_deep_for_the_parser_is_refused_and_not_a_crash():
    (problem,) = refusal('{"a":' * 50_000)

    assert problem.code == "json_invalid"


@pytest.mark.parametrize(
    ("field", "items"),
    [
        ("settings", [SETTING, SETTING]),
        ("settings", [SETTING, {**SETTING, "forget": {"seed": 123}}]),
        ("unlearners", ["ft", "ft"]),
        ("unlearners", ["ft", {"id": "ft", "hyperparameters": {}}]),
        ("model_seeds", [7, 7]),
    ],
)
def test_a_repeated_item_is_refused_with_the_one_it_repeats(field, items):
    problem = the_problem(**{field: items})

    assert (problem.pointer, problem.code) == (f"#/{field}/1", "duplicate")
    assert f"{field}[0]" in problem.detail


def test_the_seeds_of_a_sweep_are_a_set_whose_order_changes_nothing():
    in_order, shuffled = (
        resolved(protocol="deep-unlearn/1.0", sweep={"seeds": seeds}) for seeds in ([0, 1, 2], [2, 0, 1])
    )

    assert shuffled.sha256 == in_order.sha256
    assert {entry.tuning for cell in shuffled.cells for entry in cell.entries} == {"sweep"}
    assert plan(shuffled) == plan(in_order)


def test_a_repeated_seed_of_a_sweep_is_refused():
    problem = the_problem(sweep={"seeds": [4, 0, 4], "trials": 2})

    assert (problem.pointer, problem.code) == ("#/sweep/seeds/2", "duplicate")
    assert "sweep.seeds[0]" in problem.detail


def test_one_unlearner_may_run_twice_with_different_hyperparameters():
    job = resolved(unlearners=["ft", *with_hyperparameters("ft", learning_rate=0.5)])

    assert [entry.hyperparameters["learning_rate"] for entry in job.cells[0].entries] == [0.1, 0.5]


def test_an_unknown_hyperparameter_is_refused_even_where_no_setting_is_valid():
    problems = refusal(
        {
            "settings": [{**SETTING, "dataset": "xyzzy"}],
            "unlearners": with_hyperparameters("ft", learning_rat=1),
        }
    )

    assert [problem.pointer for problem in problems] == [
        "#/settings/0/dataset",
        "#/unlearners/0/hyperparameters/learning_rat",
    ]


def test_everything_that_is_wrong_is_said_at_once():
    problems = refusal(
        {
            "settings": [{"dataset": "digts", "model": "resnet18"}, {**SETTING, "model": "resnet81"}],
            "unlearners": ["gaa", *with_hyperparameters("ft", lr=0.1, num_epochs=-1)],
            "attacks": ["mia"],
            "model_seeds": [1, 1],
        }
    )

    assert {problem.pointer for problem in problems} == {
        "#/settings/0/dataset",
        "#/settings/1/model",
        "#/unlearners/0/id",
        "#/unlearners/1/hyperparameters/lr",
        "#/unlearners/1/hyperparameters/num_epochs",
        "#/attacks/0/id",
        "#/model_seeds/1",
    }


def test_a_hyperparameter_that_is_wrong_in_every_setting_is_said_once():
    (problem,) = refusal(
        {
            "settings": [SETTING, {**SETTING, "model": "tiny_vit"}],
            "unlearners": with_hyperparameters("ft", learning_rate=100),
        }
    )

    assert problem.pointer == "#/unlearners/0/hyperparameters/learning_rate"


def test_the_pointer_to_a_name_with_slashes_is_escaped():
    problem = the_problem(unlearners=with_hyperparameters("ft", **{"a/b~c": 1}))

    assert problem.pointer == "#/unlearners/0/hyperparameters/a~1b~0c"


@pytest.mark.parametrize("everything", ["all", ["all"], [{"id": "all"}]])
def test_all_is_every_unlearner_of_the_catalogue(everything):
    job = resolved(unlearners=everything)

    assert {entry.unlearner for entry in job.cells[0].entries} == set(installed().unlearners)
    assert job.sha256 == resolved(unlearners=list(installed().unlearners)).sha256


def test_all_stands_only_by_itself():
    problem = the_problem(unlearners=["ft", "all"])

    assert (problem.pointer, problem.code) == ("#/unlearners/1", "all_and_others")


@pytest.mark.parametrize(
    "same",
    [
        {"unlearners": [{"id": "ft"}]},
        {"unlearners": [{"id": "ft", "hyperparameters": {}}]},
        {"unlearners": with_hyperparameters("ft", learning_rate=0.1, num_epochs=5)},
        {"protocol": "quick/1.0"},
        {"model_seeds": [0, 1, 2]},
        {"attacks": ["u_mia"]},
        {"attacks": [{"id": "u_mia"}]},
        {"settings": [{**SETTING, "forget": {"rule": "random", "fraction": 0.1, "seed": 123}}]},
        {"settings": [{**SETTING, "precision": "fp32"}]},
        {"label": "another name"},
    ],
)
def test_specs_that_mean_the_same_have_the_same_hash(same):
    assert resolved(**same).sha256 == resolved().sha256


@pytest.mark.parametrize(
    "other",
    [
        {"unlearners": ["ga"]},
        {"unlearners": with_hyperparameters("ft", learning_rate=0.2)},
        {"model_seeds": [0]},
        {"settings": [{**SETTING, "model": "tiny_vit"}]},
        {"settings": [{**SETTING, "forget": {"seed": 1}}]},
        {"settings": [{**SETTING, "precision": "bf16"}]},
    ],
)
def test_specs_that_mean_something_else_have_another_hash(other):
    assert resolved(**other).sha256 != resolved().sha256


def test_a_whole_number_and_its_decimal_form_are_the_same_hyperparameter():
    whole, decimal = (with_hyperparameters("ft", learning_rate=value) for value in (1, 1.0))

    assert resolved(unlearners=whole).sha256 == resolved(unlearners=decimal).sha256


def test_a_resolved_job_has_every_default_filled_in():
    cell = resolved().cells[0]

    assert cell.entries[0].hyperparameters == {
        "learning_rate": 0.1,
        "weight_decay": 5e-4,
        "batch_size": 256,
        "num_epochs": 5,
        "augment": False,
    }
    assert (cell.setting.recipe.num_epochs, cell.setting.precision) == (2, "fp32")
    assert resolved().model_seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("unlearners", "expected"),
    [
        (["ft"], "default"),
        (with_hyperparameters("ft", learning_rate=0.1), "default"),
        (with_hyperparameters("ft", learning_rate=0.2), "given"),
        (with_hyperparameters("msg", variant="fixed"), "default"),
        (with_hyperparameters("msg", variant="fixed", redraw_share=0.5), "given"),
    ],
)
def test_hyperparameters_are_given_only_where_they_differ_from_the_defaults_of_the_variant(
    unlearners, expected
):
    assert tuning(unlearners=unlearners) == expected


def test_hyperparameters_for_all_unlearners_at_once_are_refused():
    problem = the_problem(unlearners=with_hyperparameters("all", learning_rate=0.1))

    assert (problem.pointer, problem.code) == ("#/unlearners/0/hyperparameters", "hyperparameters_of_all")


def test_a_copy_of_a_dataset_follows_its_recipes_and_limits():
    copy = utkface("utkface_23705", num_images=23_705)
    catalogue = replace(installed(), datasets={**installed().datasets, copy.id: copy})

    def cell(dataset: str) -> Cell:
        spec = {
            "protocol": "deep-unlearn/1.0",
            "settings": [{"dataset": dataset, "model": "resnet18"}],
            "unlearners": ["ft"],
            "sweep": {},
        }
        return resolve(parse_job_spec(json.dumps(spec)), catalogue).cells[0]

    ours, theirs = cell(copy.id), cell("utkface")
    assert ours.setting.recipe == theirs.setting.recipe
    assert ours.max_batch_size == theirs.max_batch_size == 128
    assert ours.setting.id != theirs.setting.id


def test_a_dataset_without_a_recipe_is_refused_with_those_that_have_one():
    setting = {"dataset": "digits", "model": "resnet18"}
    problem = the_problem(protocol="deep-unlearn/1.0", settings=[setting])

    assert (problem.pointer, problem.code) == ("#/settings/0", "unsupported_pair")
    assert "cifar10" in problem.detail
