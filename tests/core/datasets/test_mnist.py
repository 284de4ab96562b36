"""MNIST and FashionMNIST from torchvision's layout, with every way in which their files can be wrong."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.catalog.datasets import FASHION_MNIST, IDX_FILES, MNIST, DatasetInfo
from core.catalog.registry import implementation
from core.datasets.decoding import decoded
from core.datasets.source import Source
from core.errors import DatasetInvalid, DatasetMissing

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
NUM_TRAIN, NUM_TEST = 20, 10
UNSIGNED_BYTE = 8  # the type code in an IDX file's header


def idx(array: np.ndarray) -> bytes:
    """An array as the IDX format has it: type and number of dimensions, big-endian sizes, then the bytes."""
    header = struct.pack(">HBB", 0, UNSIGNED_BYTE, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture(params=[MNIST, FASHION_MNIST], ids=lambda info: info.id)
def info(request) -> DatasetInfo:
    return request.param.model_copy(update={"num_train": NUM_TRAIN, "num_test": NUM_TEST})


@pytest.fixture
def raw(info, tmp_path) -> Path:
    """The folder of a small dataset: 28 px noise, in which class follows class."""
    folder, generator = tmp_path / Path(info.files[0]).parent, np.random.default_rng(0)
    folder.mkdir(parents=True)
    for part, count in (("train", NUM_TRAIN), ("t10k", NUM_TEST)):
        images = generator.integers(0, 256, (count, 28, 28))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 10))
    return folder


def load(info: DatasetInfo, data_dir: Path) -> Source:
    return decoded(info, implementation(info.implementation)(info, data_dir), data_dir / "cache")


def test_training_images_come_first_each_with_its_label(info, raw, tmp_path):
    source = load(info, tmp_path)

    assert source.pixels.shape == (NUM_TRAIN + NUM_TEST, 3, 32, 32)
    assert source.labels.tolist() == [k % 10 for k in range(NUM_TRAIN)] + [k % 10 for k in range(NUM_TEST)]
    assert source.labels.dtype == torch.int64


def test_images_are_grey_in_three_equal_channels_of_8_bits(info, raw, tmp_path):
    pixels = load(info, tmp_path).pixels

    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels[:, 0], pixels[:, 1])
    assert torch.equal(pixels[:, 0], pixels[:, 2])


def test_images_are_resized_as_pil_does(info, raw, tmp_path):
    content = (raw / "t10k-images-idx3-ubyte").read_bytes()[16:]
    images = np.frombuffer(content, dtype=np.uint8).reshape(NUM_TEST, 28, 28)

    pixels = load(info, tmp_path).pixels

    for got, image in zip(pixels[NUM_TRAIN:, 0], images, strict=True):
        expected = Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR)
        assert np.array_equal(got.numpy(), np.asarray(expected))


@pytest.mark.parametrize("name", IDX_FILES)
def test_a_missing_file_is_named_with_its_place(info, raw, tmp_path, name):
    (raw / name).unlink()

    with pytest.raises(DatasetMissing) as raised:
        load(info, tmp_path)

    assert str(raw / name) in str(raised.value)
    assert "LETHE_DATA_DIR" in str(raised.value)


@pytest.mark.parametrize("name", IDX_FILES)
@pytest.mark.parametrize("size", [0, 2, 6, 17])
def test_a_truncated_file_is_invalid(info, raw, tmp_path, name, size):
    path = raw / name
    path.write_bytes(path.read_bytes()[:size])

    with pytest.raises(DatasetInvalid, match=rf"raw/{name} is not the IDX file"):
        load(info, tmp_path)


@pytest.mark.parametrize("name", IDX_FILES)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_with_too_few_or_too_many_bytes_is_named_with_both_numbers(info, raw, tmp_path, name, change):
    content = (raw / name).read_bytes()
    (raw / name).write_bytes(content[:-1] if change < 0 else content + b"\0")
    header = 16 if "images" in name else 8
    right = len(content) - header

    with pytest.raises(DatasetInvalid, match=rf"{name} .*: {right + change:,} bytes .*, not {right:,}"):
        load(info, tmp_path)


@pytest.mark.parametrize("name", IDX_FILES)
def test_a_file_of_another_kind_is_invalid(info, raw, tmp_path, name):
    (raw / name).write_bytes(b"<!DOCTYPE html><title>404 Not Found</title>")

    with pytest.raises(DatasetInvalid, match=rf"raw/{name} .* begins with the bytes 3c 21 44 4f"):
        load(info, tmp_path)


def test_another_number_of_images_than_declared_is_invalid(info, raw, tmp_path):
    for kind, shape in (("images-idx3", (9, 28, 28)), ("labels-idx1", (9,))):
        (raw / f"t10k-{kind}-ubyte").write_bytes(idx(np.zeros(shape)))

    with pytest.raises(DatasetInvalid, match=r"t10k-images.* of 10 images .*: it holds 9 images of 28×28"):
        load(info, tmp_path)


def test_labels_that_do_not_match_their_images_are_invalid(info, raw, tmp_path):
    (raw / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(NUM_TRAIN - 5) % 10))

    with pytest.raises(DatasetInvalid, match=r"train-labels.* of 20 labels .*: it holds 15 labels"):
        load(info, tmp_path)


@pytest.mark.parametrize(
    ("part", "count", "called"), [("train", NUM_TRAIN, "training"), ("t10k", NUM_TEST, "test")]
)
def test_a_class_without_images_in_one_part_is_named(info, raw, tmp_path, part, count, called):
    (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 9))

    with pytest.raises(DatasetInvalid, match=rf"{called} images lack the classes \[9\]"):
        load(info, tmp_path)


def test_images_are_decoded_once_and_again_when_a_file_changes(info, raw, tmp_path, monkeypatch):
    first = load(info, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("core.datasets.mnist.resized", lambda *_: pytest.fail("decoded again"))
        assert torch.equal(load(info, tmp_path).pixels, first.pixels)

    (raw / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((NUM_TEST, 28, 28))))
    assert not load(info, tmp_path).pixels[NUM_TRAIN:].any()


def test_a_damaged_cache_is_made_again(info, raw, tmp_path):
    first = load(info, tmp_path)
    (cached,) = (tmp_path / "cache").iterdir()
    content = bytearray(cached.read_bytes())
    content[-1] ^= 1
    cached.write_bytes(content)

    assert torch.equal(load(info, tmp_path).pixels, first.pixels)


def test_a_label_beyond_the_classes_is_invalid(info, raw, tmp_path):
    (raw / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(NUM_TRAIN)))

    with pytest.raises(DatasetInvalid, match="labels up to 19"):
        load(info, tmp_path)


@pytest.mark.data
@pytest.mark.slow
def test_the_real_files_are_what_the_catalogue_declares(tmp_path):
    if not (DATA / MNIST.files[0]).is_file():
        pytest.skip(f"MNIST is not under {DATA}.")

    source = decoded(MNIST, implementation(MNIST.implementation)(MNIST, DATA), tmp_path)

    assert source.pixels.shape == (70_000, 3, 32, 32)
    assert tuple(torch.bincount(source.labels[:60_000]).tolist()) == MNIST.class_sizes
    assert torch.bincount(source.labels[60_000:]).tolist()[:3] == [980, 1135, 1032]
    scaled = source.pixels[:60_000, 0].float() / 255
    assert scaled.mean().item() == pytest.approx(MNIST.mean[0], abs=2e-3)
    assert scaled.std().item() == pytest.approx(MNIST.std[0], abs=0.02)
