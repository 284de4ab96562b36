"""The catalogue: what installed packages declare under the `lethe.*` entry points, ours included."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ValidationError

from core.catalog.attacks import AttackInfo
from core.catalog.datasets import DatasetInfo
from core.catalog.declaration import Declaration
from core.catalog.models import ModelInfo
from core.catalog.protocols import PROTOCOLS, Protocol
from core.catalog.unlearners import UnlearnerInfo
from core.errors import PluginInvalid

Info = TypeVar("Info", bound=Declaration)


@dataclass(frozen=True)
class Catalogue:
    """What can be asked for, by id."""

    unlearners: Mapping[str, UnlearnerInfo]
    datasets: Mapping[str, DatasetInfo]
    models: Mapping[str, ModelInfo]
    attacks: Mapping[str, AttackInfo]
    protocols: Mapping[str, Protocol]


@cache
def installed() -> Catalogue:
    """The catalogue of this installation, read once per process.

    Raises:
        PluginInvalid: an entry point cannot be loaded, is of the wrong type, or takes an id that is taken.
    """
    return Catalogue(
        unlearners=_declared("lethe.unlearners", UnlearnerInfo),
        datasets=_declared("lethe.datasets", DatasetInfo),
        models=_declared("lethe.models", ModelInfo),
        attacks=_declared("lethe.attacks", AttackInfo),
        protocols=PROTOCOLS,
    )


def implementation(import_string: str) -> Any:  # noqa: ANN401 - the catalogue's docstrings give each kind's signature
    """The object that a declaration names as `package.module:attribute`."""
    module, _, attribute = import_string.partition(":")
    return getattr(import_module(module), attribute)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known id that a misspelt one most likely meant, or None."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


def _declared(group: str, kind: type[Info]) -> Mapping[str, Info]:
    records: dict[str, Info] = {}
    for entry_point in sorted(entry_points(group=group), key=_ours_first):
        record = _load(entry_point, kind)
        if record.id in records:
            raise PluginInvalid(
                f"{_origin(entry_point)} declares {record.id!r} under {group}, but that id is taken."
            )
        records[record.id] = record
    return MappingProxyType(records)


def _load(entry_point: EntryPoint, kind: type[Info]) -> Info:
    try:
        record = entry_point.load()
    except Exception as error:
        raise PluginInvalid(
            f"{_origin(entry_point)}: entry point {entry_point.name!r} = {entry_point.value!r} cannot be "
            f"loaded: {_why(error)}"
        ) from error
    if not isinstance(record, kind):
        raise PluginInvalid(
            f"{_origin(entry_point)}: {entry_point.value!r} is a {type(record).__name__}, "
            f"not a {kind.__name__}."
        )
    return record


def _why(error: Exception) -> str:
    """What is wrong, in one line: pydantic's own text has its types and links as well."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = ((*each["loc"], each["msg"].removeprefix("Value error, ")) for each in error.errors())
    return "; ".join(": ".join(map(str, parts)) for parts in found)


def _ours_first(entry_point: EntryPoint) -> tuple[bool, str, str]:
    origin = _origin(entry_point)
    return (origin != "lethe", origin, entry_point.name)


def _origin(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else "an unknown package"
