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
    SeedOrModels,
    SetRule,
    StepForget,
    set_rules,
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

    The validation set is held out of the training images first, the forget set then out of what remains, of
    a sequence step by step. A random step takes the first that are left in the order of its seed: equal steps
    of one seed are one draw cut in pieces.
    The rule `lira` has draws of its own, with the half that the model never sees as test set (protocol §2.2).

    Args:
        forget: with a number where it may say `model_seed` (`Setting.of_model`).
        labels: `(num_train,)`, which only the rule `class` reads, in any step.
        losses: `(num_train,)`, which only the rule `hard` reads, and only of the training split.

    Raises:
        ForgetSetInvalid: the rule takes more than there is, or an image that is not in the training split or
            that an earlier step has forgotten; it says which step of a sequence.
    """
    if isinstance(forget, LiraForget):
        return _lira(num_train, forget)
    training, validation = _hold_out(np.arange(num_train, dtype=np.int64), validation_fraction, seed)
    taken: list[Indices] = []
    for rule in set_rules(forget):
        try:
            taken.append(_chosen(rule, training, taken, labels=labels, losses=losses))
        except ForgetSetInvalid as error:
            if isinstance(forget, StepForget):
                raise ForgetSetInvalid(f"Step {len(taken) + 1}: {error}") from None
            raise
    # A random set is in the order it is drawn in, others in the split's: the default draw as a list is then
    # the same split.
    permuted = _permuted(training, rule.seed if isinstance(rule, RandomForget) else seed)
    retain = permuted[~np.isin(permuted, np.concatenate(taken))]
    if not len(retain):
        raise ForgetSetInvalid("The forget rule leaves nothing to retain.")
    forgotten = permuted[np.isin(permuted, taken[-1])]
    test = np.arange(num_train, num_train + num_test, dtype=np.int64)
    return Split(retain=retain, forget=forgotten, validation=validation, test=test)


def drawn_official_split(num_images: int) -> tuple[Indices, Indices]:
    """(training, test) positions, for a dataset that comes without an official split (protocol §1.3)."""
    order: Indices = np.random.default_rng(OFFICIAL_SPLIT_SEED).permutation(num_images)
    num_test = floor(OFFICIAL_TEST_FRACTION * num_images)
    return order[num_test:], order[:num_test]


def num_training(info: DatasetInfo, setting: Setting) -> int:
    """How many samples the training split has: the official training images without the validation set."""
    return info.num_train - ceil(setting.validation_fraction * info.num_train)


def set_size(rule: RandomForget | HardForget | IndicesForget, training: int) -> int:
    """How many samples a rule takes of a training split of so many; of a class only the labels tell."""
    return len(rule.indices) if isinstance(rule, IndicesForget) else rule.size(training)


def set_sizes(info: DatasetInfo, setting: Setting, class_sizes: Sequence[float] | None = None) -> SetSizes:
    """How many samples each set of a setting has.

    Those of the rule `class` are what its draw is expected to give: the validation set, and the other steps
    of a sequence, take their share of every class. `class_sizes` are the official training images by label;
    without them classes count as equal.
    """
    if isinstance(setting.forget, LiraForget):
        return SetSizes(*lira_set_sizes(info.num_train)[:3], info.num_classes)
    training = num_training(info, setting)
    sizes = class_sizes or (info.num_train / info.num_classes,) * info.num_classes
    left = np.array(sizes) * training / info.num_train  # of each class
    forgotten = []
    for rule in set_rules(setting.forget):
        match rule:
            case ClassForget():
                members = np.isin(np.arange(len(left)), rule.labels)
                forgotten.append(ceil(rule.fraction * left[members].sum()))
                left[members] *= 1 - rule.fraction
            case _:
                forgotten.append(size := set_size(rule, training))
                left *= max(0.0, 1 - size / max(left.sum(), 1))
    retain = training - sum(forgotten)
    return SetSizes(retain, forgotten[-1], info.num_train - training, info.num_classes)


def fingerprint(indices: Indices) -> str:
    """First 16 hex digits of the SHA-256 of the indices as little-endian int64."""
    return hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()[:16]


def _lira(num_train: int, forget: LiraForget) -> Split:
    drawn = draw_lira_split(num_train, forget.split, forget.forget_set)
    return Split(retain=drawn.retain, forget=drawn.forget, validation=drawn.validation, test=drawn.out)


def _hold_out(items: Indices, fraction: float, seed: int) -> tuple[Indices, Indices]:
    """(kept, held out), as scikit-learn's `train_test_split` without stratification draws them."""
    return _block(items, ceil(fraction * len(items)), seed)


def _block(items: Indices, size: int, seed: int) -> tuple[Indices, Indices]:
    """(what comes behind, the first `size`) of the permuted items."""
    permuted = _permuted(items, seed)
    return permuted[size:], permuted[:size]


def _chosen(
    rule: SetRule,
    training: Indices,
    taken: Sequence[Indices],
    *,
    labels: NDArray[np.integer] | None,
    losses: NDArray[np.floating] | None,
) -> Indices:
    """What a rule takes of what the sets `taken` before it have left."""
    is_left = ~np.isin(training, np.concatenate([training[:0], *taken]))
    left = training[is_left]
    match rule:
        case RandomForget():
            permuted = _permuted(training, rule.seed)
            candidates, size = permuted[np.isin(permuted, left)], set_size(rule, len(training))
        case HardForget():
            assert losses is not None, "the rule `hard` needs the losses"
            candidates, size = left[np.argsort(-losses[left], kind="stable")], set_size(rule, len(training))
        case ClassForget():
            assert labels is not None, "the rule `class` needs the labels"
            members = left[np.isin(labels[left], rule.labels)]
            candidates, size = _permuted(members, rule.seed), ceil(rule.fraction * len(members))
        case IndicesForget():
            candidates, size = _listed(rule, training, taken), len(rule.indices)
    if size > len(candidates):
        raise ForgetSetInvalid(f"The forget rule takes {size:,} samples; there are {len(candidates):,}.")
    if not size:
        raise ForgetSetInvalid("The forget rule finds no sample to forget.")
    return candidates[:size]


def _listed(rule: IndicesForget, training: Indices, taken: Sequence[Indices]) -> Indices:
    listed = np.array(rule.indices, dtype=np.int64)
    strangers = np.setdiff1d(listed, training)
    if len(strangers):
        raise ForgetSetInvalid(
            f"Image {strangers[0]} is not in the training split: it is a validation or test image, or there "
            "is no such image."
        )
    for number, before in enumerate(taken, start=1):
        repeated = np.intersect1d(listed, before)
        if len(repeated):
            raise ForgetSetInvalid(f"Image {repeated[0]} is forgotten by step {number} already.")
    return listed


def _permuted(items: Indices, seed: SeedOrModels) -> Indices:
    assert isinstance(seed, int), "the seed of a model is to be put into its setting first"
    # The legacy generator is the protocol's: its permutations define the published fingerprints.
    return items[np.random.RandomState(seed).permutation(len(items))]
