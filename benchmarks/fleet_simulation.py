"""How far one store carries a fleet: the paper's plan on 1,000 workers, by the service's own code and a
virtual clock.

Every claim, every finish and the reaper's turns are the real transactions, on SQLite; units take no time but
on the clock that the store reads. Transactions take turns, as they do in the service, and each takes on the
virtual clock the processor time that it took here. Beats need no turn on PostgreSQL: what they take is told
beside it. `--trials 100` is the whole plan, four minutes of a processor.
"""

import argparse
import heapq
import json
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

from core.catalog.registry import installed
from core.estimate import flop_by_unit
from core.plan import plan
from core.settings import Settings
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import jobs, slots, units, workers
from core.store.session import EPOCH_JULIAN_DAY, Store
from core.store.units import Lease
from worker.work import PROGRESS_SECONDS

PAPER = Path(__file__).parent.parent / "core" / "specs" / "paper.json"
START = 1.8e9  # seconds since the epoch, on the virtual clock
NEVER = 1e9  # seconds: leases do not end here
UNIT_SECONDS = 0.2  # of a unit whatever it computes
SAMPLE = 200  # beats
REAP_SAMPLE_SECONDS = 60.0

T = TypeVar("T")


@dataclass
class Simulation:
    """A store, its clock, and what its transactions took."""

    store: Store
    settings: Settings
    now: float = 0.0
    free_at: float = 0.0
    background: float = 0.0  # share of the store's time that a reaper takes
    took: dict[str, list[float]] = field(default_factory=dict)
    statements: Counter[str] = field(default_factory=Counter)
    kind: str = ""  # of the transaction that runs

    def __post_init__(self) -> None:
        @event.listens_for(self.store.engine, "before_cursor_execute")
        def _count(*_: object) -> None:
            self.statements[self.kind] += 1

        @event.listens_for(self.store.engine, "connect")
        def _virtual(connection: sqlite3.Connection, _record: object) -> None:
            connection.create_function(
                "julianday", 1, lambda _: EPOCH_JULIAN_DAY + (START + self.now) / 86400
            )

    def transact(self, kind: str, change: Callable[..., T], *args: object, **options: object) -> T:
        """Run a transaction when its turn comes; it ends at `free_at`."""
        self.now, self.kind = max(self.now, self.free_at), kind
        began = time.process_time()
        with self.store.write() as session:
            answer = change(session, *args, **options)
        seconds = time.process_time() - began
        self.took.setdefault(kind, []).append(seconds)
        self.free_at = self.now + seconds / (1 - self.background)
        return answer

    def measure_beats(self, lease: Lease, owner: str) -> None:
        """What a beat takes, and a turn of the reaper, whose turns are from here on in the background."""
        for _ in range(SAMPLE):
            self.transact("unit beat", units.beat, lease, NEVER, progress=0.5, progress_text="half")
            self.transact("worker beat", workers.worker_beat, owner, state="busy", unit_id=lease.unit_id)
        self.transact("reap", units.reap)
        self.background = mean(self.took["reap"]) / self.settings.reap_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate a large fleet on the real store.")
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=1, help="of each sweep; the paper has 100")
    parser.add_argument("--teraflops", type=float, default=20.0, help="what a device sustains")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/lethe.db")
        store.migrate()
        simulate(Simulation(store, Settings(var_dir=Path(folder))), given)
        store.engine.dispose()


