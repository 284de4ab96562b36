"""Problems that many parts of a spec can have."""

from collections.abc import Iterable, Sequence
from typing import Any

from core.catalog.registry import closest
from core.errors import SpecProblem
from core.spec.job import pointer


def unknown(kind: str, name: str, known: Iterable[str], where: str) -> SpecProblem:
    """An id that is none of those there are, and which of them was most likely meant."""
    detail = f"There is no {kind} {name!r}; there are {', '.join(sorted(known))}."
    return SpecProblem(where, f"unknown_{kind}", detail, closest(name, known))


def duplicates(items: Sequence[Any], *path: str) -> list[SpecProblem]:
    """What a list, which stands at `path`, has twice."""
    return [
        SpecProblem(
            pointer(*path, index), "duplicate", f"This repeats {'.'.join(path)}[{items.index(item)}]."
        )
        for index, item in enumerate(items)
        if items.index(item) != index
    ]
