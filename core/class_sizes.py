"""How many training images each class has: published, or counted in the names of the files. Torch-free."""

import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.catalog.datasets import DatasetInfo
from core.catalog.registry import Catalogue, implementation
from core.errors import DatasetInvalid, DatasetMissing
from core.faces import labelled_faces
from core.plan import PlannedUnit
from core.spec.forget import forgets_classes


@dataclass(frozen=True)
class ClassSizes:
    """Official training images of each class, by label, and in words how they are known."""

    sizes: tuple[float, ...]
    rests_on: str


def forgotten_classes(
    units: Iterable[PlannedUnit], catalogue: Catalogue, data_dir: Path
) -> dict[str, ClassSizes]:
    """The class sizes of the datasets of which a plan forgets classes, by id: what its estimate needs."""
    datasets = {
        planned.unit.setting.dataset for planned in units if forgets_classes(planned.unit.setting.forget)
    }
    return {dataset: class_sizes(catalogue.datasets[dataset], data_dir) for dataset in sorted(datasets)}


def class_sizes(info: DatasetInfo, data_dir: Path) -> ClassSizes:
    """A dataset's class sizes: as declared, else counted under `data_dir`, else as if all were equal."""
    if info.class_sizes:
        return ClassSizes(info.class_sizes, f"{info.id}: class sizes as published.")
    counted = _counted(info, data_dir)
    if counted is not None:
        return ClassSizes(counted, f"{info.id}: class sizes counted in its files.")
    equal = (info.num_train / info.num_classes,) * info.num_classes
    return ClassSizes(
        equal, f"{info.id}: class sizes are not known before its files are here; taken as equal."
    )


def by_folder(info: DatasetInfo, data_dir: Path) -> tuple[int, ...]:
    """Images in each class folder of the training tree, in the order of the folders' names."""
    folders = sorted(path for path in (data_dir / info.files[0]).iterdir() if path.is_dir())
    return tuple(sum(map(_is_image, folder.iterdir())) for folder in folders)


def by_age(info: DatasetInfo, data_dir: Path) -> tuple[int, ...]:
    """Training faces in each age group."""
    labels = [label for _, label in labelled_faces(info, data_dir)[: info.num_train]]
    return tuple(np.bincount(labels, minlength=info.num_classes).tolist())


def _is_image(path: Path) -> bool:
    kind, _ = mimetypes.guess_type(path.name, strict=False)
    return kind is not None and kind.startswith("image/")


def _counted(info: DatasetInfo, data_dir: Path) -> tuple[int, ...] | None:
    """None where the files cannot be counted, or are not what is declared: a unit says what is wrong."""
    if info.class_counter is None:
        return None
    try:
        info.require_files(data_dir)
        counted: Sequence[int] = implementation(info.class_counter)(info, data_dir)
    except (DatasetMissing, DatasetInvalid, OSError):
        return None
    is_declared = len(counted) == info.num_classes and sum(counted) == info.num_train
    return tuple(counted) if is_declared else None
