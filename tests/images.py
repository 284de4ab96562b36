"""Small image files in the real formats."""

from pathlib import Path

import numpy as np
from PIL import Image


def noise(seed: int, size: tuple[int, int] = (32, 32)) -> Image.Image:
    """An RGB image of random pixels, `(width, height)`."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def write(path: Path, image: Image.Image) -> Path:
    """Write the image in the format that the name's end says, and any folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path
