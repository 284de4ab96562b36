"""Training transforms as batched tensor operations on 8-bit images (protocol §1.5)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from core.datasets.resident import Augmentation

FLIP_PROBABILITY = 0.5
CIFAR_PADDING = 4
DIGITS_PADDING = 1  # of 16 px: the share of the image that 2 px would be at 32


def flip(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right with probability 0.5."""
    draws = torch.rand(len(pixels), generator=generator, device=generator.device)
    is_flipped = (draws < FLIP_PROBABILITY).to(pixels.device)
    return torch.where(is_flipped.view(-1, 1, 1, 1), pixels.flip(-1), pixels)


def crop(pixels: Tensor, generator: torch.Generator, *, padding: int) -> Tensor:
    """Pad with zeros on every side, then cut each image's own random window of the old size."""
    offsets = torch.randint(2 * padding + 1, (2, len(pixels)), generator=generator, device=generator.device)
    down, right = offsets.to(pixels.device)
    return windows(pixels, down, right, padding=padding)


def windows(pixels: Tensor, down: Tensor, right: Tensor, *, padding: int) -> Tensor:
    """Each zero-padded image's window of the old size, its corner `(B,)` `down` and `right` pixels in."""
    height, width = pixels.shape[-2:]
    all_windows = F.pad(pixels, (padding,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    return all_windows[torch.arange(len(pixels), device=pixels.device), :, down, right]


def crop_flip(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """CIFAR's transform: crop with padding 4, then flip."""
    return flip(crop(pixels, generator, padding=CIFAR_PADDING), generator)


def shift(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Move each image by up to one pixel: a scanned digit stays that digit, which mirrored it would not."""
    return crop(pixels, generator, padding=DIGITS_PADDING)


AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    "flip": flip,
    "crop_flip": crop_flip,
    "shift": shift,
}
