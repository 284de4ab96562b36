"""Artifacts in an object store, on a server that speaks S3: whole or not there, and never read wrong."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from fsspec.core import url_to_fs
from s3fs import S3FileSystem

from core.artifact_files.cache import ContentCache
from core.artifact_files.objects import Objects
from core.artifact_files.storage import open_storage
from core.artifacts import ArtifactStore
from core.errors import ArtifactCorrupt, ArtifactMissing, DeploymentInvalid
from core.settings import Settings
from tests.services import running_s3

UNIT = "ab" + "0" * 62
TENSORS = {"model": {"weight": torch.arange(6.0).view(2, 3)}}
RECORD = {"is_usable": True, "device": "a «CPU»"}
LIMIT = 10**6


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    with running_s3(tmp_path_factory.mktemp("s3")) as s3, pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        yield s3


@pytest.fixture
def url(s3, tmp_path) -> str:
    """A prefix of the test's own."""
    return f"s3://{s3.bucket}/{tmp_path.name}"


@pytest.fixture
def storage(url, tmp_path) -> Objects:
    return Objects(url, ContentCache(tmp_path / "cache", LIMIT))


@pytest.fixture
def written(storage) -> ArtifactStore:
    """A store with one artifact in it."""
    store = ArtifactStore(storage)
    store.write(UNIT, tensors=TENSORS, record=RECORD)
    return store


@pytest.fixture
def elsewhere(url, tmp_path) -> ArtifactStore:
    """The same store, from a machine that has nothing of it yet."""
    return ArtifactStore(Objects(url, ContentCache(tmp_path / "other", LIMIT)))


class Bucket:
    """What lies under the test's prefix."""

    def __init__(self, url: str) -> None:
        self.files, self.root = url_to_fs(url, use_listings_cache=False)

    def names(self) -> list[str]:
        return sorted(path.rsplit("/", 1)[1] for path in self.files.find(self.root))

    def path(self, ending: str) -> str:
        (path,) = [path for path in self.files.find(self.root) if path.endswith(ending)]
        return path

    def put(self, ending: str, content: bytes) -> None:
        self.files.pipe_file(self.path(ending), content)

    def get(self, ending: str) -> bytes:
        return self.files.cat_file(self.path(ending))


@pytest.fixture
def bucket(url) -> Bucket:
    return Bucket(url)


def read_everything(store: ArtifactStore):
    return store.read_tensors(UNIT, "model"), store.read_record(UNIT)


def require_corrupt_and_set_aside(store: ArtifactStore, bucket: Bucket) -> None:
    with pytest.raises(ArtifactCorrupt) as raised:
        read_everything(store)
    assert raised.value.unit_id == UNIT
    assert "manifest.corrupt.json" in bucket.names()
    with pytest.raises(ArtifactMissing):
        read_everything(store)


@pytest.mark.parametrize("reader", ["written", "elsewhere"])
def test_what_was_written_is_read_again_on_any_machine(written, request, reader):
    model, record = read_everything(request.getfixturevalue(reader))

    assert record == RECORD
    assert torch.equal(model["weight"], TENSORS["model"]["weight"])


def test_what_was_never_written_is_missing(storage):
    with pytest.raises(ArtifactMissing, match="must run again"):
        read_everything(ArtifactStore(storage))


@pytest.mark.parametrize("ending", [".model.safetensors", ".record.json"])
@pytest.mark.parametrize("position", [0, -1])
def test_a_flipped_byte_in_the_store_is_noticed(written, elsewhere, bucket, ending, position):
    content = bytearray(bucket.get(ending))
    content[position] ^= 1
    bucket.put(ending, bytes(content))

    require_corrupt_and_set_aside(elsewhere, bucket)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"record.json": 1}', b"{}"])
def test_a_manifest_of_another_shape_is_noticed(written, bucket, content):
    bucket.put("/manifest.json", content)

    require_corrupt_and_set_aside(written, bucket)


def test_a_file_that_is_gone_is_noticed(written, elsewhere, bucket):
    bucket.files.rm_file(bucket.path(".record.json"))

    require_corrupt_and_set_aside(elsewhere, bucket)


def test_a_corrupt_artifact_can_be_written_again(written, bucket):
    bucket.put("/manifest.json", b"")
    with pytest.raises(ArtifactCorrupt):
        read_everything(written)

    written.write(UNIT, tensors=TENSORS, record={"again": True})

    assert read_everything(written)[1] == {"again": True}


