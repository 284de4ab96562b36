"""Retain, forget, validation and test indices from a seed (protocol §2.1)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from core.attacks.lira_splits import draw_lira_split, lira_set_sizes
from core.catalog.datasets import DatasetInfo
from core.catalog.work import SetSizes
from core.errors import ForgetSetInvalid
from core.spec.forget import (
    ClassForget,
    ForgetRule,
    HardForget,
    IndicesForget,
    LiraForget,
    RandomForget,
    StepForget,
)
from core.spec.setting import Setting

Indices = NDArray[np.int64]

OFFICIAL_SPLIT_SEED = 123
OFFICIAL_TEST_FRACTION = 0.2


@dataclass(frozen=True)
class Split:
    """Four disjoint index arrays into a dataset's global order: official training images first, then test
    images.

    The order inside each array is the order produced, which the fingerprints cover.
    """

    retain: Indices
    forget: Indices
    validation: Indices
    test: Indices

    @property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each set, by name."""
        return {name: fingerprint(getattr(self, name)) for name in ("retain", "forget", "validation", "test")}


def draw_split(
    num_train: int,
    num_test: int,
    forget: ForgetRule,
    *,
    validation_fraction: float,
    seed: int,
    labels: NDArray[np.integer] | None = None,
    losses: NDArray[np.floating] | None = None,
) -> Split:
    """The split of a dataset with `num_train` official training and `num_test` official test images.

    The validation set is held out of the training images first, the forget set then out of what remains.
    The rule `lira` has draws of its own, with the half that the model never sees as test set (protocol §2.2).

    Args:
        labels: `(num_train,)`, which only the rule `class` reads.
        losses: `(num_train,)`, which only the rule `hard` reads, and only of the training split.

    Raises:
        ForgetSetInvalid: the rule takes more than there is, or an image that is not in the training split.
    """
    if isinstance(forget, LiraForget):
        return _lira(num_train, forget)
    training, validation = _hold_out(np.arange(num_train, dtype=np.int64), validation_fraction, seed)
    match forget:
        case RandomForget():
            retain, forgotten = _block(training, forget.size(len(training)), 0, forget.seed)
        case StepForget():
            retain, forgotten = _block(training, forget.size(len(training)), forget.step, forget.seed)
        case ClassForget():
            assert labels is not None, "the rule `class` needs the labels"
            members = training[np.isin(labels[training], forget.labels)]
            retain, forgotten = _listed(training, _share(members, forget), seed)
        case HardForget():
            assert losses is not None, "the rule `hard` needs the losses"
            hardest = training[np.argsort(-losses[training], kind="stable")]
            retain, forgotten = _listed(training, hardest[: forget.size(len(training))], seed)
        case IndicesForget():
            retain, forgotten = _listed(training, np.array(forget.indices, dtype=np.int64), seed)
    if not len(retain):
        raise ForgetSetInvalid("The forget rule leaves nothing to retain.")
    test = np.arange(num_train, num_train + num_test, dtype=np.int64)
    return Split(retain=retain, forget=forgotten, validation=validation, test=test)


def drawn_official_split(num_images: int) -> tuple[Indices, Indices]:
    """(training, test) positions, for a dataset that comes without an official split (protocol §1.3)."""
    order: Indices = np.random.default_rng(OFFICIAL_SPLIT_SEED).permutation(num_images)
    num_test = floor(OFFICIAL_TEST_FRACTION * num_images)
    return order[num_test:], order[:num_test]


def set_sizes(info: DatasetInfo, setting: Setting, class_sizes: Sequence[float] | None = None) -> SetSizes:
    """How many samples each set of a setting has.

    Those of the rule `class` are what its draw is expected to give: the validation set takes its share of
    every class. `class_sizes` are the official training images by label; without them classes count as equal.
    """
    rule, removed = setting.forget, 0
    if isinstance(rule, LiraForget):
        return SetSizes(*lira_set_sizes(info.num_train)[:3], info.num_classes)
    training = info.num_train - ceil(setting.validation_fraction * info.num_train)
    match rule:
        case RandomForget() | HardForget():
            forget = rule.size(training)
        case StepForget():
            forget = rule.size(training)
            removed = rule.step * forget
        case ClassForget():
            sizes = class_sizes or (info.num_train / info.num_classes,) * info.num_classes
            members = sum(sizes[label] for label in rule.labels) * training / info.num_train
            forget = ceil(rule.fraction * members)
        case IndicesForget():
            forget = len(rule.indices)
    retain = training - removed - forget
    return SetSizes(retain, forget, info.num_train - training, info.num_classes)


def fingerprint(indices: Indices) -> str:
    """First 16 hex digits of the SHA-256 of the indices as little-endian int64."""
    return hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()[:16]


def _lira(num_train: int, forget: LiraForget) -> Split:
    drawn = draw_lira_split(num_train, forget.split, forget.forget_set)
    return Split(retain=drawn.retain, forget=drawn.forget, validation=drawn.validation, test=drawn.out)


def _hold_out(items: Indices, fraction: float, seed: int) -> tuple[Indices, Indices]:
    """(kept, held out), as scikit-learn's `train_test_split` without stratification draws them."""
    return _block(items, ceil(fraction * len(items)), 0, seed)


def _block(items: Indices, size: int, number: int, seed: int) -> tuple[Indices, Indices]:
    """(what comes behind, the `number`-th block of `size`) of the permuted items."""
    permuted = _permuted(items, seed)
    first, end = number * size, (number + 1) * size
    if end > len(items):
        raise ForgetSetInvalid(f"The forget rule takes {end:,} samples; there are {len(items):,}.")
    return permuted[end:], permuted[first:end]


def _listed(items: Indices, forgotten: Indices, seed: int) -> tuple[Indices, Indices]:
    """(the others, the listed ones), both in permuted order: the random draw, where that is listed."""
    strangers = np.setdiff1d(forgotten, items)
    if len(strangers):
        raise ForgetSetInvalid(
            f"Image {strangers[0]} is not in the training split: it is a validation or test image, or there "
            "is no such image."
        )
    permuted = _permuted(items, seed)
    is_forgotten = np.isin(permuted, forgotten)
    return permuted[~is_forgotten], permuted[is_forgotten]


def _share(members: Indices, forget: ClassForget) -> Indices:
    return _permuted(members, forget.seed)[: ceil(forget.fraction * len(members))]


def _permuted(items: Indices, seed: int) -> Indices:
    # The legacy generator is the protocol's: its permutations define the published fingerprints.
    return items[np.random.RandomState(seed).permutation(len(items))]
