"""What is reported of U-LiRA, each figure with an interval from a bootstrap over splits (protocol §8).

Models of a split share their training half, and samples share models, so splits are what is resampled. The
normals are kept as fitted: a replicate weighs each split's counts, and no observation is classified anew.
That leaves out how the fits themselves vary: on simulated nulls the true standard error of the mean is 1.1
times the bootstrap's where models of a split are independent, and 1.6 times where they correlate by 0.5.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

REPLICATES = 1000
SEED = 123
CONFIDENCE = 0.95
ABOVE = 0.6
FALSE_POSITIVE_RATES = {"tpr_at_fpr_1pct": 0.01, "tpr_at_fpr_0.1pct": 0.001}
ROC_RATES = np.unique(np.concatenate([np.geomspace(1e-5, 1, 101), np.linspace(0, 1, 101)]))
BATCH = 32  # replicates at a time

Array = NDArray[np.float64]
Counts = NDArray[np.uint16]
Odds = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class Figure:
    """A number, the ends of its 95 % interval, and the reason where either does not exist.

    Attributes:
        value: None where it cannot be computed.
        low: None without a bootstrap.
        high: the same.
        reason: for a person; None where nothing is missing.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, float | str | None]:
        """The figure as plain JSON."""
        return asdict(self)


@dataclass(frozen=True)
class RocPoints:
    """The curve from (0, 0) to (1, 1): false and true positive rates, `(P,)` each, ascending."""

    fpr: Array
    tpr: Array


