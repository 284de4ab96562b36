"""Retain, forget, validation and test indices from a seed (protocol §2.1)."""

import hashlib
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from core.catalog.datasets import DatasetInfo
from core.catalog.work import SetSizes
from core.spec.job import RandomForget
from core.spec.units import Setting

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
    num_train: int, num_test: int, forget: RandomForget, *, validation_fraction: float, seed: int
) -> Split:
    """The split of a dataset with `num_train` official training and `num_test` official test images.

    The validation set is held out of the training images first, the forget set then out of what remains.
    """
    training, validation = _hold_out(np.arange(num_train, dtype=np.int64), validation_fraction, seed)
    retain, forgotten = _hold_out(training, forget.fraction, forget.seed)
    test = np.arange(num_train, num_train + num_test, dtype=np.int64)
    return Split(retain=retain, forget=forgotten, validation=validation, test=test)


def drawn_official_split(num_images: int) -> tuple[Indices, Indices]:
    """(training, test) positions, for a dataset that comes without an official split (protocol §1.3)."""
    order: Indices = np.random.default_rng(OFFICIAL_SPLIT_SEED).permutation(num_images)
    num_test = floor(OFFICIAL_TEST_FRACTION * num_images)
    return order[num_test:], order[:num_test]


def set_sizes(info: DatasetInfo, setting: Setting) -> SetSizes:
    """How many samples each set of a setting has."""
    training = info.num_train - ceil(setting.validation_fraction * info.num_train)
    forget = ceil(setting.forget.fraction * training)
    return SetSizes(training - forget, forget, info.num_train - training, info.num_classes)


def fingerprint(indices: Indices) -> str:
    """First 16 hex digits of the SHA-256 of the indices as little-endian int64."""
    return hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()[:16]


def _hold_out(items: Indices, fraction: float, seed: int) -> tuple[Indices, Indices]:
    """(kept, held out), as scikit-learn's `train_test_split` without stratification draws them."""
    # The legacy generator is the protocol's: its permutations define the published fingerprints.
    permutation = np.random.RandomState(seed).permutation(len(items))
    num_held_out = ceil(fraction * len(items))
    return items[permutation[num_held_out:]], items[permutation[:num_held_out]]
