"""Any dataset that is laid out as `train/<class>/*` and `test/<class>/*`, one folder per class."""

from pathlib import Path

import torch

from core.catalog.datasets import DatasetInfo
from core.datasets.image_files import ImageFiles
from core.errors import DatasetInvalid
from core.torchvision_operators import declare_missing_operators


def load(info: DatasetInfo, data_dir: Path) -> ImageFiles:
    """The images of the two trees that `info.files` names, by class and then by name.

    Classes are numbered in the order of their folders' names, as torchvision's `ImageFolder` does.

    Raises:
        DatasetMissing: a tree is absent; the message says where it belongs.
        DatasetInvalid: a class is missing or empty, or a count is not the declared one.
    """
    info.require_files(data_dir)
    (train_classes, train), (test_classes, test) = (_tree(data_dir / name) for name in info.files)
    if train_classes != test_classes:
        only_once = sorted(set(train_classes) ^ set(test_classes))
        raise DatasetInvalid(
            f"Dataset {info.id!r} needs the same class folders in {data_dir / info.files[0]} and "
            f"{data_dir / info.files[1]}; {', '.join(only_once)} is only in one of them."
        )
    if len(train_classes) != info.num_classes:
        raise DatasetInvalid(
            f"{data_dir / info.files[0]} has {len(train_classes)} class folders "
            f"({', '.join(train_classes)}); dataset {info.id!r} is declared with {info.num_classes}."
        )
    for name, samples, count in zip(info.files, (train, test), (info.num_train, info.num_test), strict=True):
        if len(samples) != count:
            raise DatasetInvalid(
                f"{data_dir / name} holds {len(samples)} images; dataset {info.id!r} is declared with "
                f"{count}. Unpack it again, or declare it with what it holds."
            )
    samples = [*train, *test]
    names = tuple(str(path.relative_to(data_dir)) for path, _ in samples)
    return ImageFiles(data_dir, names, torch.tensor([label for _, label in samples], dtype=torch.int64))


def _tree(folder: Path) -> tuple[list[str], list[tuple[Path, int]]]:
    """The names of the classes, and every image with its label."""
    declare_missing_operators()
    from torchvision.datasets import ImageFolder

    try:
        tree = ImageFolder(str(folder))
    except (FileNotFoundError, NotADirectoryError) as error:  # no class, or one without images: it is named
        raise DatasetInvalid(f"{folder} is not a tree of images by class: {error}") from error
    return tree.classes, [(Path(path), label) for path, label in tree.samples]
