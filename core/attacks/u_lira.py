"""U-LiRA: does having been trained on and forgotten leave a trace of the single sample? (protocol §8)

Per sample, one normal distribution is fitted to the scores of models that forgot it and one to those of
models that never saw it; an observation is classified by the likelihood ratio of the two. All models of a
split share their training half, so a split's observations are classified by normals fitted to the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.attacks.lira_figures import (
    REPLICATES,
    SEED,
    Figure,
    RocPoints,
    balanced_accuracies,
    figures_of,
)
from core.errors import ObservationsInvalid

OUT, FORGET, RETAIN = 0, 1, 2
MIN_SPLITS = 5  # four to fit on, and the one that is classified (protocol §8.2)
SIGMA_FLOOR = 0.01  # of the pooled s.d.
CHUNK = 512  # samples at a time; its arrays fit the processor's cache

Scores = NDArray[np.floating]
Codes = NDArray[np.uint8]
Array = NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class LiraResult:
    """What the attack found out.

    Attributes:
        out: where the never-seen distribution came from, `same_method` or `retrain` (protocol §8.3).
        samples: `(A,)` positions of the attacked samples, ascending.
        accuracies: `(A,)` balanced accuracies of the attack on each, in [0, 1]; 0.5 is no trace.
        left_out: why a sample was not attacked → how many.
        figures: by name, with bootstrap intervals: mean, sd, median, p90, p95, p99, share_above_0.6 of the
            accuracies; auc, tpr_at_fpr_1pct, tpr_at_fpr_0.1pct of all observations ranked together.
        roc: points of the curve behind the last three.
    """

    out: str
    samples: NDArray[np.int64]
    accuracies: Array
    left_out: dict[str, int]
    figures: dict[str, Figure]
    roc: RocPoints

    def as_dict(self) -> dict[str, object]:
        """The result as plain JSON, without the per-sample accuracies."""
        return {
            "out": self.out,
            "num_attacked": len(self.samples),
            "left_out": dict(self.left_out),
            "figures": {name: figure.as_dict() for name, figure in self.figures.items()},
            "roc": {"fpr": self.roc.fpr.tolist(), "tpr": self.roc.tpr.tolist()},
        }


def u_lira(
    scores: Scores,
    membership: Codes,
    models: ArrayLike,
    *,
    retrained: Scores | None = None,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> LiraResult:
    """Attack every sample with leave-one-split-out cross-fitting.

    The calibration rows of protocol §8.4 are this function on the scores of the retrained and of the original
    models.

    Args:
        scores: `(M, N)` logit-scaled scores of the M = S·K models of one method on N samples; any finite
            scale, float32 is enough.
        membership: `(M, N)` codes: `FORGET` the model was trained on the sample and forgot it, `OUT` it never
            had it, `RETAIN` it kept it (ignored).
        models: `(M, 2)` split and forget draw of each model, in any order; the result does not depend on it.
        retrained: `(M, N)` scores of the models retrained without their forget sets, in the same order.
            Given, the never-seen distribution is theirs, on samples that are `OUT` or `FORGET`; else it is
            that of the method's own models.
        replicates: of the bootstrap over splits; 0 for no intervals.
        seed: of the bootstrap.

    Raises:
        ObservationsInvalid: shapes do not fit, a model of the S × K grid is missing or doubled, a code is
            unknown, a score is not finite, or no sample is in enough splits.

    Source: protocol §8.2 and §8.3; Carlini et al. 2022 (LiRA), Hayes et al. 2024 (U-LiRA).
    """
    grid = _Grid(scores, membership, np.asarray(models), retrained)
    floor = SIGMA_FLOOR * _pooled_sd(grid)
    tallies = [_attacked(block, floor) for block in grid.blocks()]
    samples = np.flatnonzero(np.concatenate([tally.attacked for tally in tallies]))
    if not len(samples):
        raise ObservationsInvalid(
            f"No sample is forgotten in at least {MIN_SPLITS} splits and never seen in at least "
            f"{MIN_SPLITS}, so none can be attacked leaving one split out; these models have "
            f"{grid.num_splits} split(s)."
        )
    counts = tuple(
        np.concatenate([getattr(tally, name)[:, tally.attacked] for tally in tallies], axis=1)
        for name in ("in_hits", "in_counts", "out_hits", "out_counts")
    )
    in_odds, out_odds = (
        [np.concatenate(parts) for parts in zip(*(getattr(tally, name) for tally in tallies), strict=True)]
        for name in ("in_odds", "out_odds")
    )
    figures, roc = figures_of(counts, in_odds, out_odds, replicates=replicates, seed=seed)
    return LiraResult(
        out="same_method" if retrained is None else "retrain",
        samples=samples,
        accuracies=balanced_accuracies(*(count.sum(axis=0) for count in counts)),
        left_out=_reasons(tallies),
        figures=figures,
        roc=roc,
    )


def log_odds(
    z: Array,
    in_mean: Array | float,
    in_variance: Array | float,
    out_mean: Array | float,
    out_variance: Array | float,
) -> Array:
    """`log(p / (1 − p))` of "trained, then forgotten" for observations `z`, any shapes that broadcast.

    `p` is the density of the first normal over the sum of both (protocol §8.2).
    """
    odds: Array = np.square(z - out_mean) / np.multiply(2, out_variance)
    odds -= np.square(z - in_mean) / np.multiply(2, in_variance)
    odds += 0.5 * (np.log(out_variance) - np.log(in_variance))
    return odds


@dataclass(frozen=True)
class _Block:
    """A chunk of samples: observations and masks of both sides, `(S, K, n)`."""

    in_scores: Array
    is_in: NDArray[np.bool_]
    out_scores: Array
    is_out: NDArray[np.bool_]


class _Grid:
    """The observations in the order of splits and draws, a chunk of samples at a time."""

    def __init__(
        self,
        scores: Scores,
        membership: Codes,
        models: NDArray[np.integer],
        retrained: Scores | None,
    ) -> None:
        shapes = {membership.shape, *(() if retrained is None else (retrained.shape,))}
        if (
            scores.ndim != 2
            or not scores.size
            or shapes != {scores.shape}
            or models.shape != (len(scores), 2)
        ):
            raise ObservationsInvalid(
                f"U-LiRA takes (M, N) scores and memberships and (M, 2) models, not {scores.shape}, "
                f"{', '.join(map(str, sorted(shapes)))} and {models.shape}."
            )
        self._scores, self._membership, self._retrained = scores, membership, retrained
        self._models = models
        self._order = np.lexsort((models[:, 1], models[:, 0]))
        self.num_splits, self._num_draws = _grid_shape(models)

    def blocks(self) -> Iterator[_Block]:
        for start in range(0, self._scores.shape[1], CHUNK):
            columns = slice(start, start + CHUNK)
            codes = self._shaped(self._membership[self._order, columns])
            if codes.max() > RETAIN:
                raise ObservationsInvalid(
                    f"Membership {codes.max()} is unknown; it is {OUT} for out, {FORGET} for forget and "
                    f"{RETAIN} for retain."
                )
            in_scores = self._checked(self._scores, columns, "method")
            is_in, is_out = codes == FORGET, codes == OUT
            if self._retrained is None:
                yield _Block(in_scores, is_in, in_scores, is_out)
            else:
                yield _Block(
                    in_scores, is_in, self._checked(self._retrained, columns, "retrained"), is_in | is_out
                )

    def _checked(self, scores: Scores, columns: slice, whose: str) -> Array:
        block = scores[self._order, columns]
        usable = np.abs(block) <= np.finfo(np.float32).max  # false for NaN, too
        if not usable.all():
            row, column = np.argwhere(~usable)[0]
            split, draw = self._models[self._order[row]]
            raise ObservationsInvalid(
                f"The {whose} model of split {split}, draw {draw} has a score that is not finite or beyond "
                f"float32 at sample {columns.start + column}; such a model is not usable."
            )
        return self._shaped(block.astype(np.float64))

    def _shaped(self, block: NDArray[Scalar]) -> NDArray[Scalar]:
        return block.reshape(self.num_splits, self._num_draws, -1)


def _grid_shape(models: NDArray[np.integer]) -> tuple[int, int]:
    splits, draws = np.unique(models[:, 0]), np.unique(models[:, 1])
    present = {(int(split), int(draw)) for split, draw in models}
    missing = [(int(split), int(draw)) for split in splits for draw in draws if (split, draw) not in present]
    if missing:
        raise ObservationsInvalid(
            f"{len(missing)} of {len(splits) * len(draws)} models are missing; the first is split "
            f"{missing[0][0]}, draw {missing[0][1]}. Every split needs the same forget draws."
        )
    if len(present) < len(models):
        raise ObservationsInvalid(f"{len(models) - len(present)} model(s) occur twice.")
    return len(splits), len(draws)


def _pooled_sd(grid: _Grid) -> float:
    """Standard deviation of all observations of all samples; 1 where they are all the same, which floors
    both normals alike.
    """
    count, mean, squares = 0, 0.0, 0.0
    for block in grid.blocks():
        values = np.concatenate([block.in_scores[block.is_in], block.out_scores[block.is_out]])
        if not len(values):
            continue
        own_mean = float(values.mean())
        total = count + len(values)
        squares += float(np.square(values - own_mean).sum())
        squares += (own_mean - mean) ** 2 * count * len(values) / total
        mean += (own_mean - mean) * len(values) / total
        count = total
    return float(np.sqrt(squares / max(count - 1, 1))) or 1.0


@dataclass(frozen=True)
class _Tally:
    """Per split and sample of a chunk: right classifications of both sides and of how many `(S, n)`; and per
    split the log odds of all observations.
    """

    attacked: NDArray[np.bool_]
    seldom_in: NDArray[np.bool_]
    in_hits: NDArray[np.uint16]
    in_counts: NDArray[np.uint16]
    out_hits: NDArray[np.uint16]
    out_counts: NDArray[np.uint16]
    in_odds: list[NDArray[np.float32]]
    out_odds: list[NDArray[np.float32]]


def _attacked(block: _Block, floor: float) -> _Tally:
    in_counts, out_counts = (mask.sum(axis=1, dtype=np.uint16) for mask in (block.is_in, block.is_out))
    seldom_in = np.count_nonzero(in_counts, axis=0) < MIN_SPLITS
    attacked = ~seldom_in & (np.count_nonzero(out_counts, axis=0) >= MIN_SPLITS)
    is_in, is_out = block.is_in & attacked, block.is_out & attacked
    shift = _mean(block)
    in_z = block.in_scores - shift
    out_z = in_z if block.out_scores is block.in_scores else block.out_scores - shift
    in_normal, out_normal = _held_out_normal(in_z, is_in, floor), _held_out_normal(out_z, is_out, floor)
    out_odds = log_odds(out_z, *in_normal, *out_normal)
    in_odds = out_odds if out_z is in_z else log_odds(in_z, *in_normal, *out_normal)
    return _Tally(
        attacked=attacked,
        seldom_in=seldom_in,
        in_hits=((in_odds > 0) & is_in).sum(axis=1, dtype=np.uint16),
        in_counts=in_counts,
        out_hits=((out_odds <= 0) & is_out).sum(axis=1, dtype=np.uint16),
        out_counts=out_counts,
        in_odds=_by_split(in_odds, is_in),
        out_odds=_by_split(out_odds, is_out),
    )


def _mean(block: _Block) -> Array:
    """`(n,)` means of each sample's observations: sums of squares about it do not cancel."""
    total = np.einsum("skn,skn->n", block.in_scores, block.is_in)
    total += np.einsum("skn,skn->n", block.out_scores, block.is_out)
    count = block.is_in.sum(axis=(0, 1)) + block.is_out.sum(axis=(0, 1))
    mean: Array = total / np.maximum(count, 1)
    return mean


