"""Class sizes without an image read: what estimates of class-wise forget sets rest on."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from core.catalog.datasets import DIGITS, UTKFACE, image_folder, utkface
from core.catalog.registry import implementation
from core.class_sizes import class_sizes

FACES = utkface("faces", num_images=10)
PETS = image_folder(
    "pets",
    id="pets",
    title="Pets",
    source="this test",
    num_classes=2,
    num_train=3,
    num_test=2,
    image_size=16,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_counted_by_name_without_what_is_no_image(tmp_path):
    train, test = tmp_path / "pets" / "train", tmp_path / "pets" / "test"
    touch(
        train / "dog" / "1.png",
        train / "ant" / "1.jpg",
        train / "ant" / "2.JPEG",
        train / "ant" / ".DS_Store",
    )
    touch(test / "ant" / "1.jpg", test / "dog" / "1.jpg")

    found = class_sizes(PETS, tmp_path)

    assert found.sizes == (2, 1)
    assert "counted in its files" in found.rests_on


def test_faces_are_counted_after_the_test_set_is_drawn(tmp_path):
    folder = tmp_path / FACES.files[0]
    touch(*(folder / f"{age}_0.jpg" for age in (1, 2, 3, 21, 22, 23, 41, 61, 62, 81)))

    found = class_sizes(FACES, tmp_path)

    labels = implementation(FACES.implementation)(FACES, tmp_path).labels[: FACES.num_train]
    assert found.sizes == tuple(labels.bincount(minlength=5).tolist())
    assert sum(found.sizes) == FACES.num_train


def test_without_files_or_with_others_than_declared_classes_count_as_equal_and_it_says_so(tmp_path):
    absent = class_sizes(UTKFACE, tmp_path)
    touch(*(tmp_path / PETS.files[0] / "ant" / f"{n}.jpg" for n in range(3)), tmp_path / PETS.files[1] / "x")

    assert absent.sizes == (18_967 / 5,) * 5
    assert "taken as equal" in absent.rests_on
    assert class_sizes(PETS, tmp_path).sizes == (1.5, 1.5)


def test_declared_sizes_that_do_not_add_up_are_refused():
    with pytest.raises(ValidationError, match="2 classes of 9 images"):
        type(DIGITS).model_validate({**DIGITS.model_dump(), "class_sizes": (4, 5)})
