"""Units a second and idle devices by the number of workers, on units that sleep and on real ones.

Where units sleep, each worker is a process with the code of `lethe worker`, but for its runner, which needs
no torch; database statements are counted, and units of no time tell the rate of the store itself. The real
units train ResNet-18 on digits, evaluate it and fine-tune it, one model seed a worker, by `lethe worker` with
one thread each: no more workers than cores. PostgreSQL is the one that LETHE_TEST_POSTGRES names.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from service_scale import POSTGRES, fresh_database

sys.path.insert(0, str(Path(__file__).parent.parent))  # the workers are those of the tests

from core.catalog.registry import installed
from core.settings import Settings
from core.store import units
from core.store.session import Store
from core.store.states import FINAL_JOB
from tests.worker.deployment import Deployment
from tests.worker.sleepers import submit, work_asleep

FLEETS = (1, 2, 4, 8)
SECONDS, UNIT_SECONDS = 5, 1.0  # of work in a run, and of each unit of it
AT_ONCE = 200  # units of no time, shared by the workers
MODEL_SEEDS = 60
REAL_FLEETS = (1, 2)
REAL_TIMES = {"LETHE_LEASE_SECONDS": "60", "LETHE_BEAT_SECONDS": "5", "LETHE_REAP_SECONDS": "5"}


def main() -> None:
    try:
        with tempfile.TemporaryDirectory() as folder, fresh_database() as url:
            measure(Path(folder), url)
        for workers in REAL_FLEETS:
            with tempfile.TemporaryDirectory() as folder, fresh_database() as url:
                if workers <= (os.cpu_count() or 1):
                    measure_real_units(Path(folder), url, workers)
    except psycopg.OperationalError as error:
        print(f"Skipped: no PostgreSQL answers at {POSTGRES} (LETHE_TEST_POSTGRES): {error}")


def measure(folder: Path, url: str) -> None:
    store = Store(url)
    store.migrate()
    job_id = submit(store, model_seeds=MODEL_SEEDS)
    store.close()
    settings = Settings(var_dir=folder, database_url=url, device="cpu", slots_per_device=max(FLEETS))
    for workers in FLEETS:
        tell(settings, job_id, workers, UNIT_SECONDS, round(SECONDS / UNIT_SECONDS))
    for workers in (FLEETS[0], FLEETS[-1]):
        tell(settings, job_id, workers, 0.0, AT_ONCE // workers)


def measure_real_units(folder: Path, url: str, workers: int) -> None:
    environment = {
        "LETHE_VAR_DIR": str(folder),
        "LETHE_DATABASE_URL": url,
        "LETHE_DEVICE": "cpu",
        **REAL_TIMES,
    }
    store = Store(url)
    store.migrate()
    deployment = Deployment(store, installed(), environment, folder)
    try:
        deployment.start("scheduler")
        for process in [deployment.start("worker") for _ in range(workers)]:
            deployment.wait_for_worker(process)
        job_id = deployment.submit("ft", model="resnet18", model_seeds=tuple(range(workers)))
        while deployment.job(job_id).state not in FINAL_JOB:
            time.sleep(0.5)
        with store.read() as session:
            done = [unit for _, unit in units.job_units(session, job_id, limit=1000)]
    finally:
        deployment.stop()
        store.close()
    begun, ended = [unit.started_at for unit in done], [unit.finished_at for unit in done]
    seconds = (max(ended) - min(begun)).total_seconds()
    busy = sum((end - start).total_seconds() for start, end in zip(begun, ended, strict=True))
    rate = f"units of {busy / len(done):.1f} s: {60 * len(done) / seconds:.1f} a minute"
    print(f"workers {workers}, real {rate}, devices idle {1 - busy / (workers * seconds):.0%}", flush=True)


def tell(settings: Settings, job_id: str, workers: int, unit_seconds: float, each: int) -> None:
    shifts = work_asleep(settings, job_id, workers=workers, unit_seconds=unit_seconds, most=each)
    done = sum(shift.units for shift in shifts)
    seconds = max(shift.seconds for shift in shifts)
    statements = sum(shift.statements for shift in shifts) / done
    idle = f", devices idle {1 - unit_seconds * done / (workers * seconds):.0%}" if unit_seconds else ""
    print(
        f"workers {workers}, units of {unit_seconds:g} s: {done / seconds:.1f} units/s{idle}, "
        f"{statements:.0f} statements a unit",
        flush=True,
    )


if __name__ == "__main__":
    main()
