"""Decoding and resizing, the part that all sources of grey images share."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.catalog.datasets import DIGITS
from core.datasets.source import Source, grey_to_rgb, resized
from core.errors import DatasetInvalid

INFO = DIGITS.model_copy(update={"num_train": 20, "num_test": 10})


def source(count: int = 30, size: int = 16, num_classes: int = 10) -> Source:
    return Source(torch.zeros(count, 3, size, size, dtype=torch.uint8), torch.arange(count) % num_classes)


@pytest.mark.parametrize(("before", "after"), [(28, 32), (8, 16), (64, 32)])
def test_resizing_is_pils_bilinear_filter(before, after):
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5, before, before), dtype=np.uint8))

    got = resized(images, after)

    for image, small in zip(images.numpy(), got.numpy(), strict=True):
        expected = Image.fromarray(image).resize((after, after), Image.Resampling.BILINEAR)
        assert np.array_equal(small, np.asarray(expected))


def test_images_of_the_right_size_are_not_touched():
    images = torch.arange(2 * 4 * 4, dtype=torch.uint8).view(2, 4, 4)

    assert torch.equal(resized(images, 4), images)


def test_grey_becomes_three_equal_channels():
    images = torch.arange(2 * 4 * 4, dtype=torch.uint8).view(2, 4, 4)

    assert torch.equal(grey_to_rgb(images), torch.stack([images] * 3, dim=1))


def test_a_source_that_is_as_declared_is_returned():
    whole = source()

    assert whole.require(INFO) is whole


@pytest.mark.parametrize(
    "other", [source(count=29), source(size=8), source(num_classes=9), source(num_classes=11)]
)
def test_another_count_size_or_number_of_classes_is_invalid(other):
    with pytest.raises(DatasetInvalid, match="'digits'"):
        other.require(INFO)
