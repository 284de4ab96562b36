"""U-MIA: can the loss tell the forget set from data that was never trained on? (protocol §5.3)"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit

NUM_PARTITIONS = 10
TEST_SHARE = 0.1
SEED = 123

Losses = NDArray[np.float64]


def attack_accuracy(forget_losses: Losses, heldout_losses: Losses, *, seed: int = SEED) -> float:
    """Accuracy of the attack, mean over ten partitions: 0.5 is a forget set like unseen data.

    The two sets are trimmed to equal size by a random draw, and ten stratified 90/10 partitions are attacked
    by scikit-learn's logistic regression of one raw feature, the loss. 0.5 exactly maximises
    indiscernibility.

    Args:
        forget_losses: `(F,)` finite cross-entropies of the forget set, in evaluation mode.
        heldout_losses: `(E,)` the same of data never trained on.
        seed: of the draw and of the partitions.

    Returns:
        Fraction in [0, 1].

    Raises:
        ValueError: a loss is not finite, or fewer than ten samples are on a side.
    """
    return float(partition_accuracies(forget_losses, heldout_losses, seed=seed).mean())


def partition_accuracies(
    forget_losses: Losses, heldout_losses: Losses, *, seed: int = SEED
) -> NDArray[np.float64]:
    """The ten accuracies behind `attack_accuracy`, `(10,)`."""
    count = min(len(forget_losses), len(heldout_losses))
    if count < NUM_PARTITIONS:
        raise ValueError(
            f"The attack needs at least {NUM_PARTITIONS} samples on each side; there are {count}."
        )
    # The legacy generator, held-out losses first: the order in which the paper's code consumes it.
    generator = np.random.RandomState(seed)
    heldout, forget = (
        np.asarray(losses, dtype=np.float64)[generator.permutation(len(losses))[:count]]
        for losses in (heldout_losses, forget_losses)
    )
    features = np.concatenate([forget, heldout])
    if not np.isfinite(features).all():
        raise ValueError("The losses are not finite; a model with such losses is not usable.")
    is_heldout = np.repeat([0, 1], count)
    partitions = StratifiedShuffleSplit(n_splits=NUM_PARTITIONS, test_size=TEST_SHARE, random_state=seed)
    column = features.reshape(-1, 1)
    return np.array(
        [
            LogisticRegression().fit(column[fit], is_heldout[fit]).score(column[test], is_heldout[test])
            for fit, test in partitions.split(column, is_heldout)
        ]
    )
