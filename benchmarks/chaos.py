"""A job under faults at random, for as long as you like, on servers of its own: it must end bit for bit as an
undisturbed one. The longer sister of tests/worker/test_chaos.py.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the faults are those of the tests

from tests.plugins import catalogue_with, install_plugin
from tests.servers import own_postgres, own_redis
from tests.worker.chaos import require_same_in_chaos

SECONDS_PER_MODEL_SEED = 10  # of two workers that are hit all the time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long faults hit")
    parser.add_argument("--seed", type=int, default=0, help="of their order, moments and victims")
    given = parser.parse_args()
    seeds = max(2, round(given.seconds / SECONDS_PER_MODEL_SEED))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, own_postgres() as postgres, own_redis() as redis:
        folder = Path(name)
        build, target = folder / "build", folder / "plugin"
        build.mkdir()
        target.mkdir()
        with catalogue_with(install_plugin(build, target)) as catalogue:
            hits = require_same_in_chaos(
                folder,
                target,
                catalogue,
                (postgres, redis),
                seconds=given.seconds,
                seed=given.seed,
                model_seeds=seeds,
            )
    print(f"{hits.total()} faults on a job of {seeds} model seeds: every result as undisturbed,")
    print(f"all done after {time.monotonic() - started:.0f} s")
    for fault, times in hits.most_common():
        print(f"  {times:3} {fault}")


if __name__ == "__main__":
    main()