def simulate(simulation: Simulation, given: argparse.Namespace) -> None:
    seconds_of = submit_paper(simulation, given)
    owners = [f"w{number}" for number in range(given.workers)]
    for owner in owners:
        simulation.transact("register", register, owner)
    finishes: list[tuple[float, int, str, Lease]] = []
    idle = list(reversed(owners))
    began, busy, done, next_reap = simulation.free_at, 0.0, 0, 0.0

    def start(owner: str) -> bool:
        lease = simulation.transact("claim", claim, owner)
        if lease is None:
            idle.append(owner)
            return False
        heapq.heappush(
            finishes, (simulation.free_at + seconds_of[lease.unit_id], len(finishes), owner, lease)
        )
        return True

    def ring() -> None:
        """What the scheduler does for idle workers, twice a second."""
        ready = simulation.transact("count ready", units.ready_by_queue).get(jobs.QUEUE, 0)
        for _ in range(min(ready, len(idle))):
            start(idle.pop())

    ring()
    _, _, owner, lease = finishes[0]
    simulation.measure_beats(lease, owner)
    next_ring = simulation.free_at
    while finishes:
        at, _, owner, lease = finishes[0]
        if idle and next_ring < at:
            simulation.now = next_ring
            ring()
            next_ring = max(next_ring + simulation.settings.ring_seconds, simulation.free_at)
            if finishes and finishes[0][0] > next_ring and not any_ready(simulation):
                next_ring = finishes[0][0]  # nothing can get ready before
            continue
        heapq.heappop(finishes)
        simulation.now = at
        text = f"Done: {lease.title}."
        assert simulation.transact(
            "finish", units.finish, lease, owner=owner, runtime_seconds=1.0, artifact={}, text=text
        )
        busy, done = busy + seconds_of[lease.unit_id], done + 1
        if simulation.now >= next_reap:
            next_reap = simulation.now + REAP_SAMPLE_SECONDS
            simulation.transact("reap", units.reap)
        start(owner)
    report(simulation, given, done, busy, simulation.free_at - began)
    assert done == len(seconds_of)


def submit_paper(simulation: Simulation, given: argparse.Namespace) -> dict[str, float]:
    """Submit the plan; the seconds of each unit by the cost model."""
    document = json.loads(PAPER.read_bytes())
    document["sweep"]["trials"] = given.trials
    spec = parse_job_spec(json.dumps(document))
    catalogue = installed()
    job = resolve(spec, catalogue)
    planned = plan(job)
    simulation.transact("submit", jobs.submit, spec, job, planned, actor="simulation")
    flop = flop_by_unit(planned, catalogue)
    return {unit: UNIT_SECONDS + flop[unit] / (given.teraflops * 1e12) for unit in flop}


def register(session: Session, owner: str) -> None:
    workers.register(session, owner, host=owner, pid=1, queues=[jobs.QUEUE], device="virtual", version="1")
    session.flush()
    slots.claim_slot(session, owner, [f"GPU-{owner}"], slots_per_device=1, lease_seconds=NEVER)


def claim(session: Session, owner: str) -> Lease | None:
    return units.claim(session, jobs.QUEUE, owner, NEVER) if workers.may_claim(session, owner) else None


def any_ready(simulation: Simulation) -> bool:
    with simulation.store.read() as session:
        return bool(units.ready_by_queue(session))


def report(
    simulation: Simulation, given: argparse.Namespace, done: int, busy: float, makespan: float
) -> None:
    print(f"{done:,} units ({given.trials} trials a sweep) on {given.workers:,} workers:")
    idle = 1 - busy / (given.workers * makespan)
    print(f"  {busy / 3600:,.0f} device-hours in {makespan / 3600:.2f} hours; idle {idle:.0%}")
    for kind, taken in simulation.took.items():
        ordered = sorted(taken)
        last = mean(taken[-max(len(taken) // 10, 1) :])
        print(
            f"  {kind}: {len(taken):,} times, mean {mean(taken) * 1e3:.1f} ms, "
            f"p99 {ordered[int(0.99 * (len(ordered) - 1))] * 1e3:.1f} ms, at the end {last * 1e3:.1f} ms"
        )
    each = mean(simulation.took["claim"]) + mean(simulation.took["finish"])
    can = (1 - simulation.background) / each
    a_unit = sum(simulation.statements[kind] for kind in ("claim", "finish")) / done
    print(f"  {a_unit:.1f} statements a unit, its claim and its finish, beats and log lines left out")
    print(f"  units a second: needed {done / makespan:.1f}; the store can {can:.1f}")
    shortest = given.workers / can
    print(f"  the limit for units below {shortest:.0f} s; here the mean is {busy / done:.0f} s")
    beats = mean(simulation.took["unit beat"]) / PROGRESS_SECONDS
    beats += mean(simulation.took["worker beat"]) / simulation.settings.beat_seconds
    print(f"  beats, beside the turns: {given.workers * beats:.2f} processors")


if __name__ == "__main__":
    main()
