"""UTKFace's files and their age groups, from the names alone (protocol §1.2, §1.3). Torch-free."""

import os
import re
from pathlib import Path

import numpy as np

from core.catalog.datasets import DatasetInfo
from core.errors import DatasetInvalid
from core.splits import drawn_official_split

YEARS_PER_CLASS = 20
AGE = re.compile(r"([0-9]+)_")


def labelled_faces(info: DatasetInfo, data_dir: Path) -> list[tuple[str, int]]:
    """The name and label of every face in the order of the drawn split, training images first.

    The files are sorted by the bytes of their names before they are permuted, so that every machine draws the
    same split.

    Raises:
        DatasetMissing: the folder is absent; the message says where it belongs.
        DatasetInvalid: a name does not begin with an age, or the count is not the declared one.
    """
    info.require_files(data_dir)
    root = data_dir / info.files[0]
    names = sorted((path.name for path in root.glob("*.jpg")), key=os.fsencode)
    if len(names) != info.num_train + info.num_test:
        raise DatasetInvalid(
            f"{root} holds {len(names)} JPEG files; dataset {info.id!r} is declared with "
            f"{info.num_train + info.num_test}. Some copies differ by a few files: docs/datasets.md says how "
            "to declare yours."
        )
    order = np.concatenate(drawn_official_split(len(names)))
    ordered = [names[index] for index in order]
    return [(name, age_group(_age(root / name), info.num_classes)) for name in ordered]


def age_group(age: int, num_classes: int) -> int:
    """The label of an age in years: groups of 20 years, of which the last has no end (protocol §1.2)."""
    return min(age // YEARS_PER_CLASS, num_classes - 1)


def _age(path: Path) -> int:
    match = AGE.match(path.name)
    if match is None:
        raise DatasetInvalid(
            f"{path} does not begin with an age in years and an underscore, as the names of UTKFace do: "
            "restore its name, or take it away."
        )
    return int(match[1])
