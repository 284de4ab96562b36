"""The splits and forget sets of U-LiRA from their seeds (protocol §2.2)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.attacks.u_lira import FORGET, OUT, RETAIN
from core.splits import Indices

NUM_SPLITS = 64
NUM_DRAWS = 10
DATA_SEED = 123
VALIDATION_PARTS = 20  # one of so many parts is held out
FORGET_PARTS = 10  # one of so many parts is forgotten


@dataclass(frozen=True)
class LiraSplits:
    """Index arrays into the official training images, each in the order produced.

    Attributes:
        validation: `(V,)`, held out of every model.
        pool: `(N,)`, what models train on and are attacked on; its order is that of an attack's samples.
        train: `(S, N // 2)`, one half of the pool per split.
        out: `(S, N − N // 2)`, the other half.
        retain: `(S, K, R)`, what each draw of a split keeps.
        forget: `(S, K, F)`, what it forgets.
    """

    validation: Indices
    pool: Indices
    train: Indices
    out: Indices
    retain: Indices
    forget: Indices

    @property
    def models(self) -> NDArray[np.int64]:
        """`(S·K, 2)` split and draw of each model, splits first."""
        num_splits, num_draws = self.forget.shape[:2]
        return np.stack(np.divmod(np.arange(num_splits * num_draws), num_draws), axis=1)

    def membership(self) -> NDArray[np.uint8]:
        """`(S·K, N)` codes of `core.attacks.u_lira`: what each model had of each sample of the pool."""
        return np.stack([self._codes(split, draw) for split, draw in self.models])

    def _codes(self, split: int, draw: int) -> NDArray[np.uint8]:
        by_index = np.full(int(self.pool.max()) + 1, OUT, dtype=np.uint8)
        by_index[self.retain[split, draw]] = RETAIN
        by_index[self.forget[split, draw]] = FORGET
        return by_index[self.pool]


def draw_lira_splits(
    num_train: int, *, num_splits: int = NUM_SPLITS, num_draws: int = NUM_DRAWS
) -> LiraSplits:
    """The splits of a dataset with `num_train` official training images.

    A smaller study is a part of a larger one: split s and its draw k do not depend on how many there are.
    The draws' seeds repeat for every split. Fractions are rounded down.

    Args:
        num_train: at least 40, so that no set is empty.
        num_splits: S ≥ 1.
        num_draws: K ≥ 1 forget sets of each split.

    Raises:
        ValueError: one of them is too small.
    """
    if num_train < 40 or num_splits < 1 or num_draws < 1:
        raise ValueError(
            f"U-LiRA needs at least 40 images, one split and one draw, not {num_train} images, {num_splits} "
            f"split(s) and {num_draws} draw(s)."
        )
    permuted = np.random.default_rng(DATA_SEED).permutation(num_train)
    num_pool = num_train - num_train // VALIDATION_PARTS
    pool, validation = permuted[:num_pool], permuted[num_pool:]
    halves = np.stack(list(_permutations(pool, num_splits)))
    train, out = halves[:, : num_pool // 2], halves[:, num_pool // 2 :]
    draws = np.stack([np.stack(list(_permutations(half, num_draws))) for half in train])
    num_retain = train.shape[1] - train.shape[1] // FORGET_PARTS
    return LiraSplits(
        validation=validation,
        pool=pool,
        train=train,
        out=out,
        retain=draws[..., :num_retain],
        forget=draws[..., num_retain:],
    )


def _permutations(items: Indices, count: int) -> Iterator[Indices]:
    return (np.random.default_rng(seed).permutation(items) for seed in range(count))
