"""The rank statistic of two samples of losses: which way they differ, and what attacks on small sets rest on
(protocol §10).

The accuracy of U-MIA is alike for forget losses that are too low and too high, as the attack learns which
side is which; their ranks tell a trace of training from unlearning that went too far.
"""

from enum import StrEnum
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

SMALL = 200  # on a side; below, the normal approximation of the p-value is not relied upon
RESAMPLES = 9999
SEED = 123
LEVEL = 0.05

Losses = NDArray[np.float64]


class ForgetReading(StrEnum):
    """How the forget set's losses lie to those of data that was never trained on, beyond noise."""

    REMEMBERED = "remembered"
    LIKE_UNSEEN = "like_unseen"
    OVER_UNLEARNED = "over_unlearned"


def forget_reading(auc: float, p_value: float, *, level: float = LEVEL) -> ForgetReading:
    """What an area and its p-value say of a forget set that is a random draw: lower losses than unseen data's
    are a trace of training, higher ones of unlearning itself.

    Args:
        auc: by `forget_auc`.
        p_value: by `two_sided_p_value`.
        level: significance beyond which a difference is no noise.
    """
    if p_value >= level:
        return ForgetReading.LIKE_UNSEEN
    return ForgetReading.REMEMBERED if auc > 0.5 else ForgetReading.OVER_UNLEARNED


def forget_auc(forget_losses: Losses, heldout_losses: Losses) -> float:
    """Chance that a forget sample has a lower loss than a held-out one, ties half, in [0, 1].

    Raises:
        ValueError: a loss is not finite, or a side is empty.
    """
    forget, ascending = _checked(forget_losses), np.sort(_checked(heldout_losses))
    not_above, below = (np.searchsorted(ascending, forget, side=side) for side in ("right", "left"))
    return float(1 - (not_above + below).mean() / (2 * len(ascending)))


def two_sided_p_value(forget_losses: Losses, heldout_losses: Losses) -> float:
    """Chance of an area as far from 0.5, were both from one distribution (Mann-Whitney), in (0, 1].

    Below 200 samples on a side it is by permutation: of all ways to choose the smaller side where there are
    at most 9,999, else of as many random ones.

    Args:
        forget_losses: `(F,)` finite, at least one.
        heldout_losses: `(E,)` the same of data never trained on.

    Raises:
        ValueError: a loss is not finite, or a side is empty.
    """
    from scipy.stats import mannwhitneyu, rankdata  # a third of the API's start, which only names readings

    smaller, larger = sorted((_checked(forget_losses), _checked(heldout_losses)), key=len)
    both = np.concatenate([smaller, larger])
    if np.ptp(both) == 0:
        return 1.0
    if len(smaller) >= SMALL:
        return float(mannwhitneyu(smaller, larger, method="asymptotic").pvalue)
    ranks, count = rankdata(both), len(smaller)
    observed = ranks[:count].sum()
    if comb(len(ranks), count) <= RESAMPLES:
        sums = np.array([ranks[list(chosen)].sum() for chosen in combinations(range(len(ranks)), count)])
    else:  # the observed choice is one of those that are possible, so that no p-value is 0
        sums = np.append(_drawn_rank_sums(ranks, count), observed)
    return float(min(1.0, 2 * min((sums <= observed).mean(), (sums >= observed).mean())))


def _drawn_rank_sums(ranks: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """`(RESAMPLES,)` sums of so many ranks each, drawn without replacement.

    Source: Floyd's algorithm (Bentley and Floyd 1987, Programming Pearls: A Sample of Brilliance), in all
    draws at once: a position that was drawn before gives way to the last one, which could not have been.
    """
    generator = np.random.default_rng(SEED)
    drawn = np.empty((count, RESAMPLES), dtype=np.int32)
    for number in range(count):
        last = len(ranks) - count + number
        picked = generator.integers(last + 1, size=RESAMPLES, dtype=np.int32)
        picked[(drawn[:number] == picked).any(axis=0)] = last
        drawn[number] = picked
    sums: NDArray[np.float64] = ranks[drawn].sum(axis=0)
    return sums


def _checked(losses: Losses) -> Losses:
    if not len(losses):
        raise ValueError("The attack needs at least one sample on each side; a side is empty.")
    if not np.isfinite(losses).all():
        raise ValueError("The losses are not finite; a model with such losses is not usable.")
    return np.asarray(losses, dtype=np.float64)
