"""UTKFace, aligned and cropped: age groups of faces (protocol §1.2, §1.3)."""

from pathlib import Path

import torch

from core.catalog.datasets import DatasetInfo
from core.datasets.image_files import ImageFiles
from core.faces import labelled_faces


def load(info: DatasetInfo, data_dir: Path) -> ImageFiles:
    """The faces in the order of the drawn split, training images first; errors as `labelled_faces`."""
    faces = labelled_faces(info, data_dir)
    labels = torch.tensor([label for _, label in faces], dtype=torch.int64)
    return ImageFiles(data_dir / info.files[0], tuple(name for name, _ in faces), labels, is_drawn=True)
