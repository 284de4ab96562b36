"""The digits that come with scikit-learn: real scans, nothing to download."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from core.catalog.datasets import DIGITS
from core.datasets.digits import load
from core.datasets.source import Source

NOWHERE = Path("/nowhere")


@pytest.fixture(scope="module")
def digits() -> Source:
    return load(DIGITS, NOWHERE)


def test_there_are_as_many_as_the_catalogue_says(digits):
    assert DIGITS.num_train == 1438
    assert DIGITS.num_test == 359
    assert digits.pixels.shape == (1438 + 359, 3, 16, 16)
    assert digits.labels.shape == (1438 + 359,)


def test_the_declared_class_sizes_are_those_of_the_training_images(digits):
    assert tuple(torch.bincount(digits.labels[: DIGITS.num_train]).tolist()) == DIGITS.class_sizes


def test_images_are_grey_in_three_equal_channels_of_8_bits(digits):
    assert digits.pixels.dtype == torch.uint8
    assert torch.equal(digits.pixels[:, 0], digits.pixels[:, 1])
    assert torch.equal(digits.pixels[:, 0], digits.pixels[:, 2])
    assert digits.pixels.min() == 0
    assert digits.pixels.max() == 255


@pytest.mark.parametrize("part", [slice(None, 1438), slice(1438, None)], ids=["train", "test"])
def test_every_class_is_among_the_training_and_the_test_images(digits, part):
    assert digits.labels.dtype == torch.int64
    assert set(digits.labels[part].tolist()) == set(range(10))


def test_every_scan_is_there_once_with_its_own_label(digits):
    scans = load_digits()
    expected = sorted(zip(scans.images.mean(axis=(1, 2)), scans.target, strict=True))

    got = sorted(zip(digits.pixels[:, 0].double().mean(dim=(1, 2)) * 16 / 255, digits.labels, strict=True))

    assert [float(mean) for mean, _ in got] == pytest.approx([mean for mean, _ in expected], abs=0.05)
    assert torch.bincount(digits.labels).tolist() == np.bincount(scans.target).tolist()


def test_two_loads_are_the_same(digits):
    again = load(DIGITS, NOWHERE)

    assert torch.equal(again.pixels, digits.pixels)
    assert torch.equal(again.labels, digits.labels)


def test_the_declared_mean_and_deviation_are_those_of_the_training_images(digits):
    scaled = digits.pixels[:1438].double() / 255

    assert scaled.mean(dim=(0, 2, 3)).tolist() == pytest.approx(DIGITS.mean, abs=1e-3)
    assert scaled.std(dim=(0, 2, 3)).tolist() == pytest.approx(DIGITS.std, abs=1e-3)
