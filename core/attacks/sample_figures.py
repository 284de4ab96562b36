"""What is reported of an attack on single samples, each figure with a 95 % interval (protocol §8).

Models of a split share their training half, and samples share models, so splits are what varies. Two
estimates of how much are at hand, and each is wrong in a known way, as a figure is made of joint effects of
some splits that an attack is fitted to and one that it is tried on:

- The bootstrap over splits with the attack as fitted weighs each split's right and wrong answers. Of the
  variance of a joint effect of c splits it finds the c-th part: it does not see fits vary.
- The jackknife, which attacks anew without some splits, finds c times that variance (Efron and Stein 1981,
  The jackknife estimate of variance: it is never too small on average).

The geometric mean of the two variances is right for every c, and never too small for a mixture, by the
inequality of Cauchy and Schwarz. `docs/u_lira.md` has the coverage that was measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

REPLICATES = 1000
SEED = 123
CONFIDENCE = 0.95
ABOVE = 0.6
FALSE_POSITIVE_RATES = {"tpr_at_fpr_1pct": 0.01, "tpr_at_fpr_0.1pct": 0.001}
ROC_RATES = np.unique(np.concatenate([np.geomspace(1e-5, 1, 101), np.linspace(0, 1, 101)]))
BATCH = 32  # replicates at a time

Array = NDArray[np.float64]
Counts = NDArray[np.uint16]
ByModels = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class Figure:
    """A number, the ends of its 95 % interval, and the reason where either does not exist.

    Attributes:
        value: None where it cannot be computed.
        low: None where there is no interval.
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


@dataclass(frozen=True, eq=False)
class Tallies:
    """What an attack got right, and how it ranks what it was shown.

    Attributes:
        in_hits: `(S, N)` observations of models that forgot the sample which it recognises, by split.
        in_counts: `(S, N)` of how many.
        out_hits: `(S, N)` observations of models that never saw the sample which it recognises.
        out_counts: `(S, N)` of how many.
        in_evidence: by split, its evidence on the forgetting models' observations, in any order.
        out_evidence: by split, on the unseeing models'.
    """

    in_hits: Counts
    in_counts: Counts
    out_hits: Counts
    out_counts: Counts
    in_evidence: Sequence[NDArray[np.float32]]
    out_evidence: Sequence[NDArray[np.float32]]

    @property
    def counts(self) -> tuple[Counts, Counts, Counts, Counts]:
        """Hits and counts of the forgetting side, then of the never-seen one."""
        return self.in_hits, self.in_counts, self.out_hits, self.out_counts

    @property
    def accuracies(self) -> Array:
        """`(N,)` balanced accuracies, in [0, 1]."""
        return balanced_accuracies(*(count.sum(axis=0) for count in self.counts))


def figure_values(tallies: Tallies) -> dict[str, float | None]:
    """The figures by name, without intervals; None where observations are too few."""
    return _exact(tallies, _Curve(tallies.in_evidence, tallies.out_evidence))


