"""The training transforms, as distributions over images (protocol §1.5)."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from core.catalog.datasets import DatasetInfo
from core.catalog.registry import installed
from core.datasets.augment import AUGMENTATIONS, crop, crop_flip, flip, shift, windows
from core.datasets.resident import ResidentSet
from core.torchvision_operators import declare_missing_operators

TRANSFORMS = [transform for transform in AUGMENTATIONS.values() if transform is not None]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def copies(count: int, size: int = 8) -> Tensor:
    """One image, many times; all its pixels differ, so that a window of it tells its place."""
    return (
        torch.arange(1, 3 * size * size + 1, dtype=torch.uint8).view(1, 3, size, size).repeat(count, 1, 1, 1)
    )


def test_half_of_ten_thousand_images_are_mirrored_and_the_others_untouched():
    images = copies(10_000, size=4)

    out = flip(images, generator())

    is_same = (out == images).flatten(1).all(dim=1)
    is_mirrored = (out == images.flip(-1)).flatten(1).all(dim=1)
    assert torch.equal(is_same, ~is_mirrored)
    assert is_mirrored.double().mean().item() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("padding", "places"), [(1, 9), (4, 81)])
def test_each_crop_is_a_window_of_the_padded_image_at_any_offset_alike(padding, places):
    images = copies(places * 100)
    padded = functional.pad(images[0], (padding,) * 4)
    windows = {
        tuple(padded[:, down : down + 8, right : right + 8].flatten().tolist()): (down, right)
        for down in range(2 * padding + 1)
        for right in range(2 * padding + 1)
    }

    out = crop(images, generator(), padding=padding)

    found = Counter(windows[tuple(image.flatten().tolist())] for image in out)
    assert len(found) == places
    assert min(found.values()) > 50
    assert max(found.values()) < 150


def test_a_crop_is_torchvisions_at_the_same_offsets():
    declare_missing_operators()
    from torchvision.transforms import functional as torchvision

    images = torch.randint(256, (81, 3, 32, 32), generator=generator(), dtype=torch.uint8)
    down, right = torch.arange(81) // 9, torch.arange(81) % 9

    out = windows(images, down, right, padding=4)

    for index, image in enumerate(images):
        padded = torchvision.pad(image, [4])
        expected = torchvision.crop(padded, top=int(down[index]), left=int(right[index]), height=32, width=32)
        assert torch.equal(out[index], expected)


def test_the_corner_of_a_crop_at_offset_zero_is_black_once_standardised():
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2470, 0.2435, 0.2616])
    white = torch.full((500, 3, 8, 8), 255, dtype=torch.uint8)
    data = ResidentSet(white, torch.zeros(500, dtype=torch.int64), mean, std)

    images = data.standardised(crop(white, generator(), padding=4))

    corners = images[images[:, 0, 3, 3] < 0][:, :, 0, 0]  # four rows and columns of padding
    assert len(corners) > 0
    torch.testing.assert_close(corners, (-mean / std).expand_as(corners))


def test_a_shift_moves_a_digit_by_one_pixel_at_most():
    dot = torch.zeros(300, 3, 16, 16, dtype=torch.uint8)
    dot[:, :, 7, 7] = 255

    out = shift(dot, generator())

    places = {tuple(place) for place in out[:, 0].nonzero()[:, 1:].tolist()}
    assert places == {(down, right) for down in (6, 7, 8) for right in (6, 7, 8)}


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.__name__)
def test_shape_type_and_input_stay_as_they_are(transform):
    images = copies(20)

    out = transform(images, generator())

    assert out.shape == images.shape
    assert out.dtype == torch.uint8
    assert torch.equal(images, copies(20))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.__name__)
def test_the_generator_alone_decides(transform):
    first, again, other = (transform(copies(50), generator(seed)) for seed in (0, 0, 1))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_cifars_transform_both_crops_and_flips():
    out = crop_flip(copies(1000), generator())

    differences = out[:, 0, 4, 5].int() - out[:, 0, 4, 4].int()
    assert (differences == 1).any()
    assert (differences == -1).any()
    assert (out[:, :, 0] == 0).flatten(1).all(dim=1).any()


@pytest.mark.parametrize("dataset", installed().datasets.values(), ids=lambda dataset: dataset.id)
def test_every_declared_augmentation_exists(dataset: DatasetInfo):
    assert dataset.augmentation in AUGMENTATIONS
