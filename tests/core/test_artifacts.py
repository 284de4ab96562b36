"""Artifacts: whole or not there, and never read wrong."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from core.artifact_files.folders import Folders
from core.artifact_files.manifest import MANIFEST
from core.artifacts import RECORD, ArtifactStore
from core.errors import ArtifactCorrupt, ArtifactMissing, ArtifactsFull

UNIT = "ab" + "0" * 62
TENSORS = {
    "model": {"weight": torch.arange(6.0).view(2, 3), "num_batches": torch.tensor(7)},
    "logits": {"test": torch.randn(4, 3, generator=torch.Generator().manual_seed(0))},
}
RECORD_CONTENT = {"metrics": {"test_accuracy": 0.5, "mia_test": None}, "is_usable": True, "device": "a «CPU»"}
FILES = ("model.safetensors", RECORD, MANIFEST)


@pytest.fixture
def store(tmp_path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


@pytest.fixture
def written(store) -> ArtifactStore:
    """A store with one artifact in it."""
    store.write(UNIT, tensors=TENSORS, record=RECORD_CONTENT)
    return store


def folder(tmp_path: Path) -> Path:
    return tmp_path / "ab" / UNIT


def read_everything(store: ArtifactStore):
    return store.read_tensors(UNIT, "model"), store.read_tensors(UNIT, "logits"), store.read_record(UNIT)


def require_corrupt_and_set_aside(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(ArtifactCorrupt) as raised:
        read_everything(store)
    assert raised.value.unit_id == UNIT
    assert [path.name for path in folder(tmp_path).parent.iterdir()] == [f"{UNIT}.corrupt"]
    with pytest.raises(ArtifactMissing):
        read_everything(store)


def test_what_was_written_is_read_again(written):
    model, logits, record = read_everything(written)

    assert record == RECORD_CONTENT
    for got, expected in ((model, TENSORS["model"]), (logits, TENSORS["logits"])):
        assert got.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(got[name], tensor, rtol=0, atol=0)


def test_the_same_content_has_the_same_checksum_and_its_size_is_that_of_the_files(store, tmp_path):
    first = store.write(UNIT, tensors=TENSORS, record=RECORD_CONTENT)
    twin = store.write("cd" + UNIT[2:], tensors=TENSORS, record=RECORD_CONTENT)
    other = store.write("ef" + UNIT[2:], tensors=TENSORS, record={})

    assert first == twin
    assert first.sha256 != other.sha256
    assert first.size_bytes == sum(path.stat().st_size for path in folder(tmp_path).iterdir())


def test_tensors_of_any_layout_can_be_written(store):
    image = torch.arange(2 * 3 * 4 * 4.0).view(2, 3, 4, 4).to(memory_format=torch.channels_last)
    transposed = torch.arange(6.0).view(2, 3).T.requires_grad_()

    store.write(UNIT, tensors={"model": {"image": image, "transposed": transposed}}, record={})

    read = store.read_tensors(UNIT, "model")
    assert torch.equal(read["image"], image)
    assert torch.equal(read["transposed"], transposed)


def test_an_artifact_may_hold_no_logits(store):
    store.write(UNIT, tensors={"logits": {}}, record={})

    assert store.read_tensors(UNIT, "logits") == {}


@pytest.mark.parametrize("name", FILES[:2])
@pytest.mark.parametrize("position", [0, 20, -1])
def test_a_flipped_byte_is_noticed(written, tmp_path, name, position):
    content = bytearray((folder(tmp_path) / name).read_bytes())
    content[position] ^= 1
    (folder(tmp_path) / name).write_bytes(content)

    require_corrupt_and_set_aside(written, tmp_path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [0, 1, 30])
def test_a_truncated_file_is_noticed(written, tmp_path, name, size):
    path = folder(tmp_path) / name
    path.write_bytes(path.read_bytes()[:size])

    require_corrupt_and_set_aside(written, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_noticed(written, tmp_path, name):
    (folder(tmp_path) / name).unlink()

    require_corrupt_and_set_aside(written, tmp_path)


def test_a_file_that_was_never_written_is_noticed(written, tmp_path):
    with pytest.raises(ArtifactCorrupt, match="optimiser"):
        written.read_tensors(UNIT, "optimiser")


def test_a_missing_folder_names_the_unit_that_must_run_again(store):
    with pytest.raises(ArtifactMissing, match="must run again") as raised:
        read_everything(store)

    assert raised.value.unit_id == UNIT


def test_a_corrupt_artifact_can_be_written_again(written, tmp_path):
    for _ in range(2):  # the second makes room for itself where the first was set aside
        (folder(tmp_path) / RECORD).unlink()
        with pytest.raises(ArtifactCorrupt):
            read_everything(written)

        written.write(UNIT, tensors=TENSORS, record=RECORD_CONTENT)

        assert read_everything(written)[2] == RECORD_CONTENT


def test_a_twins_artifact_is_replaced(written, tmp_path):
    written.write(UNIT, tensors={"model": TENSORS["model"]}, record={"twin": 1})

    assert written.read_record(UNIT) == {"twin": 1}
    assert [path.name for path in folder(tmp_path).parent.iterdir()] == [UNIT]
    assert not (folder(tmp_path) / "logits.safetensors").exists()


@pytest.mark.parametrize(
    "record", [{"x": object()}, {"x": float("nan")}, {"x": {1, 2}}], ids=["object", "nan", "set"]
)
def test_a_record_that_is_not_plain_json_is_refused_and_leaves_nothing(store, tmp_path, record):
    with pytest.raises((TypeError, ValueError)):
        store.write(UNIT, tensors=TENSORS, record=record)

    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("num_files", [0, 1, 3])
def test_a_disk_that_is_full_leaves_the_old_artifact_and_no_temporary_folder(
    written, tmp_path, monkeypatch, num_files
):
    calls = []

    def fail_later(descriptor):
        calls.append(descriptor)
        if len(calls) > num_files:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.artifact_files.folders.os.fsync", fail_later)
    with pytest.raises(ArtifactsFull, match="no space for"):
        written.write(UNIT, tensors=TENSORS, record={"twin": 1})

    assert [path.name for path in folder(tmp_path).parent.iterdir()] == [UNIT]
    assert written.read_record(UNIT) == RECORD_CONTENT


def test_the_manifest_lists_every_file_with_its_size(written, tmp_path):
    manifest = json.loads((folder(tmp_path) / MANIFEST).read_text())

    sizes = {path.name: path.stat().st_size for path in folder(tmp_path).iterdir() if path.name != MANIFEST}
    assert {name: entry["size_bytes"] for name, entry in manifest.items()} == sizes


@pytest.mark.parametrize("content", [b"[]", b"null", b'{"record.json": 1}', b'{"record.json": {}}'])
def test_a_manifest_of_another_shape_is_corrupt(store, tmp_path, content):
    store.write(UNIT, tensors={}, record={"a": 1})
    next(tmp_path.rglob("manifest.json")).write_bytes(content)

    with pytest.raises(ArtifactCorrupt):
        store.read_record(UNIT)


def test_twins_that_write_at_once_leave_one_whole_artifact(store, tmp_path):
    def write(number: int) -> None:
        for _ in range(20):
            store.write(UNIT, tensors={}, record={"writer": number})

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(4)))

    assert store.read_record(UNIT)["writer"] in range(4)
    left = [path.name for path in tmp_path.rglob(f".{UNIT}*")]
    assert left == []


def test_a_reader_sees_one_twin_or_the_other_and_never_a_mixture(store):
    store.write(UNIT, tensors={}, record={"writer": 0})

    def write(number: int) -> None:
        for _ in range(30):
            store.write(UNIT, tensors={}, record={"writer": number})

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write, 1)
        while not writing.done():
            with suppress(ArtifactMissing):  # between two twins there is a moment with neither
                assert store.read_record(UNIT)["writer"] in (0, 1)
        writing.result()


def test_only_the_artifact_that_was_meant_is_removed(store, tmp_path):
    place = Folders(tmp_path)
    old = store.write(UNIT, tensors={}, record={"version": 1})
    new = store.write(UNIT, tensors={}, record={"version": 2})

    assert place.remove(UNIT, old.sha256) == new
    assert store.read_record(UNIT) == {"version": 2}

    assert place.remove(UNIT, new.sha256) is None
    assert place.remove(UNIT, new.sha256) is None  # another scheduler comes late
    assert list(folder(tmp_path).parent.iterdir()) == []


def test_what_a_killed_writer_left_a_day_ago_is_cleared_away_and_nothing_else(written, tmp_path):
    shelf = folder(tmp_path).parent
    for name, age_seconds in (
        (".x.tmp", 90_000),
        (".x.old", 90_000),
        (".now.tmp", 10),
        ("x.corrupt", 90_000),
    ):
        (shelf / name).mkdir()
        (shelf / name / RECORD).touch()
        os.utime(shelf / name, (time.time() - age_seconds,) * 2)

    assert Folders(tmp_path).discard_leftovers() == 2

    assert {path.name for path in shelf.iterdir()} == {".now.tmp", "x.corrupt", UNIT}
    assert written.read_record(UNIT) == RECORD_CONTENT
