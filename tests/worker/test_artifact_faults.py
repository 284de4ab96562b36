"""What becomes of artifacts when a disk is full, bytes flip, or a budget is too small: real processes, a real
small disk, a real server that speaks S3.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fsspec.core import url_to_fs
from sqlalchemy import func, select

from core.artifact_files.folders import Folders
from core.artifact_files.manifest import MANIFEST
from core.store import artifacts, workers
from core.store.states import JobState, UnitState, WorkerState
from core.store.tables import EventRow, ResultRow, UnitRow
from tests.services import running_s3
from tests.worker.deployment import embedded, fleet

ORIGINAL, RETRAINED = "train the original model", "train the retrained model"
KILOBYTE = 1000
LITTLE = {"LETHE_MIN_FREE_GB": "0.00003"}  # 30 kB; the units of a job write 300


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"A small disk cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def leave(disk: Path, free_bytes: int) -> None:
    """Fill the disk, or empty it again, until this much is free."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    filler.write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - free_bytes))


def worker_states(deployment) -> list[str]:
    with deployment.store.read() as session:
        return [worker.state for worker in workers.list_workers(session)]


def reasons(deployment, *, unit_id: str | None = None) -> list[str]:
    """Why what happened to the units, or to one, happened, in order."""
    with deployment.store.read() as session:
        rows = select(EventRow.reason).order_by(EventRow.id)
        if unit_id is not None:
            rows = rows.where(EventRow.unit_id == unit_id)
        return list(session.scalars(rows))


@embedded
def test_a_full_disk_shows_nothing_half_written_and_work_goes_on_when_there_is_space(
    deployment, tmp_path, recovery
):
    with small_disk(tmp_path / "disk") as disk:
        settings = {**LITTLE, "LETHE_ARTIFACTS_URL": str(disk / "artifacts")}
        leave(disk, 20 * KILOBYTE)
        deployment.start("scheduler", **settings)
        deployment.start("worker", **settings)
        job_id = deployment.submit("toy_noise", "ga")
        deployment.wait_until(
            lambda: worker_states(deployment) == [WorkerState.DISK_FULL], "the worker to wait"
        )
        assert "claimed" not in reasons(deployment)

        leave(disk, 110 * KILOBYTE)  # both models fit, but not what is measured on them
        deployment.wait_until(lambda: "disk_full" in reasons(deployment), "an artifact to find no space")
        deployment.wait_until(
            lambda: worker_states(deployment) == [WorkerState.DISK_FULL], "the worker to wait"
        )
        require_whole(disk / "artifacts")
        done = deployment.job(job_id).units[UnitState.DONE]

        (disk / "filler").unlink()
        with recovery("disk full while an artifact was written: from new space until its unit was done"):
            deployment.wait_until(
                lambda: deployment.job(job_id).units[UnitState.DONE] > done, "the next unit to be done"
            )

        assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED
        require_whole(disk / "artifacts")
        require_each_result_once(deployment)
        with deployment.store.read() as session:
            assert set(session.scalars(select(UnitRow.attempt))) == {1}  # nobody was charged for the disk


@fleet
def test_in_s3_a_corrupt_artifact_is_made_again_and_so_is_an_evicted_one(deployment, tmp_path, recovery):
    with running_s3(tmp_path) as s3, pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        url = f"s3://{s3.bucket}/lethe"
        files, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
        settings = {"LETHE_ARTIFACTS_URL": url}
        deployment.start("scheduler", **settings)
        worker = deployment.start("worker", **settings)
        deployment.wait_for_end(deployment.submit("toy_noise"))
        worker.kill()  # it still has the original in memory
        worker.wait()
        original = deployment.unit(ORIGINAL)
        (model,) = [path for path in files.find(f"{root}/{original.id[:2]}/{original.id}") if "model" in path]
        content = bytearray(files.cat_file(model))
        content[-1] ^= 1
        files.pipe_file(model, bytes(content))

        deployment.start("worker", **settings, LETHE_CACHE_DIR=str(tmp_path / "another machine"))
        job_id = deployment.submit("ga")
        with recovery("corrupt object in S3: until its unit was done again"):
            deployment.wait_until(
                lambda: reasons(deployment, unit_id=original.id).count("done") == 2,
                "the original to be made again",
            )
        assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED
        assert "artifact_broken" in reasons(deployment, unit_id=original.id)

        deployment.start("scheduler", **settings, LETHE_ARTIFACTS_BUDGET_GB="0.000000001")
        deployment.wait_until(lambda: stored_bytes(deployment) == 0, "everything to be evicted")
        assert [path for path in files.find(root) if path.endswith(f"/{MANIFEST}")] == []
        assert deployment.wait_for_end(deployment.submit("ft")).state == JobState.SUCCEEDED
        assert reasons(deployment, unit_id=deployment.unit(RETRAINED).id).count("done") == 2
        require_each_result_once(deployment)


def stored_bytes(deployment) -> int:
    with deployment.store.read() as session:
        return artifacts.stored_bytes(session)


def require_whole(root: Path) -> None:
    """Check that every artifact that is there can be read, and that nothing else is."""
    folders = [folder for shelf in root.iterdir() for folder in shelf.iterdir()]
    assert folders
    for folder in folders:
        for path in folder.iterdir():
            if path.name != MANIFEST:
                assert Folders(root).read(folder.name, path.name) == path.read_bytes()


def require_each_result_once(deployment) -> None:
    with deployment.store.read() as session:
        counts = session.scalars(select(func.count()).select_from(ResultRow).group_by(ResultRow.unit_id))
        assert set(counts) == {1}
