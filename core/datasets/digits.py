"""scikit-learn's digits: 1,797 real 8×8 scans, with nothing to download."""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from core.catalog.datasets import DatasetInfo
from core.datasets.source import Source, grey_to_rgb, resized
from core.splits import drawn_official_split

MAX_GREY = 16  # the scans have 17 levels, 0 … 16


def load(info: DatasetInfo, _data_dir: Path) -> Source:
    """All digits; the test images are drawn as UTKFace's are, which has no official split either
    (protocol §1.3).
    """
    digits = load_digits()
    order = np.concatenate(drawn_official_split(len(digits.target)))
    grey = (digits.images[order] * (255 / MAX_GREY)).round().astype(np.uint8)
    images = resized(torch.from_numpy(grey), info.image_size)
    labels = torch.from_numpy(digits.target[order].astype(np.int64))
    return Source(grey_to_rgb(images), labels).require(info)
