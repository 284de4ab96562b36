"""The OpenAPI document's examples: each is what the service answers, in form, when it is asked again."""

from typing import Any

import jsonschema_rs
import pytest
from httpx import Response

from api.examples import FILE
from api.main import openapi_document
from api.problems import MEDIA_TYPE
from tests.api.examples import ANSWERS, ask, kept, media_type, settled

DOCUMENT = openapi_document()
OPERATIONS = {
    operation["operationId"]: operation
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}
CONTENTS = [
    pytest.param(content, media, id=f"{operation_id}-{status}-{media}")
    for operation_id, operation in OPERATIONS.items()
    for status, answer in operation["responses"].items()
    for media, content in answer.get("content", {}).items()
]


@pytest.fixture(scope="module")
def asked() -> tuple[list[Response], dict[int, Response]]:
    return ask()


def form(value: Any) -> Any:
    """What stays the same from one answer to the next: the fields, and the types of what is in them."""
    if isinstance(value, dict):
        return {name: form(found) for name, found in value.items()}
    if isinstance(value, list):
        return [form(found) for found in value[:1]]
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


@pytest.mark.parametrize(("content", "media"), CONTENTS)
def test_every_answer_has_an_example_that_its_schema_allows(content, media):
    assert "example" in content
    if media.endswith("json") and "schema" in content:
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.validator_for(schema).validate(content["example"])


@pytest.mark.parametrize(
    ("number", "operation", "status"),
    [
        pytest.param(number, operation, status, id=f"{number:02}-{operation}-{status}")
        for number, (operation, status, _) in enumerate(ANSWERS)
    ],
)
def test_an_answer_has_the_form_of_its_example(asked, number, operation, status):
    answer = asked[0][number]

    assert answer.status_code == status
    example = OPERATIONS[operation]["responses"][str(status)]["content"][media_type(answer)]["example"]
    assert form(kept(answer)) == form(example)


def test_a_problem_has_the_form_of_its_example(asked):
    shown = {
        int(status): answer["content"][MEDIA_TYPE]["example"]
        for operation in OPERATIONS.values()
        for status, answer in operation["responses"].items()
        if MEDIA_TYPE in answer.get("content", {})
    }

    problems = {status: answer.json() for status, answer in asked[1].items()}

    assert problems.keys() == shown.keys()
    for status, problem in problems.items():
        assert (problem["status"], problem["code"]) == (status, shown[status]["code"])
        assert form(problem) == form(shown[status])


def test_no_example_tells_a_secret_or_whose_machine_gave_it():
    text = FILE.read_text("utf-8")

    assert settled(text) == text
    assert "Bearer" not in text
