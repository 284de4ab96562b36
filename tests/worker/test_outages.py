"""Faults under a fleet at work, on servers of its own: nothing is lost, nothing is done twice, and what was
not a unit's fault is not charged to it.
"""

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from core.settings import Settings
from core.store import jobs, workers
from core.store.states import JobState, UnitState
from core.store.tables import EventRow, JobRow
from tests.e2e.service import free_port
from tests.worker.deployment import LEASE_SECONDS, SLEEPER, Deployment, sleeper
from worker.app import create_celery, ring

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
OUTAGE_SECONDS = 2 * LEASE_SECONDS
NETWORKS = list(ip_network("10.203.0.0/16").subnets(new_prefix=30))
seeds = itertools.count()


@pytest.fixture(autouse=True)
def nothing_is_done_twice(fleet):
    yield
    fleet.require_once()
    fleet.require_order()


def submit_sleeper(fleet: Deployment, seconds: float) -> str:
    """A job with a unit that no test before has had, and that takes so long."""
    return fleet.submit(sleeper(seconds), model_seeds=(next(seeds),))


def wait_for_sleep(fleet: Deployment, job_id: str) -> None:
    """Until the unit was claimed, which stays true however late one looks."""
    fleet.wait_until(lambda: fleet.units_of(job_id)[SLEEPER].attempt == 1, "the unit to run")


@contextmanager
def alone(fleet: Deployment, fault: str = "", **options: object) -> Iterator["subprocess.Popen[bytes]"]:
    """Another worker, with a fault in it, that works while the healthy ones rest; it is killed at the end."""
    faulty = fleet.start("worker", fault=fault, **options)
    fleet.wait_for_worker(faulty)
    running = [process.pid for process in fleet.processes if process.poll() is None]
    others = [pid for pid in fleet.workers() if pid in running and pid != faulty.pid]
    steer(fleet, others, is_drained=True)
    try:
        yield faulty
    finally:
        steer(fleet, others, is_drained=False)
        faulty.kill()
        faulty.wait()


def steer(fleet: Deployment, pids: list[int], *, is_drained: bool) -> None:
    found = fleet.workers()
    with fleet.store.write() as session:
        for pid in pids:
            workers.set_drained(session, found[pid].id, is_drained=is_drained)


def events(fleet: Deployment, job_id: str, reason: str) -> int:
    """How often this has happened to the job's units."""
    ids = [unit.id for unit in fleet.units_of(job_id).values()]
    with fleet.store.read() as session:
        found = select(func.count()).where(EventRow.unit_id.in_(ids), EventRow.reason == reason)
        return session.scalar(found)


def test_a_redis_that_starts_again_empty_costs_no_work(fleet, redis_server, recovery):
    under_way = submit_sleeper(fleet, 1)
    wait_for_sleep(fleet, under_way)

    redis_server.kill()
    waiting = submit_sleeper(fleet, 0)
    redis_server.start()
    with recovery("Redis killed, started again empty: until another job is done"):
        assert fleet.wait_for_end(waiting).state == JobState.SUCCEEDED

    assert fleet.wait_for_end(under_way).state == JobState.SUCCEEDED
    assert fleet.units_of(under_way)[SLEEPER].attempt == 1


def test_a_postgres_that_dies_and_starts_again_costs_no_attempt(fleet, postgres_server, recovery):
    job_id = submit_sleeper(fleet, LEASE_SECONDS / 2)
    wait_for_sleep(fleet, job_id)

    postgres_server.stop("immediate")
    time.sleep(LEASE_SECONDS / 2)  # so that the unit ends while nobody can hear of it
    postgres_server.start()
    with recovery("Postgres dead for half a lease while a unit ended: until it was published"):
        assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED

    assert fleet.units_of(job_id)[SLEEPER].attempt == 1


def test_a_postgres_that_nobody_reaches_for_two_leases_costs_no_attempt(fleet, postgres_server, recovery):
    job_id = submit_sleeper(fleet, OUTAGE_SECONDS)
    wait_for_sleep(fleet, job_id)

    with postgres_server.frozen():
        time.sleep(OUTAGE_SECONDS)
    with recovery(f"Postgres frozen for {OUTAGE_SECONDS:g} s: until the unit that ran was published"):
        assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED

    assert fleet.units_of(job_id)[SLEEPER].attempt == 1


