"""Slots on devices: who gets one, who loses one, and what sharing does to run times."""

import pytest
from sqlalchemy import update

from core.store import results, slots, units, workers
from core.store.results import ResultRecord
from core.store.tables import WorkerRow

CARDS = ["GPU-1", "GPU-2"]


def start(
    bench, worker_id: str, devices=("host-a",), slots_per_device: int = 1, host: str = "a", pid: int = 1
):
    bench.do(workers.register, worker_id, host=host, pid=pid, queues=["gpu"], device="", version="1")
    return claim(bench, worker_id, devices, slots_per_device)


def claim(bench, worker_id: str, devices=("host-a",), slots_per_device: int = 1):
    return bench.do(
        slots.claim_slot, worker_id, devices, slots_per_device=slots_per_device, lease_seconds=60.0
    )


def silence(bench, worker_id: str) -> None:
    row = update(WorkerRow).where(WorkerRow.id == worker_id)
    bench.do(lambda session: session.execute(row.values(beat_at=0.0)))


def shown(bench) -> dict[str, str]:
    with bench.store.read() as session:
        return {worker.id: worker.state for worker in workers.list_workers(session)}


def idle(bench) -> dict[str, int]:
    with bench.store.read() as session:
        return workers.idle_workers(session, fresh_seconds=60)


def record(bench, lease) -> ResultRecord:
    """The unit's result, of which its runner says an efficiency of 4."""
    said = {"is_usable": True, "metrics": {"runtime_efficiency": 4.0}, "reasons": {}, "provenance": {}}
    bench.do(results.record_result, lease.unit_id, lease.unit, **said)
    with bench.store.read() as session:
        return results.list_results(session, limit=1)[0]


def test_each_worker_takes_a_device_of_its_own(bench):
    assert {start(bench, "w1", CARDS), start(bench, "w2", CARDS)} == set(CARDS)


def test_a_worker_beyond_the_slots_gets_none_and_is_rung_for_no_work(bench):
    start(bench, "w1")

    assert start(bench, "w2") is None
    assert not bench.do(workers.may_claim, "w2")
    assert idle(bench) == {"gpu": 1}


def test_two_workers_that_ask_at_once_never_share_the_last_slot(bench):
    for worker in ("w1", "w2"):
        bench.do(workers.register, worker, host="a", pid=1, queues=["gpu"], device="", version="1")

    got = bench.together(lambda: claim(bench, "w1"), lambda: claim(bench, "w2"))

    assert sorted(map(str, got)) == ["None", "host-a"]


def test_more_slots_let_more_workers_share_a_device(bench):
    assert [start(bench, f"w{number}", slots_per_device=2) for number in range(3)] == [
        "host-a",
        "host-a",
        None,
    ]


def test_a_worker_that_leaves_frees_its_slot(bench):
    start(bench, "w1")
    bench.do(workers.unregister, "w1")

    assert start(bench, "w2") == "host-a"


def test_a_silent_worker_loses_its_slot_to_the_next_and_hears_of_it(bench):
    start(bench, "w1")
    silence(bench, "w1")

    assert start(bench, "w2") == "host-a"
    assert not bench.do(workers.worker_beat, "w1", state="idle", unit_id=None)
    assert bench.do(workers.worker_beat, "w2", state="idle", unit_id=None)


def test_a_silent_worker_keeps_a_slot_that_nobody_needs(bench):
    start(bench, "w1", slots_per_device=2)
    silence(bench, "w1")
    start(bench, "w2", slots_per_device=2)

    assert bench.do(workers.worker_beat, "w1", state="idle", unit_id=None)


def test_the_slots_of_dead_processes_of_the_same_host_are_free_at_once(bench):
    start(bench, "w1", pid=11)
    start(bench, "w2", ("host-b",), host="b", pid=11)

    bench.do(workers.forget_dead, "a", lambda pid: pid == 11, but="w3")

    assert shown(bench).keys() == {"w2"}
    assert start(bench, "w3") == "host-a"


def test_a_drained_worker_claims_nothing_until_it_is_resumed(bench):
    start(bench, "w1")

    bench.do(workers.set_drained, "w1", is_drained=True)
    assert not bench.do(workers.may_claim, "w1")
    assert (shown(bench), idle(bench)) == ({"w1": "drained"}, {})

    bench.do(workers.set_drained, "w1", is_drained=False)
    assert bench.do(workers.may_claim, "w1")
    assert (shown(bench), idle(bench)) == ({"w1": "idle"}, {"gpu": 1})


def test_a_worker_that_drains_is_shown_so_until_its_unit_is_done(bench):
    start(bench, "w1")
    bench.do(workers.worker_beat, "w1", state="busy", unit_id="u")

    bench.do(workers.set_drained, "w1", is_drained=True)

    assert shown(bench) == {"w1": "draining"}


def test_a_run_time_taken_alone_is_kept(bench):
    start(bench, "w1")
    bench.submit()

    result = record(bench, bench.claim_unit("unlearn with ft"))

    assert result.metrics["runtime_efficiency"] == 4.0


@pytest.mark.parametrize(("first", "second"), [("w1", "w2"), ("w2", "w1")])
def test_runs_that_meet_on_a_device_are_marked_whoever_began(bench, first, second):
    for worker in ("w1", "w2"):
        start(bench, worker, slots_per_device=2)
    bench.submit("ft", "ga")
    bench.claim_unit("unlearn with ft", first)
    assert not bench.unit("unlearn with ft").is_timed_beside

    bench.claim(second)

    assert bench.unit("unlearn with ft").is_timed_beside
    assert bench.unit("unlearn with ga").is_timed_beside


@pytest.mark.parametrize("disturbed", ["train the retrained model", "unlearn with ft"])
def test_an_efficiency_needs_both_its_run_times_taken_alone(bench, disturbed):
    for worker in ("w1", "w2"):
        start(bench, worker, slots_per_device=2)
    bench.submit("ft", "ga")
    lease = bench.claim_unit(disturbed)
    bench.submit("ft", model_seeds=(1,))  # so that there is work for the other in any case
    bench.finish(bench.claim("w2"), "w2")
    if disturbed != "unlearn with ft":
        bench.finish(lease)
        lease = bench.claim_unit("unlearn with ft")

    result = record(bench, lease)

    assert result.metrics["runtime_efficiency"] is None
    assert result.reasons["runtime_efficiency"] == slots.TIMED_BESIDE


def test_a_run_that_is_taken_again_alone_is_timed_alone(bench):
    for worker in ("w1", "w2"):
        start(bench, worker, slots_per_device=2)
    bench.submit()
    lease = bench.claim()
    neighbour = bench.claim("w2")
    bench.finish(neighbour, "w2")
    bench.do(units.give_back, lease, owner="w1", reason="drained", text="Again.")

    bench.claim("w1")

    assert not bench.unit(lease.title).is_timed_beside


def test_runs_on_two_devices_do_not_disturb_each_other(bench):
    for worker in ("w1", "w2"):
        start(bench, worker, CARDS)
    bench.submit()
    bench.claim("w1")
    bench.claim("w2")

    assert not bench.unit("train the original model").is_timed_beside
    assert not bench.unit("train the retrained model").is_timed_beside