def _held_out_normal(z: Array, mask: NDArray[np.bool_], floor: float) -> tuple[Array, Array]:
    """Mean and unbiased, floored variance of all splits but one, `(S, 1, n)` each: totals less a split's."""
    masked = z * mask
    count = mask.sum(axis=1, keepdims=True, dtype=np.float64)
    total = masked.sum(axis=1, keepdims=True)
    square = np.einsum("skn,skn->sn", masked, masked)[:, None]
    others = np.maximum(count.sum(axis=0) - count, 2)  # samples with fewer are not attacked
    mean = (total.sum(axis=0) - total) / others
    variance = (square.sum(axis=0) - square - others * np.square(mean)) / (others - 1)
    return mean, np.maximum(variance, floor**2)


def _by_split(odds: Array, mask: NDArray[np.bool_]) -> list[NDArray[np.float32]]:
    ends = np.cumsum(np.count_nonzero(mask, axis=(1, 2)))[:-1]
    return np.split(odds[mask].astype(np.float32), ends)


def _reasons(tallies: list[_Tally]) -> dict[str, int]:
    seldom_in = sum(int(np.count_nonzero(tally.seldom_in)) for tally in tallies)
    left_out = sum(int(np.count_nonzero(~tally.attacked)) for tally in tallies)
    reasons = {
        f"forgotten in fewer than {MIN_SPLITS} splits": seldom_in,
        f"never seen in fewer than {MIN_SPLITS} splits": left_out - seldom_in,
    }
    return {reason: count for reason, count in reasons.items() if count}