def test_a_bell_that_comes_five_times_is_heard_once(fleet, recovery):
    settings = Settings(broker_url=fleet.environment["LETHE_BROKER_URL"], var_dir=fleet.var_dir)
    celery = create_celery(settings)
    job_id = submit_sleeper(fleet, 1)
    for _ in range(5):
        ring(celery, jobs.QUEUE)
        celery.send_task("lethe.ring", args=["nobody"], queue=jobs.QUEUE)  # a forged one

    with recovery("the same bell five times, and five forged ones: until the job was done"):
        assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED

    assert events(fleet, job_id, "claimed") == len(fleet.units_of(job_id))


def test_two_schedulers_requeue_the_unit_of_a_killed_worker_once(fleet, recovery):
    with alone(fleet) as doomed:
        job_id = submit_sleeper(fleet, LEASE_SECONDS)
        wait_for_sleep(fleet, job_id)
        doomed.kill()
    with recovery("worker killed while it unlearned, two schedulers: until its unit ran again"):
        fleet.wait_until(lambda: fleet.units_of(job_id)[SLEEPER].attempt == 2, "the unit to run again")

    assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED
    assert events(fleet, job_id, "worker_lost") == 1


@pytest.mark.parametrize("kind", ["train", "trial"])
def test_a_worker_killed_in_training_or_in_a_trial_loses_only_that_run(fleet, recovery, kind):
    seed = next(seeds)
    unlearner = {"train": "toy_noise", "trial": {"id": "toy_sleeper"}}[kind]
    sweep = {"train": None, "trial": {"seeds": [seed], "trials": 1}}[kind]
    model = {"train": "toy_slow_net", "trial": "toy_net"}[kind]

    def attempts() -> list[int]:
        return [unit.attempt for unit in fleet.units_of(job_id).values() if unit.kind == kind]

    with alone(fleet) as doomed:
        job_id = fleet.submit(unlearner, model=model, model_seeds=(seed,), sweep=sweep)
        fleet.wait_until(lambda: (kind, UnitState.RUNNING) in kinds_and_states(fleet, job_id), f"a {kind}")
        doomed.kill()
    with recovery(f"worker killed in a {kind} unit: until it ran again"):
        fleet.wait_until(lambda: 2 in attempts(), "the unit to run again")

    assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED
    assert events(fleet, job_id, "worker_lost") == 1


def kinds_and_states(fleet: Deployment, job_id: str) -> set[tuple[str, UnitState]]:
    return {(unit.kind, unit.state) for unit in fleet.units_of(job_id).values()}


def test_a_worker_whose_clock_is_minutes_ahead_works_like_any_other(fleet, recovery):
    with alone(fleet, "clock+420"):
        job_id = submit_sleeper(fleet, 2 * LEASE_SECONDS)

        with recovery(f"clocks 14 minutes apart: until a unit of {2 * LEASE_SECONDS:g} s was done"):
            assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED

    assert events(fleet, job_id, "claimed") == len(fleet.units_of(job_id))


@pytest.mark.parametrize("fault", ["kill-in-publish", "kill-after-publish"])
def test_a_worker_killed_while_it_publishes_publishes_all_or_nothing(fleet, recovery, fault):
    with alone(fleet, fault) as doomed:
        job_id = submit_sleeper(fleet, 0)
        assert doomed.wait() == -signal.SIGKILL
        published = [unit for unit in fleet.units_of(job_id).values() if unit.state == UnitState.DONE]
        assert len(published) == (fault == "kill-after-publish")
    with recovery(f"worker killed {fault.removeprefix('kill-').replace('-', ' ')}: until its job was done"):
        assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED

    assert events(fleet, job_id, "done") == len(fleet.units_of(job_id))


def test_a_worker_that_freezes_while_it_publishes_holds_nobody_up_for_long(fleet, recovery):
    with alone(fleet, "freeze-in-publish") as frozen:
        job_id = submit_sleeper(fleet, 0)
        fleet.wait_until(lambda: is_stopped(frozen.pid), "the worker to freeze")
        with recovery("worker frozen in the middle of its transaction: until others could write again"):
            steer(fleet, [frozen.pid], is_drained=False)
        with recovery("… and until the unit ran elsewhere"):
            steer(fleet, [process.pid for process in fleet.processes[2:4]], is_drained=False)
            assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED
        frozen.send_signal(signal.SIGCONT)
        fleet.wait_for_worker(frozen)

    assert events(fleet, job_id, "worker_lost") == 1


