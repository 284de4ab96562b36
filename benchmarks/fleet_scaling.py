"""Units a second, idle devices and database statements, by the number of workers, on units that sleep.

Each worker is a process with the code of `lethe worker`, but for its runner, which sleeps and needs no torch.
PostgreSQL is the one that LETHE_TEST_POSTGRES names. Units of no time tell the rate of the store itself.
"""

import sys
import tempfile
from pathlib import Path

import psycopg
from service_scale import POSTGRES, fresh_database

sys.path.insert(0, str(Path(__file__).parent.parent))  # the workers are those of the tests

from core.settings import Settings
from core.store.session import Store
from tests.worker.sleepers import submit, work_asleep

FLEETS = (1, 2, 4, 8)
SECONDS, UNIT_SECONDS = 5, 1.0  # of work in a run, and of each unit of it
AT_ONCE = 200  # units of no time, shared by the workers
MODEL_SEEDS = 60


def main() -> None:
    try:
        with tempfile.TemporaryDirectory() as folder, fresh_database() as url:
            measure(Path(folder), url)
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
