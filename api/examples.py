"""The examples of the OpenAPI document: answers that a service gave, one for each that it declares."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from api.problems import MEDIA_TYPE

FILE = Path(__file__).parent / "examples.json"


def add_examples(document: dict[str, Any]) -> None:
    """Put an example beside every content of every answer that has one."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {}).items():
                    if (example := _example(operation["operationId"], status, media_type)) is not None:
                        content["example"] = example


def _example(operation: str, status: str, media_type: str) -> Any:  # noqa: ANN401 - any JSON, or text
    if media_type == MEDIA_TYPE:
        return _kept()["problems"].get(status)
    return _kept()["answers"].get(operation, {}).get(status, {}).get(media_type)


@cache
def _kept() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return kept