def test_a_flipped_byte_in_the_cache_is_noticed_and_fetched_again(written, tmp_path):
    for path in (tmp_path / "cache").iterdir():
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)

    for _ in range(2):
        assert read_everything(written)[1] == RECORD


def test_what_is_in_the_cache_is_not_fetched_again(written, elsewhere, bucket):
    read_everything(elsewhere)
    bucket.files.rm_file(bucket.path(".model.safetensors"))

    assert read_everything(elsewhere)[1] == RECORD


def test_the_cache_drops_what_was_used_longest_ago(tmp_path):
    cache = ContentCache(tmp_path, 250)
    contents = [bytes([number]) * 100 for number in range(3)]
    names = [hashlib.sha256(content).hexdigest() for content in contents]
    for age, name, content in zip((30, 20), names, contents, strict=False):
        cache.put(name, content)
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    cache.get(names[0])

    cache.put(names[2], contents[2])

    assert [cache.get(name) is not None for name in names] == [True, False, True]


def test_a_cache_of_no_size_keeps_nothing(url, tmp_path):
    store = ArtifactStore(Objects(url, ContentCache(tmp_path / "none", 0)))
    store.write(UNIT, tensors=TENSORS, record=RECORD)

    assert read_everything(store)[1] == RECORD
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("num_puts", [0, 1, 2])
def test_a_write_that_is_cut_short_shows_nothing(storage, bucket, monkeypatch, num_puts):
    left = iter(range(num_puts))
    do = Objects._do

    def cut(self, method, *arguments):
        if method == "pipe_file" and next(left, None) is None:
            raise OSError("the worker was killed")
        return do(self, method, *arguments)

    monkeypatch.setattr(Objects, "_do", cut)
    with pytest.raises(OSError, match="killed"):
        ArtifactStore(storage).write(UNIT, tensors=TENSORS, record=RECORD)
    monkeypatch.undo()

    assert len(bucket.names()) == num_puts
    with pytest.raises(ArtifactMissing):
        read_everything(ArtifactStore(storage))


def test_twins_that_write_at_once_leave_one_whole_artifact(storage):
    store = ArtifactStore(storage)

    def write(number: int) -> None:
        for _ in range(5):
            store.write(UNIT, tensors={}, record={"writer": number})

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(4)))

    assert store.read_record(UNIT)["writer"] in range(4)


def test_only_the_artifact_that_was_meant_is_removed(storage, bucket):
    store = ArtifactStore(storage)
    old = store.write(UNIT, tensors={}, record={"version": 1})
    new = store.write(UNIT, tensors={}, record={"version": 2})

    assert storage.remove(UNIT, old.sha256) == new
    assert store.read_record(UNIT) == {"version": 2}

    assert storage.remove(UNIT, new.sha256) is None
    assert storage.remove(UNIT, new.sha256) is None  # another scheduler comes late
    with pytest.raises(ArtifactMissing):
        store.read_record(UNIT)
    assert not [name for name in bucket.names() if name == "manifest.json"]


def test_a_store_that_can_be_used_is_ready_and_one_without_a_bucket_says_so(storage, tmp_path):
    storage.require_writable()

    nowhere = Objects("s3://no-such-bucket/x", ContentCache(tmp_path, LIMIT))
    with pytest.raises(DeploymentInvalid, match=r"no bucket 'no-such-bucket'.*LETHE_ARTIFACTS_URL"):
        nowhere.require_writable()


def test_a_scheme_that_nothing_is_installed_for_is_refused(tmp_path):
    settings = Settings(var_dir=tmp_path, artifacts_url="nonsense://x")
    with pytest.raises(DeploymentInvalid, match="LETHE_ARTIFACTS_URL"):
        open_storage(settings).require_writable()


@pytest.mark.parametrize("form", ["{path}", "file://{path}"])
def test_a_path_is_a_directory(tmp_path, form):
    storage = open_storage(Settings(artifacts_url=form.format(path=tmp_path / "a b")))

    ArtifactStore(storage).write(UNIT, tensors={}, record=RECORD)

    assert (tmp_path / "a b" / "ab" / UNIT / "record.json").is_file()


def test_a_server_that_is_away_is_the_machines_trouble_not_the_artifacts(s3, url, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(S3FileSystem, "retries", 1)
    monkeypatch.setattr(S3FileSystem, "_cache", {})  # fsspec would give out the client of the other server
    storage = Objects(url, ContentCache(tmp_path, LIMIT))

    with pytest.raises(DeploymentInvalid, match="cannot be used"):
        storage.require_writable()
    with pytest.raises(OSError, match="Could not connect"):
        ArtifactStore(storage).read_record(UNIT)
