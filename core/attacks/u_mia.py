"""U-MIA: can the loss tell the forget set from data that was never trained on? (protocol §5.3)"""

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from core.attacks.rank_statistic import forget_auc

NUM_PARTITIONS = 10
TEST_SHARE = 0.1
SEED = 123
MIN_COUNT = 10  # on a side; fewer cannot be partitioned ten times

Losses = NDArray[np.float64]
Indices = NDArray[np.int64]
Partition: TypeAlias = tuple[Indices, Indices]  # to fit to, to attack


def attack_accuracy(forget_losses: Losses, heldout_losses: Losses, *, seed: int = SEED) -> float:
    """Accuracy of the attack, mean over ten partitions: 0.5 is a forget set like unseen data.

    The two sets are trimmed to equal size by a random draw, and ten stratified 90/10 partitions are attacked
    by logistic regression of one raw feature, the loss. 0.5 exactly maximises indiscernibility. Below ten
    samples on a side it is the area under the ROC curve instead (protocol §10), which needs no partitions:
    above 0.5 the forget set has the lower losses, below 0.5 the higher.

    Args:
        forget_losses: `(F,)` finite cross-entropies of the forget set, in evaluation mode.
        heldout_losses: `(E,)` the same of data never trained on.
        seed: of the draw and of the partitions.

    Returns:
        Fraction in [0, 1].

    Raises:
        ValueError: a loss is not finite, or a side is empty.
    """
    if min(len(forget_losses), len(heldout_losses)) < MIN_COUNT:
        return forget_auc(forget_losses, heldout_losses)
    return float(partition_accuracies(forget_losses, heldout_losses, seed=seed).mean())


def ten_fold_accuracy(forget_losses: Losses, heldout_losses: Losses, *, seed: int = SEED) -> float:
    """The same accuracy over ten stratified folds, so that each sample is attacked once: the paper's text has
    it so, its code as `attack_accuracy` (protocol §5.3).

    Raises:
        ValueError: a loss is not finite, or a side is empty.
    """
    if min(len(forget_losses), len(heldout_losses)) < MIN_COUNT:
        return forget_auc(forget_losses, heldout_losses)
    losses = _trimmed(forget_losses, heldout_losses, seed)
    return float(_accuracies(losses, _folds(len(losses), seed)).mean())


def partition_accuracies(
    forget_losses: Losses, heldout_losses: Losses, *, seed: int = SEED
) -> NDArray[np.float64]:
    """The ten accuracies behind `attack_accuracy`, `(10,)`: those of `reference_accuracies`, in less time.

    Raises:
        ValueError: a loss is not finite, or fewer than ten samples are on a side.
    """
    losses = _trimmed(forget_losses, heldout_losses, seed)
    return _accuracies(losses, _partitions(len(losses), seed))


def reference_accuracies(
    forget_losses: Losses, heldout_losses: Losses, *, seed: int = SEED
) -> NDArray[np.float64]:
    """The ten accuracies by scikit-learn's own estimator, which defines them (protocol §5.3).

    Raises:
        ValueError: a loss is not finite, or fewer than ten samples are on a side.
    """
    losses = _trimmed(forget_losses, heldout_losses, seed)
    is_heldout = _labels(len(losses))
    column = losses.reshape(-1, 1)
    return np.array(
        [
            LogisticRegression().fit(column[fit], is_heldout[fit]).score(column[test], is_heldout[test])
            for fit, test in _partitions(len(losses), seed)
        ]
    )


def _trimmed(forget_losses: Losses, heldout_losses: Losses, seed: int) -> Losses:
    """Equally many losses of both sides, forget first."""
    count = min(len(forget_losses), len(heldout_losses))
    if count < MIN_COUNT:
        raise ValueError(f"The attack needs at least {MIN_COUNT} samples on each side; there are {count}.")
    # The legacy generator, held-out losses first: the order in which the paper's code consumes it.
    generator = np.random.RandomState(seed)
    heldout, forget = (
        np.asarray(losses, dtype=np.float64)[generator.permutation(len(losses))[:count]]
        for losses in (heldout_losses, forget_losses)
    )
    trimmed = np.concatenate([forget, heldout])
    if not np.isfinite(trimmed).all():
        raise ValueError("The losses are not finite; a model with such losses is not usable.")
    return trimmed


def _labels(total: int) -> NDArray[np.bool_]:
    return np.repeat([False, True], total // 2)


@lru_cache(maxsize=4)  # every model of a setting has the same sizes and seed
def _partitions(total: int, seed: int) -> list[Partition]:
    drawn = StratifiedShuffleSplit(n_splits=NUM_PARTITIONS, test_size=TEST_SHARE, random_state=seed)
    return list(drawn.split(np.zeros(total), _labels(total)))


@lru_cache(maxsize=4)
def _folds(total: int, seed: int) -> list[Partition]:
    drawn = StratifiedKFold(n_splits=NUM_PARTITIONS, shuffle=True, random_state=seed)
    return list(drawn.split(np.zeros(total), _labels(total)))


def _accuracies(losses: Losses, partitions: list[Partition]) -> NDArray[np.float64]:
    """On the second part of each partition, of an attack that is fitted to its first."""
    is_heldout = _labels(len(losses))
    return np.array(
        [
            _accuracy(_fit(losses[fit], is_heldout[fit]), losses[test], is_heldout[test])
            for fit, test in partitions
        ]
    )


def _fit(losses: Losses, is_heldout: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Slope and intercept that minimise `½w² + Σ log(1 + exp(−ŷ(wx + b)))`, over the count as scikit-learn
    has it, by its solver from its start with its stopping rules.
    """
    signs = np.where(is_heldout, 1.0, -1.0)
    count = len(losses)

    def objective(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, intercept = parameters
        margins = signs * (slope * losses + intercept)
        shrunk = np.exp(-np.abs(margins))
        value = (np.log1p(shrunk) - np.minimum(margins, 0)).mean() + 0.5 * slope**2 / count
        residuals = -signs * np.where(margins > 0, shrunk, 1.0) / (1 + shrunk)
        return value, np.array([(residuals @ losses + slope) / count, residuals.mean()])

    # scikit-learn's stopping rules: with heavy-tailed losses they end visibly short of the optimum, so an
    # exact solver would classify a few samples of a partition differently.
    solution = minimize(
        objective,
        np.zeros(2),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 100, "maxls": 50, "gtol": 1e-4, "ftol": 64 * np.finfo(np.float64).eps},
    )
    fitted: NDArray[np.float64] = solution.x
    return fitted


def _accuracy(parameters: NDArray[np.float64], losses: Losses, is_heldout: NDArray[np.bool_]) -> float:
    slope, intercept = parameters
    return float(((slope * losses + intercept > 0) == is_heldout).mean())
