"""Any tree of images by class, declared in a few lines."""

import shutil
import tarfile
from pathlib import Path

import pytest

from core.catalog.datasets import CIFAR10_JPEG, DatasetInfo, image_folder
from core.datasets.decoding import decoded
from core.datasets.image_folder import load
from core.errors import DatasetInvalid, DatasetMissing
from tests.images import noise, write

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
CLASSES = ("ant", "bee", "cat")
PETS = image_folder(
    "pets",
    id="pets",
    title="Pets",
    source="this test",
    num_classes=3,
    num_train=6,
    num_test=3,
    image_size=16,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)


@pytest.fixture
def root(tmp_path) -> Path:
    for label, name in enumerate(CLASSES):
        write(tmp_path / "pets/train" / name / "1.png", noise(label))
        write(tmp_path / "pets/train" / name / "2.JPEG", noise(10 + label, (20, 30)))
        write(tmp_path / "pets/test" / name / "1.jpg", noise(20 + label))
    return tmp_path


def test_training_images_come_first_by_class_and_name(root):
    files = load(PETS, root)

    assert files.labels.tolist() == [0, 0, 1, 1, 2, 2, 0, 1, 2]
    assert files.names[:3] == ("pets/train/ant/1.png", "pets/train/ant/2.JPEG", "pets/train/bee/1.png")
    assert files.names[6:] == tuple(f"pets/test/{name}/1.jpg" for name in CLASSES)
    assert decoded(PETS, files, root / "cache").pixels.shape == (9, 3, 16, 16)


def test_files_that_are_no_images_are_passed_over(root):
    (root / "pets/train/ant/.DS_Store").write_bytes(b"\0")
    (root / "pets/README.txt").write_text("about the pets")

    assert len(load(PETS, root).names) == 9


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_missing_tree_is_named_with_its_place(root, part):
    shutil.rmtree(root / "pets" / part)

    with pytest.raises(DatasetMissing) as raised:
        load(PETS, root)

    assert str(root / "pets" / part) in str(raised.value)
    assert "LETHE_DATA_DIR" in str(raised.value)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_missing_class_is_named(root, part):
    shutil.rmtree(root / "pets" / part / "bee")

    with pytest.raises(DatasetInvalid, match=r"bee is only in one"):
        load(PETS, root)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_class_without_images_is_named(root, part):
    for path in (root / "pets" / part / "bee").iterdir():
        path.rename(path.with_suffix(".txt"))

    with pytest.raises(DatasetInvalid, match=rf"pets/{part}.*bee"):
        load(PETS, root)


def test_a_tree_without_any_class_is_invalid(root):
    shutil.rmtree(root / "pets/train")
    (root / "pets/train").mkdir()

    with pytest.raises(DatasetInvalid, match="pets/train is not a tree"):
        load(PETS, root)


def test_a_file_in_the_place_of_a_tree_is_invalid(root):
    shutil.rmtree(root / "pets/test")
    (root / "pets/test").write_text("")

    with pytest.raises(DatasetInvalid, match="pets/test is not a tree"):
        load(PETS, root)


def test_another_number_of_classes_than_declared_is_invalid_and_lists_them(root):
    for part in ("train", "test"):
        write(root / "pets" / part / "dog" / "1.png", noise(1))

    with pytest.raises(DatasetInvalid, match=r"4 class folders \(ant, bee, cat, dog\).*declared with 3"):
        load(PETS, root)


@pytest.mark.parametrize(("part", "holds"), [("train", "7 images.*with 6"), ("test", "4 images.*with 3")])
def test_another_number_of_images_than_declared_is_invalid(root, part, holds):
    write(root / "pets" / part / "bee" / "more.png", noise(1))

    with pytest.raises(DatasetInvalid, match=rf"pets/{part} holds {holds}"):
        load(PETS, root)


@pytest.mark.data
@pytest.mark.slow
def test_the_real_jpegs_of_cifar_10_are_read_in_their_layout(tmp_path):
    archive = DATA / "cifar10-jpeg/images.tar.xz"
    if not archive.is_file():
        pytest.skip(f"The JPEG copy of CIFAR-10 is not under {DATA}.")
    info = _first_of_each_class(archive, tmp_path / "cifar10-jpeg")

    source = decoded(info, load(info, tmp_path), tmp_path / "cache")

    assert source.pixels.shape == (info.num_train + info.num_test, 3, 32, 32)
    assert set(source.labels.tolist()) == set(range(10))
    scaled = source.pixels.double() / 255
    assert scaled.mean(dim=(0, 2, 3)).tolist() == pytest.approx(info.mean, abs=0.05)


def _first_of_each_class(archive: Path, folder: Path, count: int = 20) -> DatasetInfo:
    """Extract the first images of each class and declare as many."""
    with tarfile.open(archive) as tar:
        names = [m for m in tar if m.isfile() and int(Path(m.name).stem) < count]
        tar.extractall(folder, members=names, filter="data")
    num_train = sum(member.name.startswith("train/") for member in names)
    return CIFAR10_JPEG.model_copy(update={"num_train": num_train, "num_test": len(names) - num_train})
