"""The rank statistic of two samples of losses: what an attack on small sets rests on (protocol §10)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import PermutationMethod, mannwhitneyu

SMALL = 200  # on a side; below, the normal approximation of the p-value is not relied upon
RESAMPLES = 9999
SEED = 123
LEVEL = 0.05

Losses = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """How the forget set's losses lie to those of data that was never trained on.

    Attributes:
        auc: chance that a forget sample has a lower loss than a held-out one, ties half, in [0, 1].
        p_value: two-sided, of an AUC as far from 0.5 were both from one distribution.
        verdict: `remembered` where the forget losses are lower beyond noise, `over_unlearned` where they are
            higher beyond noise, else `like_unseen`.
    """

    auc: float
    p_value: float
    verdict: str


def forget_auc(forget_losses: Losses, heldout_losses: Losses) -> float:
    """Chance that a forget sample has a lower loss than a held-out one, ties half, in [0, 1].

    Raises:
        ValueError: a loss is not finite, or a side is empty.
    """
    forget, ascending = _checked(forget_losses), np.sort(_checked(heldout_losses))
    not_above, below = (np.searchsorted(ascending, forget, side=side) for side in ("right", "left"))
    return float(1 - (not_above + below).mean() / (2 * len(ascending)))


def two_sided_reading(forget_losses: Losses, heldout_losses: Losses, *, level: float = LEVEL) -> Reading:
    """Whether the forget set is told from unseen data, and to which side.

    The accuracy of U-MIA is alike for forget losses that are too low and too high; their ranks tell a trace
    of training from unlearning that went too far. Below 200 samples on a side the p-value is by permutation,
    exact where at most 9,999 are possible.

    Args:
        forget_losses: `(F,)` finite, at least one.
        heldout_losses: `(E,)` the same of data never trained on.
        level: two-sided significance beyond which a difference is no noise.

    Raises:
        ValueError: a loss is not finite, or a side is empty.
    """
    auc = forget_auc(forget_losses, heldout_losses)
    if np.ptp(np.concatenate([forget_losses, heldout_losses])) == 0:
        return Reading(auc, 1.0, "like_unseen")
    small = min(len(forget_losses), len(heldout_losses)) < SMALL
    resampled = PermutationMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(SEED))
    method: PermutationMethod | Literal["asymptotic"] = resampled if small else "asymptotic"
    p_value = float(mannwhitneyu(forget_losses, heldout_losses, method=method).pvalue)
    if p_value >= level:
        return Reading(auc, p_value, "like_unseen")
    return Reading(auc, p_value, "remembered" if auc > 0.5 else "over_unlearned")


def _checked(losses: Losses) -> Losses:
    if not len(losses):
        raise ValueError("The attack needs at least one sample on each side; a side is empty.")
    if not np.isfinite(losses).all():
        raise ValueError("The losses are not finite; a model with such losses is not usable.")
    return np.asarray(losses, dtype=np.float64)