@pytest.mark.parametrize("fault", ["kill-in-submit", "kill-after-submit"])
def test_a_submission_to_an_api_that_is_killed_can_be_sent_again(fleet, recovery, fault):
    spec = {
        "settings": [{"dataset": "digits", "model": "toy_net"}],
        "unlearners": ["toy_noise"],
        "model_seeds": [next(seeds)],
    }
    port = free_port()
    where = {"LETHE_PORT": str(port)}

    def send() -> httpx.Response:
        url = f"http://127.0.0.1:{port}/api/v1/jobs"
        return httpx.post(url, json=spec, headers={"Idempotency-Key": fault}, timeout=30)

    doomed = fleet.start("api", fault=fault, **where)
    fleet.wait_until(lambda: is_ready(port), "the API")
    before = count_jobs(fleet)
    with pytest.raises(httpx.TransportError):
        send()
    assert doomed.wait() == -signal.SIGKILL
    with recovery(f"API killed {fault.removeprefix('kill-').replace('-', ' ')}: until another one answered"):
        fleet.start("api", **where)
        fleet.wait_until(lambda: is_ready(port), "the other API")
        answer = send()

    assert answer.status_code == 202
    assert count_jobs(fleet) == before + 1
    assert fleet.wait_for_end(answer.json()["id"]).state == JobState.SUCCEEDED


def test_a_worker_that_is_cut_off_publishes_nothing_and_comes_back(
    fleet, postgres_server, redis_server, recovery
):
    with own_network() as (within, address, cut, heal):
        redis_server.listen_also(address)
        postgres_server.stop("fast")
        postgres_server.address = f"127.0.0.1,{address}"
        postgres_server.start()
        urls = {
            name: fleet.environment[name].replace("127.0.0.1", address)
            for name in ("LETHE_DATABASE_URL", "LETHE_BROKER_URL")
        }
        with alone(fleet, within=within, **urls) as lonely:
            job_id = submit_sleeper(fleet, LEASE_SECONDS)
            wait_for_sleep(fleet, job_id)
            cut()
            steer(fleet, [process.pid for process in fleet.processes[2:4]], is_drained=False)
            with recovery("worker cut off by its network: until its unit was done elsewhere"):
                assert fleet.wait_for_end(job_id).state == JobState.SUCCEEDED
            heal()
            with recovery("… and, its network back, until it could work again"):
                fleet.wait_for_worker(lonely)

    assert events(fleet, job_id, "worker_lost") == 1


@contextmanager
def own_network() -> Iterator[tuple[list[str], str, Callable[[], None], Callable[[], None]]]:
    """A network namespace on a cable to this machine: the command that runs another in it, this machine's
    address for it, what cuts the cable (packets vanish, nobody is told), and what mends it.
    """
    space, near, far = (f"lethe{os.getpid()}{end}" for end in "snf")
    # Its own, so that what a killed run has left behind is in nobody's way.
    here, there = (str(host) for host in NETWORKS[os.getpid() % len(NETWORKS)].hosts())

    def ip(*arguments: str) -> None:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"Network namespaces are not permitted: {done.stderr}")

    ip("netns", "add", space)
    try:
        ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
        ip("addr", "add", f"{here}/30", "dev", near)
        ip("link", "set", near, "up")
        ip("-n", space, "addr", "add", f"{there}/30", "dev", far)
        ip("-n", space, "link", "set", far, "up")
        within = ["ip", "netns", "exec", space]
        yield (
            within,
            here,
            lambda: ip("link", "set", near, "down"),
            lambda: ip("link", "set", near, "up"),
        )
    finally:
        subprocess.run(["ip", "netns", "del", space], capture_output=True)


def count_jobs(fleet: Deployment) -> int:
    with fleet.store.read() as session:
        return session.scalar(select(func.count()).select_from(JobRow))


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False


def is_stopped(pid: int) -> bool:
    return "\nState:\tT" in Path(f"/proc/{pid}/status").read_text()
