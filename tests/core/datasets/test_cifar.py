"""CIFAR-10 and CIFAR-100 from the Python batches, with every way in which they can be wrong."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from core.catalog.datasets import CIFAR10, CIFAR100, DatasetInfo
from core.catalog.registry import implementation
from core.datasets.source import Source
from core.errors import DatasetInvalid, DatasetMissing
from core.torchvision_operators import declare_missing_operators

PER_FILE = {"cifar10": 10, "cifar100": 200}


def load(info: DatasetInfo, data_dir: Path) -> Source:
    return implementation(info.implementation)(info, data_dir)


def batch(info: DatasetInfo, seed: int) -> dict[str, object]:
    """A batch as published: a row of 3,072 bytes per image, all red first, then all green, then all blue."""
    count = PER_FILE[info.id]
    labels = [(index + seed) % info.num_classes for index in range(count)]
    data = np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)
    if info.num_classes == 10:
        return {"data": data, "labels": labels}
    return {"data": data, "fine_labels": labels, "coarse_labels": [label // 5 for label in labels]}


@pytest.fixture(params=[CIFAR10, CIFAR100], ids=lambda info: info.id)
def info(request) -> DatasetInfo:
    count = PER_FILE[request.param.id]
    num_train = count * (len(request.param.files) - 2)
    return request.param.model_copy(update={"num_train": num_train, "num_test": count})


@pytest.fixture
def publish(info, tmp_path, monkeypatch):
    """Write a small dataset and take its checksums for those of the published files."""
    declare_missing_operators()
    from torchvision import datasets

    reader = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[info.id]

    def write(batches: list[object]) -> list[Path]:
        paths = [tmp_path / name for name in info.files]
        paths[0].parent.mkdir(exist_ok=True)
        names = {reader.meta["key"]: [f"class {label}" for label in range(info.num_classes)]}
        for path, content in zip(paths, [*batches, names], strict=True):
            path.write_bytes(pickle.dumps(content, protocol=2))
        sums = [[path.name, hashlib.md5(path.read_bytes()).hexdigest()] for path in paths]
        monkeypatch.setattr(reader, "train_list", sums[:-2])
        monkeypatch.setattr(reader, "test_list", sums[-2:-1])
        monkeypatch.setattr(reader, "meta", {**reader.meta, "md5": sums[-1][1]})
        return paths

    return write


@pytest.fixture
def batches(info) -> list[dict[str, object]]:
    return [batch(info, seed) for seed in range(len(info.files) - 1)]


@pytest.fixture
def paths(publish, batches) -> list[Path]:
    return publish(batches)


def test_training_batches_come_first_each_image_with_its_fine_label(info, paths, batches, tmp_path):
    source = load(info, tmp_path)

    key = "labels" if info.num_classes == 10 else "fine_labels"
    assert source.labels.tolist() == [label for content in batches for label in content[key]]
    assert source.labels.dtype == torch.int64
    assert source.pixels.dtype == torch.uint8
    rows = np.concatenate([content["data"] for content in batches])
    assert np.array_equal(source.pixels.numpy().reshape(-1, 3072), rows)


def test_a_missing_file_is_named_with_its_place(info, paths, tmp_path):
    for path in paths:
        content = path.read_bytes()
        path.unlink()

        with pytest.raises(DatasetMissing) as raised:
            load(info, tmp_path)

        assert str(path) in str(raised.value)
        path.write_bytes(content)


def test_a_file_that_was_not_published_is_named_and_never_unpickled(info, paths, tmp_path):
    class Harmful:
        def __reduce__(self):
            return Path.touch, (tmp_path / "it ran",)

    for path in paths:
        content = path.read_bytes()
        for other in (pickle.dumps(Harmful()), content[:-1], b""):
            path.write_bytes(other)

            with pytest.raises(DatasetInvalid) as raised:
                load(info, tmp_path)

            assert str(path) in str(raised.value)
            assert not (tmp_path / "it ran").exists()
        path.write_bytes(content)


def test_another_number_of_images_than_declared_is_invalid(info, paths, tmp_path):
    more = info.model_copy(update={"num_test": info.num_test + 1})

    with pytest.raises(DatasetInvalid, match="incomplete"):
        load(more, tmp_path)


def test_a_class_without_images_is_invalid(info, publish, batches, tmp_path):
    key = "labels" if info.num_classes == 10 else "fine_labels"
    publish([{**content, key: [max(label, 1) for label in content[key]]} for content in batches])

    with pytest.raises(DatasetInvalid, match=r"training images lack the classes \[0\]"):
        load(info, tmp_path)
