"""The value of each model behind a board, and what they come to per cell. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from core.board import CellSummary, Method
from core.spec.setting import SettingId


@dataclass(frozen=True)
class SeedValue:
    """What one model reached in a board's metric.

    Attributes:
        value: None where the model is not usable, or where the metric does not exist for it.
        runtime_efficiency: retraining time over the method's; None where it was not measurable.
        is_usable: whether a model without a value is one all the same.
    """

    setting: SettingId
    method: Method
    model_seed: int
    value: float | None
    runtime_efficiency: float | None = None
    is_usable: bool = False


def summarise(values: Iterable[SeedValue], seeds: Collection[int] | None = None) -> list[CellSummary]:
    """One summary per setting and method, over the model seeds `seeds`; None takes all."""

    def place(found: SeedValue) -> tuple[SettingId, str, str]:
        return (found.setting, found.method.unlearner, found.method.variant or "")

    kept = sorted((found for found in values if seeds is None or found.model_seed in seeds), key=place)
    return [_summary(list(group)) for _, group in groupby(kept, key=place)]


def standard_error(values: Sequence[float]) -> float | None:
    """Of the mean over model seeds; None with fewer than two."""
    return None if len(values) < 2 else float(np.std(values, ddof=1) / np.sqrt(len(values)))


def seed_matrix(
    values: Iterable[SeedValue], setting: SettingId, methods: Sequence[Method], seeds: Sequence[int]
) -> NDArray[np.float64]:
    """A setting's values, seeds x methods; NaN where there is none."""
    matrix = np.full((len(seeds), len(methods)), np.nan)
    row = {seed: index for index, seed in enumerate(seeds)}
    column = {method: index for index, method in enumerate(methods)}
    for found in values:
        is_asked = found.setting == setting and found.model_seed in row and found.method in column
        if is_asked and found.value is not None:
            matrix[row[found.model_seed], column[found.method]] = found.value
    return matrix


def _summary(found: list[SeedValue]) -> CellSummary:
    usable = [one.value for one in found if one.value is not None]
    efficiencies = [one.runtime_efficiency for one in found if one.runtime_efficiency is not None]
    return CellSummary(
        setting=found[0].setting,
        method=found[0].method,
        mean=float(np.mean(usable)) if usable else None,
        sd=float(np.std(usable, ddof=1)) if len(usable) > 1 else None,
        seeds=len(found),
        usable=len(usable),
        runtime_efficiency=float(np.mean(efficiencies)) if efficiencies else None,
        undefined=sum(one.is_usable and one.value is None for one in found),
    )
