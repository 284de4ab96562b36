"""Synthetic observations whose distribution is known."""

from dataclasses import dataclass

import numpy as np

from core.attacks.observations import FORGET, OUT, RETAIN


@dataclass
class World:
    """Scores `(M, N)`, memberships `(M, N)` and models `(M, 2)`."""

    scores: np.ndarray
    membership: np.ndarray
    models: np.ndarray

    @property
    def arguments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.scores, self.membership, self.models


def world(
    *,
    shift: float = 0.0,
    correlation: float = 0.0,
    num_splits: int = 24,
    num_draws: int = 8,
    num_samples: int = 300,
    seed: int = 0,
) -> World:
    """Standard normal scores, higher by `shift` in models that forgot the sample; the models of a split share
    `correlation` of their variance. Half of the samples train a split, a fifth of those are forgotten.
    """
    generator = np.random.default_rng(seed)
    membership = np.full((num_splits, num_draws, num_samples), OUT, dtype=np.uint8)
    for split in range(num_splits):
        trained = generator.permutation(num_samples)[: num_samples // 2]
        membership[split][:, trained] = RETAIN
        for draw in range(num_draws):
            membership[split, draw, generator.permutation(trained)[: num_samples // 10]] = FORGET
    own = generator.standard_normal(membership.shape)
    shared = generator.standard_normal((num_splits, 1, num_samples))
    scores = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * shared + shift * (membership == FORGET)
    models = np.stack(np.divmod(np.arange(num_splits * num_draws), num_draws), axis=1)
    return World(
        scores.reshape(-1, num_samples).astype(np.float32), membership.reshape(-1, num_samples), models
    )