def figures_of(
    tallies: Tallies,
    refitted: Sequence[dict[str, float | None]] = (),
    *,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> tuple[dict[str, Figure], RocPoints]:
    """All figures with their intervals, within [0, 1], and the ROC curve.

    Args:
        tallies: of all splits.
        refitted: `figure_values` without one group of splits after the other, each time attacked anew; none
            for no intervals.
        replicates: of the bootstrap.
        seed: of the bootstrap.
    """
    curve = _Curve(tallies.in_evidence, tallies.out_evidence)
    values = _exact(tallies, curve)
    if not refitted:
        return {name: _figure(name, value, None) for name, value in values.items()}, curve.points
    factor = student.ppf((1 + CONFIDENCE) / 2, len(refitted) - 1)
    bootstrap = _bootstrap_spread(tallies, curve, replicates, seed)
    jackknife = {name: _jackknife_spread([found.get(name) for found in refitted]) for name in values}
    figures = {
        name: _figure(name, value, factor * np.sqrt(bootstrap.get(name, np.nan) * jackknife[name]))
        for name, value in values.items()
    }
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


def _exact(tallies: Tallies, curve: "_Curve") -> dict[str, float | None]:
    counts = [count.sum(axis=0, dtype=np.float64)[None] for count in tallies.counts]
    return {**next(_accuracy_figures(counts)), **curve.exact_figures()}


def _figure(name: str, value: float | None, half: float | None) -> Figure:
    """A figure and the half width of its interval, NaN where that cannot be estimated."""
    if value is None:
        needed = round(1 / FALSE_POSITIVE_RATES[name])
        return Figure(None, reason=f"fewer than {needed:,} observations of models that never saw the sample")
    if half is None:
        return Figure(value, reason="no interval was asked for")
    if np.isnan(half):
        return Figure(
            value, reason="too few splits for an interval, which needs the attack without some of them"
        )
    return Figure(value, max(0.0, float(value - half)), min(1.0, float(value + half)))


def _bootstrap_spread(tallies: Tallies, curve: "_Curve", replicates: int, seed: int) -> dict[str, float]:
    """Standard deviation of each figure over resampled splits, the attack as fitted."""
    num_splits = len(tallies.in_evidence)
    weighable = [count.astype(np.float32) for count in tallies.counts]
    replicated: dict[str, list[float]] = {}
    weights = np.random.default_rng(seed).multinomial(
        num_splits, np.full(num_splits, 1 / num_splits), size=replicates
    )
    for start in range(0, replicates, BATCH):
        batch = weights[start : start + BATCH].astype(np.float32)
        weighed = [(batch @ count).astype(np.float64) for count in weighable]
        for own, ranked in zip(_accuracy_figures(weighed), curve.figures(batch), strict=True):
            for name, value in {**own, **ranked}.items():
                replicated.setdefault(name, []).append(value)
    return {name: float(np.std(values)) for name, values in replicated.items()}


def _jackknife_spread(values: Sequence[float | None]) -> float:
    """Standard error from the values without one group of splits each; NaN where one does not exist."""
    existing = np.array([np.nan if value is None else value for value in values])
    return float(np.sqrt((len(existing) - 1) * existing.var()))


def _accuracy_figures(weighed: Sequence[Array]) -> Iterator[dict[str, float]]:
    """Figures of the per-sample accuracies under each row of the `(B, N)` hits and counts of both sides."""
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

    def __init__(self, in_evidence: ByModels, out_evidence: ByModels) -> None:
        self._in, self._out = np.sort(np.concatenate(in_evidence)), np.sort(np.concatenate(out_evidence))
        positions = len(self._out) - 1 - np.floor(ROC_RATES * len(self._out)).astype(np.int64)
        self._thresholds = np.unique(self._out[np.maximum(positions, 0)])[::-1]
        self._above_in, self._above_out = (
            np.stack([_above(np.sort(evidence), self._thresholds) for evidence in side])
            for side in (in_evidence, out_evidence)
        )
        self._num_in, self._num_out = (
            np.array([len(evidence) for evidence in side], dtype=np.float64)
            for side in (in_evidence, out_evidence)
        )
        fpr, tpr = self._rates(np.ones((1, len(in_evidence)), dtype=np.float32))
        self.points = RocPoints(fpr[0], tpr[0])

    def exact_figures(self) -> dict[str, float | None]:
        """From the ranks themselves; ties count half, and a rate is never exceeded."""
        below = np.searchsorted(self._out, self._in, side="left")
        tied = np.searchsorted(self._out, self._in, side="right") - below
        auc = float((below.mean() + 0.5 * tied.mean()) / len(self._out))
        return {"auc": auc, **{name: self._tpr(rate) for name, rate in FALSE_POSITIVE_RATES.items()}}

    def figures(self, weights: NDArray[np.float32]) -> Iterator[dict[str, float]]:
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
