"""Seconds to resolve and plan the paper's whole benchmark, 51,228 units. Goal: 5 s."""

import time
from collections import Counter
from pathlib import Path

from core.catalog.registry import installed
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve

GOAL_SECONDS = 5.0
PAPER = Path(__file__).parent.parent / "core" / "specs" / "paper.json"


def main() -> None:
    catalogue = installed()
    started = time.perf_counter()
    units = plan(resolve(parse_job_spec(PAPER.read_bytes()), catalogue))
    seconds = time.perf_counter() - started
    kinds = Counter(planned.unit.kind for planned in units)
    print(
        f"{len(units):,} units in {seconds:.2f} s: " + ", ".join(f"{n:,} {kind}" for kind, n in kinds.items())
    )
    print(f"goal / measured: {GOAL_SECONDS / seconds:.1f}")


if __name__ == "__main__":
    main()
