"""The docs' tables of hyperparameters, as the catalogue declares them.

`python -m core.reference docs/unlearners`, or `make docs`, brings every unlearner's page up to date.
"""

import re
import sys
from pathlib import Path
from typing import Any

from core.catalog.registry import installed
from core.catalog.unlearners import Hyperparameters
from core.spec.search import SearchSpace, search_space

_BETWEEN_MARKERS = re.compile(r"(?<=<!-- hyperparameters -->\n).*?(?=<!-- /hyperparameters -->)", re.DOTALL)


def with_table(page: str, hyperparameters: type[Hyperparameters]) -> str:
    """The page with the class's table in place of what is between the markers.

    Raises:
        ValueError: the page lacks the markers.
    """
    filled, count = _BETWEEN_MARKERS.subn(lambda _: table(hyperparameters), page)
    if count != 1:
        raise ValueError(
            "A page needs one `<!-- hyperparameters -->` and one `<!-- /hyperparameters -->`, each on a line "
            f"of its own; there are {count} such pairs below {page.partition(chr(10))[0]!r}."
        )
    return filled


def table(hyperparameters: type[Hyperparameters]) -> str:
    """One row of Markdown per field: name, default, bounds, search space, description."""
    rows = [("name", "default", "bounds", "search space", "meaning"), ("---",) * 5]
    spaces = search_space(hyperparameters)
    for name, field in hyperparameters.model_json_schema()["properties"].items():
        meaning = field["description"].replace("|", "\\|")
        rows.append(
            (f"`{name}`", _text(field["default"]), _bounds(field), _searched(spaces.get(name)), meaning)
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _bounds(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(map(_text, field["enum"]))
    if field["type"] == "boolean":
        return "false, true"
    low = (
        f"({_text(field['exclusiveMinimum'])}"
        if "exclusiveMinimum" in field
        else f"[{_text(field['minimum'])}"
    )
    high = (
        f"{_text(field['exclusiveMaximum'])})"
        if "exclusiveMaximum" in field
        else f"{_text(field['maximum'])}]"
    )
    return f"{low}, {high}"


def _searched(space: SearchSpace | None) -> str:
    """The space as it stands in the code: `LogUniform(1e-05, 0.1)`."""
    if space is None:
        return "–"
    arguments = space.describe()
    distribution = arguments.pop("distribution")
    values = arguments.pop("choices", arguments.values())
    return f"`{distribution}({', '.join(map(_text, values))})`"


def _text(value: float | str | bool) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return value
        case _:
            return f"{value:g}"


if __name__ == "__main__":
    for path in Path(sys.argv[1]).glob("*.md"):
        if path.stem in installed().unlearners:
            hyperparameters = installed().unlearners[path.stem].hyperparameters
            path.write_text(with_table(path.read_text(), hyperparameters))
