"""scikit-learn's digits: 1,797 real 8×8 scans, with nothing to download."""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from core.catalog.datasets import DIGITS
from core.datasets.source import Source, grey_to_rgb, resized

SPLIT_SEED = 123
TEST_FRACTION = 0.2
MAX_GREY = 16  # the scans have 17 levels, 0 … 16


def load(_data_dir: Path) -> Source:
    """All digits; the test images are drawn as UTKFace's are, which has no official split either (protocol
    §1.3).
    """
    digits = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(digits.target))
    num_test = int(TEST_FRACTION * len(order))
    order = np.concatenate([order[num_test:], order[:num_test]])
    grey = (digits.images[order] * (255 / MAX_GREY)).round().astype(np.uint8)
    images = resized(torch.from_numpy(grey), DIGITS.image_size)
    labels = torch.from_numpy(digits.target[order].astype(np.int64))
    return Source(grey_to_rgb(images), labels).require(DIGITS)
