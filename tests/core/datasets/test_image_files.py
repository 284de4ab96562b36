"""Decoding, and the cache that makes it happen once."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.catalog.datasets import image_folder
from core.datasets.decoding import decoded
from core.datasets.image_files import ImageFiles
from core.errors import DatasetInvalid
from tests.images import noise, write

NAMES = ("a.png", "b.jpg", "c.png", "d.jpg")
INFO = image_folder(
    "any",
    id="any",
    title="Any",
    source="this test",
    num_classes=2,
    num_train=2,
    num_test=2,
    image_size=8,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)


@pytest.fixture
def files(tmp_path) -> ImageFiles:
    for seed, name in enumerate(NAMES):
        write(tmp_path / "data" / name, noise(seed, (8, 8)))
    return ImageFiles(tmp_path / "data", NAMES, torch.tensor([0, 1, 0, 1]))


@pytest.fixture
def cache_dir(tmp_path) -> Path:
    return tmp_path / "cache"


def as_pil(path: Path, size: int) -> np.ndarray:
    image = Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


def spoil(files: ImageFiles) -> None:
    """Overwrite the images, sizes and times kept: whoever decodes one now is told that it is none."""
    for name in files.names:
        path = files.root / name
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("size", [8, 12])
def test_pixels_are_pils_in_the_order_of_the_names(files, cache_dir, size):
    source = decoded(INFO.model_copy(update={"image_size": size}), files, cache_dir)

    assert source.pixels.dtype == torch.uint8
    assert torch.equal(source.labels, files.labels)
    for pixels, name in zip(source.pixels.numpy(), NAMES, strict=True):
        assert np.array_equal(pixels, as_pil(files.root / name, size))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_every_kind_of_image_becomes_rgb(files, cache_dir, mode):
    path = write(files.root / f"{mode}.tif", noise(9, (20, 10)).convert(mode))
    one = ImageFiles(files.root, (*NAMES[:3], path.name), files.labels)

    source = decoded(INFO, one, cache_dir)

    assert np.array_equal(source.pixels[3].numpy(), as_pil(path, 8))


def test_the_second_time_nothing_is_decoded(files, cache_dir):
    first = decoded(INFO, files, cache_dir)
    spoil(files)

    assert torch.equal(decoded(INFO, files, cache_dir).pixels, first.pixels)


def test_labels_are_those_of_the_names_even_where_the_pixels_are_cached(files, cache_dir):
    decoded(INFO, files, cache_dir)
    other = ImageFiles(files.root, files.names, 1 - files.labels)

    assert torch.equal(decoded(INFO, other, cache_dir).labels, 1 - files.labels)


def test_images_of_another_size_or_order_are_decoded_anew(files, cache_dir):
    decoded(INFO, files, cache_dir)
    backwards = ImageFiles(files.root, files.names[::-1], files.labels)

    assert decoded(INFO.model_copy(update={"image_size": 16}), files, cache_dir).pixels.shape[2:] == (16, 16)
    assert np.array_equal(decoded(INFO, backwards, cache_dir).pixels[0], as_pil(files.root / NAMES[-1], 8))


def test_a_file_of_another_size_is_decoded_anew(files, cache_dir):
    decoded(INFO, files, cache_dir)
    path = files.root / "b.jpg"
    status = path.stat()
    write(path, noise(77, (9, 9)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert np.array_equal(decoded(INFO, files, cache_dir).pixels[1], as_pil(path, 8))


def test_a_file_of_another_time_is_decoded_anew(files, cache_dir):
    decoded(INFO, files, cache_dir)
    path = files.root / "c.png"
    status = path.stat()
    spoil(files)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))

    with pytest.raises(DatasetInvalid):
        decoded(INFO, files, cache_dir)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _replace_by_text(path: Path) -> None:
    path.write_text("not a tensor")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_an_image_of_more_than_eight_bits_is_refused_and_not_cut_off(files, cache_dir, kind):
    path = files.root / "c.tiff"
    Image.fromarray((np.arange(64).reshape(8, 8) * 1000).astype(kind)).save(path)
    files = ImageFiles(files.root, ("c.tiff",), torch.tensor([0]))

    with pytest.raises(DatasetInvalid, match=r"c\.tiff has more than 8 bits"):
        decoded(INFO, files, cache_dir)


@pytest.mark.parametrize("damage", [_truncate, _flip_a_bit, _replace_by_text, _empty])
def test_a_damaged_cache_is_made_again(files, cache_dir, damage):
    first = decoded(INFO, files, cache_dir).pixels.clone()
    damage(cache_dir / "any.safetensors")

    again = decoded(INFO, files, cache_dir).pixels
    spoil(files)

    assert torch.equal(again, first)
    assert torch.equal(decoded(INFO, files, cache_dir).pixels, first)


def test_workers_that_decode_at_once_get_the_same_and_leave_one_file(files, cache_dir):
    info = INFO.model_copy(update={"image_size": 256})  # large enough for their writes to overlap

    with ThreadPoolExecutor(8) as pool:
        sources = list(pool.map(lambda _: decoded(info, files, cache_dir), range(8)))

    assert all(torch.equal(source.pixels, sources[0].pixels) for source in sources)
    assert [path.name for path in cache_dir.iterdir()] == ["any.safetensors"]


@pytest.mark.parametrize("name", ["a.png", "b.jpg"])
@pytest.mark.parametrize("share", [0, 0.05, 0.6, 0.9])
def test_a_truncated_image_is_named_and_nothing_is_cached(files, cache_dir, name, share):
    path = files.root / name
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(DatasetInvalid) as raised:
        decoded(INFO, files, cache_dir)

    assert str(path) in str(raised.value)
    assert not cache_dir.exists()


def test_a_file_that_is_no_image_is_named(files, cache_dir):
    (files.root / "c.png").write_text("<!DOCTYPE html><title>404 Not Found</title>")

    with pytest.raises(DatasetInvalid, match=r"c\.png is not a whole image"):
        decoded(INFO, files, cache_dir)


def test_a_file_that_went_away_is_named(files, cache_dir):
    (files.root / "d.jpg").unlink()

    with pytest.raises(DatasetInvalid, match=r"d\.jpg cannot be read"):
        decoded(INFO, files, cache_dir)


def test_a_cache_that_cannot_be_written_says_where_and_what_to_do(files, tmp_path):
    (tmp_path / "cache").write_text("in the way")

    with pytest.raises(OSError, match=r"cache/any\.safetensors.*LETHE_CACHE_DIR"):
        decoded(INFO, files, tmp_path / "cache")
