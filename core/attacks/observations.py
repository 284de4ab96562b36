"""What an attack on single samples is given, and what it gives back: what plug-ins rely on (protocol §8)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import ObservationsInvalid

OUT, FORGET, RETAIN = 0, 1, 2

Scores: TypeAlias = NDArray[np.floating]
Codes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Models: TypeAlias = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Observations:
    """The scores of the M = S·K models of one method on N samples, checked and in the order of their splits.

    An observation is a model and a sample. It is of a forgetting model where the method's model was trained
    on the sample and forgot it, and of an unseeing one where a model never had it. `observations` makes one.

    Attributes:
        scores: `(M, N)` finite logit-scaled scores of the method's models (`core.attacks.logit_scaling`).
        membership: `(M, N)` codes: `FORGET` the model was trained on the sample and forgot it, `OUT` it never
            had it, `RETAIN` it kept it.
        models: `(M, 2)` split and forget set of each model, in ascending order. Models of a split share their
            training half, so what classifies one must not be fitted to another.
        retrained: `(M, N)` finite scores of the models that were trained without their forget sets. Given,
            the never-seen observations are theirs, on samples that are `OUT` or `FORGET`; else they are the
            method's own models', on samples that are `OUT` (protocol §8.3).
        num_splits: S.
    """

    scores: Scores
    membership: Codes
    models: Models
    retrained: Scores | None
    num_splits: int

    @property
    def is_forgotten(self) -> Mask:
        """`(M, N)` whether it is an observation of a model that was trained on the sample and forgot it."""
        mask: Mask = self.membership == FORGET
        return mask

    @property
    def is_unseen(self) -> Mask:
        """`(M, N)` whether `unseen_scores` has one of a model that never had the sample."""
        mask: Mask = self.membership == OUT if self.retrained is None else self.membership != RETAIN
        return mask

    @property
    def unseen_scores(self) -> Scores:
        """`(M, N)` scores of the models of which some never had the sample."""
        return self.scores if self.retrained is None else self.retrained

    def by_split(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """An `(M, n)` array as `(S, K, n)`, without a copy."""
        return array.reshape(self.num_splits, len(self.models) // self.num_splits, -1)

    def without_splits(self, left_out: ArrayLike) -> "Observations":
        """Those of all other splits; `left_out` are positions of splits, from 0."""
        of_model = np.repeat(np.arange(self.num_splits), len(self.models) // self.num_splits)
        kept = ~np.isin(of_model, left_out)
        return Observations(
            scores=self.scores[kept],
            membership=self.membership[kept],
            models=self.models[kept],
            retrained=None if self.retrained is None else self.retrained[kept],
            num_splits=self.num_splits - len(np.unique(left_out)),
        )


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an attack says of every observation; above 0 it takes the sample for trained on, then forgotten.

    What it says of a sample's observations should not rest on other observations of their split. Only
    observations that the two masks of `Observations` name are read; the rest may be anything.

    Attributes:
        of_forgotten: `(M, N)` float32 of the method's models' scores, of any scale: larger is surer.
        of_unseen: `(M, N)` float32 of the models' that never saw the sample; where those are the method's
            own, it may be the same array.
    """

    of_forgotten: NDArray[np.float32]
    of_unseen: NDArray[np.float32]


SampleAttack: TypeAlias = Callable[[Observations], Evidence]


def observations(
    scores: Scores, membership: Codes, models: ArrayLike, *, retrained: Scores | None = None
) -> Observations:
    """The observations of models in any order, all as `Observations` describes them.

    Raises:
        ObservationsInvalid: shapes do not fit, a model of the S × K grid is missing or doubled, a code is
            unknown, or a score is not finite.
    """
    models = np.asarray(models)
    shapes = {membership.shape, *(() if retrained is None else (retrained.shape,))}
    if scores.ndim != 2 or not scores.size or shapes != {scores.shape} or models.shape != (len(scores), 2):
        raise ObservationsInvalid(
            f"An attack takes (M, N) scores and memberships and (M, 2) models, not {scores.shape}, "
            f"{', '.join(map(str, sorted(shapes)))} and {models.shape}."
        )
    if membership.max() > RETAIN:
        raise ObservationsInvalid(
            f"Membership {membership.max()} is unknown; it is {OUT} for out, {FORGET} for forget and "
            f"{RETAIN} for retain."
        )
    num_splits = _num_splits(models)
    _require_finite(scores, models, "method")
    if retrained is not None:
        _require_finite(retrained, models, "retrained")
    order = np.lexsort((models[:, 1], models[:, 0]))
    if (np.diff(order) == 1).all():  # it is so already, and gigabytes need no copy
        return Observations(scores, membership, models, retrained, num_splits)
    return Observations(
        scores[order],
        membership[order],
        models[order],
        None if retrained is None else retrained[order],
        num_splits,
    )


def _num_splits(models: NDArray[np.integer]) -> int:
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
    return len(splits)


def _require_finite(scores: Scores, models: NDArray[np.integer], whose: str) -> None:
    for row, (split, draw) in zip(scores, models, strict=True):  # a row at a time, so that no mask is large
        usable = np.abs(row) <= np.finfo(np.float32).max  # false for NaN, too
        if not usable.all():
            raise ObservationsInvalid(
                f"The {whose} model of split {split}, draw {draw} has a score that is not finite or beyond "
                f"float32 at sample {np.argmin(usable)}; such a model is not usable."
            )
