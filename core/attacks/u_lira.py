"""U-LiRA: does having been trained on and forgotten leave a trace of the single sample? (protocol §8)

Per sample, one normal distribution is fitted to the scores of models that forgot it and one to those of
models that never saw it; an observation is classified by the likelihood ratio of the two. All models of a
split share their training half, so a split's observations are classified by normals fitted to the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.attacks.observations import Evidence, Mask, Observations

SIGMA_FLOOR = 0.01  # of the pooled s.d. (protocol §8.2)
CHUNK = 512  # samples at a time; its arrays fit the processor's cache
LARGEST = np.finfo(np.float32).max

Array = NDArray[np.float64]


def u_lira(observed: Observations) -> Evidence:
    """The log odds of "trained, then forgotten", by normals that are each sample's own.

    Source: protocol §8.2 and §8.3; Carlini et al. 2022 (LiRA), Hayes et al. 2024 (U-LiRA).
    """
    return _evidence(observed)


def u_lira_pooled(observed: Observations) -> Evidence:
    """The same with each sample's own means but one variance a side, of all samples about their means. So one
    other split has to have forgotten a sample, not four.

    The variances are of all observations, those that are classified included: each is one of thousands.

    Source: Carlini et al. 2022, Membership Inference Attacks From First Principles (arXiv 2112.03570), §VI,
    where variances estimated globally do better than each sample's own below 64 shadow models.
    """
    return _evidence(observed, _variances_about_means(observed))


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


@dataclass(frozen=True, eq=False)
class _Side:
    """Scores of a chunk of samples and which are observations of models that forgot them, or never saw them,
    `(S, K, n)` each.
    """

    z: Array
    mask: Mask


@dataclass(frozen=True, eq=False)
class _Normal:
    """Mean and unbiased variance of the other splits by the one that is left out, `(S, 1, n)` each."""

    mean: Array
    variance: Array


def _evidence(observed: Observations, pooled: Sequence[float] | None = None) -> Evidence:
    """Log odds by held-out means and variances, or by the pooled variances of both sides."""
    floor = SIGMA_FLOOR * _pooled_sd(observed)
    shape = observed.scores.shape
    of_forgotten = np.empty(shape, dtype=np.float32)
    of_unseen = of_forgotten if observed.retrained is None else np.empty(shape, dtype=np.float32)
    for columns, sides in _chunks(observed):
        normals = [_held_out_normal(side) for side in sides]
        variances: Sequence[Array | float] = pooled or [normal.variance for normal in normals]
        in_variance, out_variance = (np.maximum(variance, floor**2) for variance in variances)
        for evidence, side in zip((of_forgotten, of_unseen), sides, strict=True):
            odds = log_odds(side.z, normals[0].mean, in_variance, normals[1].mean, out_variance)
            observed.by_split(evidence)[..., columns] = np.clip(odds, -LARGEST, LARGEST)
            if of_unseen is of_forgotten:
                break
    return Evidence(of_forgotten, of_unseen)


def _chunks(observed: Observations) -> Iterator[tuple[slice, tuple[_Side, _Side]]]:
    """Forgetting and unseeing side of some samples at a time, scores less each sample's mean: sums of squares
    about it do not cancel.
    """
    is_in, is_out = (observed.by_split(mask) for mask in (observed.is_forgotten, observed.is_unseen))
    for start in range(0, observed.scores.shape[1], CHUNK):
        columns = slice(start, start + CHUNK)
        in_z = observed.by_split(observed.scores)[..., columns].astype(np.float64)
        in_side = _Side(in_z, is_in[..., columns])
        out_z = in_z
        if observed.retrained is not None:
            out_z = observed.by_split(observed.retrained)[..., columns].astype(np.float64)
        out_side = _Side(out_z, is_out[..., columns])
        mean = _mean(in_side, out_side)
        in_z -= mean
        if out_z is not in_z:
            out_z -= mean
        yield columns, (in_side, out_side)


def _mean(*sides: _Side) -> Array:
    """`(n,)` means of each sample's observations of both sides."""
    total = sum(np.einsum("skn,skn->n", side.z, side.mask) for side in sides)
    count = sum(side.mask.sum(axis=(0, 1)) for side in sides)
    mean: Array = total / np.maximum(count, 1)
    return mean


def _held_out_normal(side: _Side) -> _Normal:
    """Totals less a split's; a variance of fewer than two observations is 0, and so is a mean of none."""
    count, total, square = _sums(side)
    others = count.sum(axis=0) - count
    mean = (total.sum(axis=0) - total) / np.maximum(others, 1)
    variance = (square.sum(axis=0) - square - others * np.square(mean)) / np.maximum(others - 1, 1)
    return _Normal(mean, variance)


def _sums(side: _Side) -> tuple[Array, Array, Array]:
    """Number, sum and sum of squares of each split's observations, `(S, 1, n)` each."""
    masked = side.z * side.mask
    count = side.mask.sum(axis=1, keepdims=True, dtype=np.float64)
    return count, masked.sum(axis=1, keepdims=True), np.einsum("skn,skn->sn", masked, masked)[:, None]


def _variances_about_means(observed: Observations) -> list[float]:
    """Unbiased variance of each side's observations about the side's mean of their sample, over samples."""
    squares, freedom = np.zeros(2), np.zeros(2)
    for _, sides in _chunks(observed):
        for index, side in enumerate(sides):
            count, total, square = (sums.sum(axis=(0, 1)) for sums in _sums(side))
            squares[index] += (square - np.square(total) / np.maximum(count, 1)).sum()
            freedom[index] += np.maximum(count - 1, 0).sum()
    variances: list[float] = (squares / np.maximum(freedom, 1)).tolist()
    return variances


def _pooled_sd(observed: Observations) -> float:
    """Standard deviation of all observations of all samples; 1 where they are all the same, which floors
    both normals alike.
    """
    sides = (
        (observed.scores, observed.is_forgotten),
        (observed.unseen_scores, observed.is_unseen),
    )
    count, mean, squares = 0, 0.0, 0.0
    for scores, mask in sides:
        for row, named in zip(scores, mask, strict=True):
            values = row[named].astype(np.float64)
            if not len(values):
                continue
            own_mean = float(values.mean())
            total = count + len(values)
            squares += float(np.square(values - own_mean).sum())
            squares += (own_mean - mean) ** 2 * count * len(values) / total
            mean += (own_mean - mean) * len(values) / total
            count = total
    return float(np.sqrt(squares / max(count - 1, 1))) or 1.0