def figures_of(
    tallies: Sequence[Counts],
    in_odds: Odds,
    out_odds: Odds,
    *,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> tuple[dict[str, Figure], RocPoints]:
    """All figures with their intervals, and the ROC curve.

    The interval holds the middle 95 % of the replicates, moved so that their mean lies on the value: each
    sample is forgotten in few splits, so resampling them widens the spread of the accuracies, and plain
    percentiles of a spread would all lie above it.

    Args:
        tallies: right classifications of the forgetting side and of how many, then the same of the never-seen
            side, `(S, N)` each.
        in_odds: by split, log odds of the observations of models that forgot the sample.
        out_odds: by split, of models that never saw it.
        replicates: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.
    """
    num_splits = len(in_odds)
    uniform = np.ones((1, num_splits), dtype=np.float32)
    weighable = [tally.astype(np.float32) for tally in tallies]
    curve = _Curve(in_odds, out_odds)
    values = {**next(_accuracy_figures(weighable, uniform)), **curve.exact_figures()}
    replicated: dict[str, list[float]] = {name: [] for name in values}
    weights = np.random.default_rng(seed).multinomial(
        num_splits, np.full(num_splits, 1 / num_splits), size=replicates
    )
    for start in range(0, replicates, BATCH):
        batch = weights[start : start + BATCH].astype(np.float32)
        for own, ranked in zip(_accuracy_figures(weighable, batch), curve.figures(batch), strict=True):
            for name, value in {**own, **ranked}.items():
                if value is not None:
                    replicated[name].append(value)
    figures = {name: _figure(name, value, replicated[name]) for name, value in values.items()}
    return figures, curve.points


def balanced_accuracies(
    in_hits: ArrayLike, in_counts: ArrayLike, out_hits: ArrayLike, out_counts: ArrayLike
) -> Array:
    """`(N,)` means of the accuracies on the two sides, in [0, 1]; a side without observations counts 0."""
    of_in, of_out = (
        np.divide(in_hits, np.maximum(in_counts, 1)),
        np.divide(out_hits, np.maximum(out_counts, 1)),
    )
    accuracies: Array = 0.5 * of_in + 0.5 * of_out
    return accuracies


def _figure(name: str, value: float | None, replicated: list[float]) -> Figure:
    if value is None:
        needed = round(1 / FALSE_POSITIVE_RATES[name])
        return Figure(None, reason=f"fewer than {needed:,} observations of models that never saw the sample")
    if not replicated:
        return Figure(value, reason="no bootstrap replicate, so no interval")
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(replicated, [tail, 1 - tail]) - np.mean(replicated) + value
    return Figure(value, float(low), float(high))


def _accuracy_figures(
    tallies: Sequence[NDArray[np.float32]], weights: NDArray[np.float32]
) -> Iterator[dict[str, float | None]]:
    """Figures of the per-sample accuracies under each row of split weights, `(B, S)`."""
    weighed = [(weights @ tally).astype(np.float64) for tally in tallies]
    for in_hits, in_counts, out_hits, out_counts in zip(*weighed, strict=True):
        observed = (in_counts > 0) & (out_counts > 0)
        of_replicate = balanced_accuracies(in_hits, in_counts, out_hits, out_counts)[observed]
        if not len(of_replicate):
            yield {}  # no sample has both sides among the drawn splits
            continue
        median, p90, p95, p99 = np.quantile(of_replicate, [0.5, 0.9, 0.95, 0.99]).tolist()
        yield {
            "mean": float(of_replicate.mean()),
            "sd": float(of_replicate.std()),
            "median": median,
            "p90": p90,
            "p95": p95,
            "p99": p99,
            f"share_above_{ABOVE}": float((of_replicate > ABOVE).mean()),
        }


class _Curve:
    """All observations ranked together, and counts above thresholds by split for weighing."""

    def __init__(self, in_odds: Odds, out_odds: Odds) -> None:
        self._in, self._out = np.sort(np.concatenate(in_odds)), np.sort(np.concatenate(out_odds))
        positions = len(self._out) - 1 - np.floor(ROC_RATES * len(self._out)).astype(np.int64)
        self._thresholds = np.unique(self._out[np.maximum(positions, 0)])[::-1]
        self._above_in, self._above_out = (
            np.stack([_above(np.sort(odds), self._thresholds) for odds in side])
            for side in (in_odds, out_odds)
        )
        self._num_in, self._num_out = (
            np.array([len(odds) for odds in side], dtype=np.float64) for side in (in_odds, out_odds)
        )
        fpr, tpr = self._rates(np.ones((1, len(in_odds)), dtype=np.float32))
        self.points = RocPoints(fpr[0], tpr[0])

    def exact_figures(self) -> dict[str, float | None]:
        """From the ranks themselves; ties count half, and a rate is never exceeded."""
        below = np.searchsorted(self._out, self._in, side="left")
        tied = np.searchsorted(self._out, self._in, side="right") - below
        auc = float((below.mean() + 0.5 * tied.mean()) / len(self._out))
        return {"auc": auc, **{name: self._tpr(rate) for name, rate in FALSE_POSITIVE_RATES.items()}}

    def figures(self, weights: NDArray[np.float32]) -> Iterator[dict[str, float | None]]:
        """The same, from the curve's points, under each row of split weights."""
        for fpr, tpr in zip(*self._rates(weights), strict=True):
            yield {
                "auc": float(np.trapezoid(tpr, fpr)),
                **{name: float(np.interp(rate, fpr, tpr)) for name, rate in FALSE_POSITIVE_RATES.items()},
            }

    def _tpr(self, rate: float) -> float | None:
        allowed = len(self._out) // round(1 / rate)
        if not allowed:
            return None
        threshold = self._out[len(self._out) - 1 - allowed]
        return float(_above(self._in, threshold) / len(self._in))

    def _rates(self, weights: NDArray[np.float32]) -> tuple[Array, Array]:
        false, true = (
            (weights @ above) / np.maximum(weights @ number, 1)[:, None]
            for above, number in ((self._above_out, self._num_out), (self._above_in, self._num_in))
        )
        ends = ((0, 0), (1, 0)), ((0, 0), (0, 1))
        false, true = (
            np.pad(np.pad(rates, ends[0], constant_values=0.0), ends[1], constant_values=1.0)
            for rates in (false, true)
        )
        return false, true


def _above(ascending: NDArray[np.float32], thresholds: NDArray[np.float32] | np.float32) -> Array:
    count: Array = (len(ascending) - np.searchsorted(ascending, thresholds, side="right")).astype(np.float64)
    return count
