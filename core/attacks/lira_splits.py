"""The splits and forget sets of U-LiRA from their seeds (protocol §2.2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from core.attacks.observations import FORGET, OUT, RETAIN

Indices = NDArray[np.int64]
Codes = NDArray[np.uint8]

NUM_SPLITS = 64
NUM_DRAWS = 10
DATA_SEED = 123
VALIDATION_PARTS = 20  # one of so many parts is held out
FORGET_PARTS = 10  # one of so many parts is forgotten
MIN_IMAGES = 40  # so that no set is empty


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

    def membership(self) -> Codes:
        """`(S·K, N)` codes of `core.attacks.observations`: what each model had of each sample of the pool."""
        return np.stack(
            [
                _codes(self.pool, self.retain[split, draw], self.forget[split, draw])
                for split, draw in self.models
            ]
        )


@dataclass(frozen=True)
class LiraSplit:
    """What one model of the study has, as in `LiraSplits`: `(V,)`, `(N,)`, `(N − N // 2,)`, `(R,)`,
    `(F,)`.
    """

    validation: Indices
    pool: Indices
    out: Indices
    retain: Indices
    forget: Indices

    @cached_property
    def membership(self) -> Codes:
        """`(N,)` codes of `core.attacks.observations`: what the model had of each sample of the pool."""
        return _codes(self.pool, self.retain, self.forget)


def draw_lira_splits(
    num_train: int, *, num_splits: int = NUM_SPLITS, num_draws: int = NUM_DRAWS
) -> LiraSplits:
    """The splits of a dataset with `num_train` official training images.

    A smaller study is a part of a larger one: split s and its draw k do not depend on how many there are.
    The draws' seeds repeat for every split. Fractions are rounded down.

    Args:
        num_train: at least 40.
        num_splits: S ≥ 1.
        num_draws: K ≥ 1 forget sets of each split.

    Raises:
        ValueError: one of them is too small.
    """
    if num_train < MIN_IMAGES or num_splits < 1 or num_draws < 1:
        raise ValueError(
            f"U-LiRA needs at least {MIN_IMAGES} images, one split and one draw, not {num_train} images, "
            f"{num_splits} split(s) and {num_draws} draw(s)."
        )
    pool, validation = _pool(num_train)
    halves = np.stack(list(_permutations(pool, num_splits)))
    train, out = halves[:, : len(pool) // 2], halves[:, len(pool) // 2 :]
    draws = np.stack([np.stack(list(_permutations(half, num_draws))) for half in train])
    num_retain = _num_retain(train.shape[1])
    return LiraSplits(
        validation=validation,
        pool=pool,
        train=train,
        out=out,
        retain=draws[..., :num_retain],
        forget=draws[..., num_retain:],
    )


@lru_cache(maxsize=2)  # the units of a model come one after another
def draw_lira_split(num_train: int, split: int, draw: int) -> LiraSplit:
    """What `draw_lira_splits` gives one split and draw, each from 0.

    Raises:
        ValueError: fewer than 40 images.
    """
    if num_train < MIN_IMAGES:
        raise ValueError(f"U-LiRA needs at least {MIN_IMAGES} images, not {num_train}.")
    pool, validation = _pool(num_train)
    half = np.random.default_rng(split).permutation(pool)
    train = half[: len(pool) // 2]
    drawn = np.random.default_rng(draw).permutation(train)
    num_retain = _num_retain(len(train))
    return LiraSplit(
        validation=validation,
        pool=pool,
        out=half[len(pool) // 2 :],
        retain=drawn[:num_retain],
        forget=drawn[num_retain:],
    )


def lira_membership(num_train: int, num_splits: int, num_draws: int) -> tuple[Codes, NDArray[np.int64]]:
    """Codes `(S·K, N)` and models `(S·K, 2)` as of `LiraSplits`, without holding all index arrays at once."""
    models = np.stack(np.divmod(np.arange(num_splits * num_draws), num_draws), axis=1)
    rows = [draw_lira_split(num_train, int(split), int(draw)).membership for split, draw in models]
    return np.stack(rows), models


def lira_set_sizes(num_train: int) -> tuple[int, int, int, int]:
    """How many samples retain, forget, validation and never-seen set of every model have."""
    num_validation = num_train // VALIDATION_PARTS
    num_pool = num_train - num_validation
    retain = _num_retain(num_pool // 2)
    return retain, num_pool // 2 - retain, num_validation, num_pool - num_pool // 2


@lru_cache(maxsize=8)  # asked for at every submission
def num_attackable(num_train: int, num_splits: int, num_draws: int, out: str, min_splits: int) -> int:
    """How many samples of the pool are forgotten in at least so many splits, and never seen in as many.

    Args:
        num_train: at least 40 official training images.
        num_splits: S ≥ 1.
        num_draws: K ≥ 1.
        out: `same_method`, or `retrain`, whose models never saw what they were trained without.
        min_splits: that the attack needs.
    """
    splits_in = np.zeros(num_train, dtype=np.int64)
    splits_out = np.zeros(num_train, dtype=np.int64)
    pool, _ = _pool(num_train)
    for half in _permutations(pool, num_splits):
        train = half[: len(pool) // 2]
        kept = _num_retain(len(train))
        forgotten = np.unique(np.concatenate([drawn[kept:] for drawn in _permutations(train, num_draws)]))
        splits_in[forgotten] += 1
        splits_out[half[len(pool) // 2 :]] += 1
    splits_out += splits_in if out == "retrain" else 0
    return int(np.count_nonzero((splits_in >= min_splits) & (splits_out >= min_splits)))


def _pool(num_train: int) -> tuple[Indices, Indices]:
    """(pool, validation)."""
    permuted = np.random.default_rng(DATA_SEED).permutation(num_train)
    num_pool = num_train - num_train // VALIDATION_PARTS
    return permuted[:num_pool], permuted[num_pool:]


def _num_retain(num_samples: int) -> int:
    return num_samples - num_samples // FORGET_PARTS


def _codes(pool: Indices, retain: Indices, forget: Indices) -> Codes:
    by_index = np.full(int(pool.max()) + 1, OUT, dtype=np.uint8)
    by_index[retain] = RETAIN
    by_index[forget] = FORGET
    return by_index[pool]


def _permutations(items: Indices, count: int) -> Iterator[Indices]:
    return (np.random.default_rng(seed).permutation(items) for seed in range(count))
