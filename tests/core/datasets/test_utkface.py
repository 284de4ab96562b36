"""UTKFace from its files' names, with every way in which they can be wrong (protocol §1.2, §1.3)."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core.catalog.datasets import UTKFACE, utkface
from core.datasets.decoding import decoded
from core.datasets.utkface import load
from core.errors import DatasetInvalid, DatasetMissing
from core.faces import age_group
from tests.images import noise, write

FOLDER = "UTKface_Aligned_cropped/UTKFace"
# As the archive has them: the second lacks its race, the last two sort otherwise by letter than by byte.
NAMES = [
    "1_0_0_20170109150557335.jpg.chip.jpg",
    "39_1_20170116174525125.jpg.chip.jpg",
    "20_1_0_20161219140623097.jpg.chip.jpg",
    "59_0_1_20170105183840812.jpg.chip.jpg",
    "61_0_3_20170119205300001.jpg.chip.jpg",
    "80_1_0_20170110141225970.jpg.chip.jpg",
    "116_1_0_20170112220211000.jpg.chip.jpg",
    "0_0_0_small.jpg",
    "19_0_0_a.jpg",
    "19_0_0_B.jpg",
]
AGES = [0, 116, 19, 19, 1, 20, 39, 59, 61, 80]  # in the order of the bytes of the names
LABELS = [0, 4, 0, 0, 0, 1, 1, 2, 3, 4]
INFO = utkface("faces", num_images=len(NAMES))


@pytest.fixture
def folder(tmp_path) -> Path:
    for seed, name in enumerate(NAMES):
        write(tmp_path / FOLDER / name, noise(seed, (20, 20)))
    return tmp_path / FOLDER


@pytest.mark.parametrize(
    ("age", "label"),
    [(0, 0), (1, 0), (19, 0), (20, 1), (39, 1), (40, 2), (60, 3), (79, 3), (80, 4), (99, 4), (116, 4)],
)
def test_a_label_is_twenty_years_and_the_last_has_no_end(age, label):
    assert age_group(age, 5) == label


def test_names_are_sorted_by_bytes_then_permuted_and_the_first_fifth_is_the_test_set(folder, tmp_path):
    files = load(INFO, tmp_path)

    by_bytes = sorted(NAMES, key=str.encode)
    order = np.random.default_rng(123).permutation(len(NAMES))
    assert by_bytes.index("19_0_0_B.jpg") < by_bytes.index("19_0_0_a.jpg")
    assert [int(name.split("_")[0]) for name in by_bytes] == AGES
    assert (INFO.num_train, INFO.num_test) == (8, 2)
    assert list(files.names) == [by_bytes[index] for index in [*order[2:], *order[:2]]]
    assert files.labels.tolist() == [LABELS[index] for index in [*order[2:], *order[:2]]]


def test_faces_are_decoded_at_224_pixels(folder, tmp_path):
    source = decoded(INFO, load(INFO, tmp_path), tmp_path / "cache")

    assert source.pixels.shape == (len(NAMES), 3, 224, 224)
    assert source.pixels.dtype == torch.uint8


def test_the_declared_sizes_are_the_published_ones():
    assert (UTKFACE.num_train, UTKFACE.num_test) == (18_967, 4_741)


def test_the_sizes_of_another_copy_follow_from_its_number_of_files():
    other = utkface("utkface_23705", num_images=23_705)

    assert (other.num_train, other.num_test) == (18_964, 4_741)
    assert "23,705" in other.title


def test_a_missing_folder_is_named_with_its_place(tmp_path):
    with pytest.raises(DatasetMissing) as raised:
        load(INFO, tmp_path)

    assert str(tmp_path / FOLDER) in str(raised.value)


@pytest.mark.parametrize(
    "name", ["face.jpg", "_1_0_2017.jpg", "-1_0_2017.jpg", "12.jpg", "1x_0.jpg", "٣_0.jpg"]
)
def test_a_name_without_an_age_is_named(folder, tmp_path, name):
    (folder / NAMES[0]).rename(folder / name)

    with pytest.raises(DatasetInvalid) as raised:
        load(INFO, tmp_path)

    assert str(folder / name) in str(raised.value)


@pytest.mark.parametrize("change", [-1, 1])
def test_another_number_of_files_is_invalid_and_the_message_says_what_to_do(folder, tmp_path, change):
    if change < 0:
        (folder / NAMES[0]).unlink()
    else:
        shutil.copy(folder / NAMES[0], folder / "7_0_0_more.jpg")

    with pytest.raises(DatasetInvalid, match=rf"holds {10 + change} JPEG.*with 10.*docs/datasets\.md"):
        load(INFO, tmp_path)


def test_files_that_are_no_jpegs_are_passed_over(folder, tmp_path):
    (folder / "Thumbs.db").write_bytes(b"\0")

    assert len(load(INFO, tmp_path).names) == len(NAMES)


def test_an_age_group_without_faces_is_invalid(folder, tmp_path):
    (folder / NAMES[4]).rename(folder / "40_0_0_other.jpg")

    with pytest.raises(DatasetInvalid, match=r"its images lack the classes \[3\]"):
        decoded(INFO, load(INFO, tmp_path), tmp_path / "cache")
