"""What a board's ranks hang on: the same results, ranked otherwise (protocol §7, Notes; Appendix F of the
paper). Pure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import log10

from core.board import Board, CellSummary, Metric, RowMove, build_board, moved_rows
from core.cohort import Cohort
from core.ranking import Linkage
from core.seed_values import SeedValue, summarise
from core.spec.setting import Setting

TUNING_SEEDS = (0, 1, 2)  # the sweep looks at them, and they are evaluated too (protocol §6, Notes)
FIXED = "fixed"


@dataclass(frozen=True)
class Alternative:
    """One other way to rank the same results.

    Attributes:
        id: `linkage:single`, `model:resnet18` …
        ranks: by label, provisional rows with None, in the order of the alternative board.
        moved: rows whose rank or groups differ from the board's. Dense ranks over other settings are not
            comparable one by one: for `model:` and `dataset:` these are the rows whose rank differs.
        summaries: of each method in each setting, where the alternative rests on some model seeds only.
    """

    id: str
    title: str
    ranks: dict[str, int | None]
    moved: tuple[RowMove, ...]
    summaries: tuple[CellSummary, ...] = ()


@dataclass(frozen=True)
class Variation:
    """What an alternative does otherwise."""

    id: str
    title: str
    cohort: Cohort = Cohort.REFERENCE
    linkage: Linkage = Linkage.WARD
    seeds: tuple[int, ...] | None = None
    change: Callable[[list[CellSummary]], list[CellSummary]] = list
    model: str | None = None
    dataset: str | None = None

    def keeps(self, setting: Setting) -> bool:
        """Whether the setting is one of those ranked."""
        return self.model in (None, setting.model) and self.dataset in (None, setting.dataset)


def sensitivity(
    protocol: str,
    metric: Metric,
    settings: Sequence[Setting],
    values: Sequence[SeedValue],
    model_seeds: Sequence[int],
) -> tuple[Alternative, ...]:
    """Every alternative ranking that the results allow.

    The other linkages; everybody clustered in place of the reference cohort; logarithmic retention deviation;
    model seeds that the sweep has not seen; fixed variants in place of the official ones; and, where the
    board has several, each model and each dataset alone.

    Args:
        protocol: the protocol's id.
        metric: what the board ranks by.
        settings: the board's.
        values: of each model of each method in them.
        model_seeds: the protocol's.
    """

    def ranked(variation: Variation) -> Board:
        return build_board(
            protocol,
            metric,
            [setting for setting in settings if variation.keeps(setting)],
            variation.change(summarise(values, variation.seeds)),
            required_seeds=len(variation.seeds or model_seeds),
            cohort=variation.cohort,
            linkage=variation.linkage,
        )

    board = ranked(Variation("board", "The board"))
    return tuple(
        _alternative(variation, board, ranked(variation))
        for variation in _variations(metric, settings, values, model_seeds)
    )


def _variations(
    metric: Metric, settings: Sequence[Setting], values: Sequence[SeedValue], model_seeds: Sequence[int]
) -> Iterable[Variation]:
    for linkage in Linkage:
        if linkage is not Linkage.WARD:
            yield Variation(f"linkage:{linkage}", f"{linkage.capitalize()} linkage", linkage=linkage)
    yield Variation("cohort:all", "Everybody clustered", cohort=Cohort.ALL)
    if metric is Metric.RETENTION_DEVIATION:
        yield Variation("scale:log", "Logarithm of the retention deviation", change=_logarithmic)
    fresh = tuple(seed for seed in model_seeds if seed not in TUNING_SEEDS)
    if fresh and len(fresh) < len(model_seeds):
        yield Variation("seeds:fresh", f"Only model seeds {_spelt(fresh)}, unseen by tuning", seeds=fresh)
    if any(value.method.variant == FIXED for value in values):
        yield Variation("variant:fixed", "Fixed variants in place of the official ones", change=_fixed)
    for model in _several(setting.model for setting in settings):
        yield Variation(f"model:{model}", f"{model} alone", model=model)
    for dataset in _several(setting.dataset for setting in settings):
        yield Variation(f"dataset:{dataset}", f"{dataset} alone", dataset=dataset)


def _alternative(variation: Variation, board: Board, other: Board) -> Alternative:
    return Alternative(
        id=variation.id,
        title=variation.title,
        ranks={row.method.label: row.rank for row in other.rows},
        moved=moved_rows(board, other),
        summaries=() if variation.seeds is None else _summaries(other),
    )


def _summaries(board: Board) -> tuple[CellSummary, ...]:
    rows = (*board.rows, *board.references)
    return tuple(cell.summary for row in rows for cell in row.cells if cell.summary is not None)


def _logarithmic(summaries: list[CellSummary]) -> list[CellSummary]:
    """The means' decimal logarithms; a zero takes the smallest positive mean of its setting."""
    positive: dict[str, float] = {}
    for found in summaries:
        if found.mean is not None and found.mean > 0:
            positive[found.setting] = min(found.mean, positive.get(found.setting, found.mean))

    def scaled(found: CellSummary) -> CellSummary:
        if found.mean is None:
            return found
        return replace(found, mean=log10(max(found.mean, positive.get(found.setting, 1.0))), sd=None)

    return [scaled(found) for found in summaries]


def _fixed(summaries: list[CellSummary]) -> list[CellSummary]:
    """Each unlearner by its fixed variant, under the official one's name; without one, as it is."""
    fixed = {(found.setting, found.method.unlearner) for found in summaries if found.method.variant == FIXED}

    def renamed(found: CellSummary) -> CellSummary:
        if found.method.variant != FIXED:
            return found
        return replace(found, method=replace(found.method, variant="official"))

    return [
        renamed(found)
        for found in summaries
        if found.method.variant != "official" or (found.setting, found.method.unlearner) not in fixed
    ]


def _several(names: Iterable[str]) -> list[str]:
    """The names, if there is a choice among them."""
    distinct = list(dict.fromkeys(names))
    return distinct if len(distinct) > 1 else []


def _spelt(seeds: tuple[int, ...]) -> str:
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
