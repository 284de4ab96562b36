"""Which artifacts may go when they take too much space, and what becomes of a unit whose artifact is gone."""

import pytest
from sqlalchemy import update

from core.store import artifacts, units
from core.store.states import UnitState
from core.store.tables import UnitRow

TRAIN, RETRAIN = "train the original model", "train the retrained model"
FT, GA = "unlearn with ft", "unlearn with ga"
SIZE = 100


def finish_all(bench, *, but: str | None = None) -> None:
    """Run everything that can run, each unit leaving an artifact of 100 bytes; `but` this one, which runs."""
    while (lease := bench.claim()) is not None:
        if lease.title != but:
            finish(bench, lease)


def finish(bench, lease) -> None:
    artifact = {"sha256": f"of {lease.title}, {lease.fence}", "size_bytes": SIZE}
    assert bench.do(
        units.finish, lease, owner="w1", runtime_seconds=1.0, artifact=artifact, text=f"Did {lease.title}."
    )


def used(bench, *titles: str) -> None:
    """Say that these were last used in this order, long ago."""
    for age, title in enumerate(reversed(titles), start=1):
        set_use = update(UnitRow).where(UnitRow.title == title).values(artifact_used_at=age * -1000.0)
        bench.do(lambda session, change=set_use: session.execute(change))


def chosen(bench, budget_bytes: int) -> list[str]:
    found = bench.do(artifacts.choose_evicted, budget_bytes)
    return [artifact.sha256.removeprefix("of ").split(",")[0] for artifact in found]


def evict(bench, budget_bytes: int) -> None:
    bench.do(artifacts.record_evicted, bench.do(artifacts.choose_evicted, budget_bytes))


def stored(bench) -> int:
    return bench.do(artifacts.stored_bytes)


def test_within_the_budget_nothing_goes(bench):
    bench.submit("ft")
    finish_all(bench)

    assert stored(bench) == 5 * SIZE
    assert chosen(bench, 5 * SIZE) == []


def test_what_was_used_longest_ago_goes_first_and_no_more_than_must(bench):
    bench.submit("ft", "ga")
    finish_all(bench)
    used(bench, GA, RETRAIN, FT)

    assert chosen(bench, 5 * SIZE) == [GA]
    assert chosen(bench, 4 * SIZE - 1) == [GA, RETRAIN, FT]


def test_what_a_unit_that_is_still_to_be_run_reads_stays(bench):
    bench.submit("ft", "ga")
    finish_all(bench, but=GA)
    used(bench, TRAIN, RETRAIN, "evaluate the retrained model", FT)

    assert set(chosen(bench, 0)) == {FT, "evaluate the original model"}


def test_what_such_a_unit_reads_by_another_stays_too(bench):
    hardest = {"rule": "hard", "fraction": 0.1}
    bench.submit("ft", settings=[{"dataset": "digits", "model": "resnet18", "forget": hardest}])
    finish_all(bench, but=FT)

    assert chosen(bench, 0) == ["evaluate the original model"]


def test_the_records_of_a_sweep_stay(bench):
    bench.submit("ft", sweep={"seeds": [0], "trials": 2})
    finish_all(bench)

    kinds = {title.split()[0] for title in chosen(bench, 0)}
    assert kinds == {"train", "evaluate", "unlearn"}


def test_a_claim_counts_as_a_use_of_what_the_unit_depends_on(bench):
    bench.submit("ft")
    finish_all(bench, but=FT)
    used(bench, "evaluate the original model", TRAIN)
    bench.do(lambda session: session.execute(update(UnitRow).values(lease_until=-1.0)))
    bench.do(units.reap)
    bench.skip_back_off()

    finish_all(bench)

    assert chosen(bench, 4 * SIZE) == ["evaluate the original model"]


def test_what_is_gone_is_counted_and_frees_its_share(bench):
    bench.submit("ft")
    finish_all(bench)

    evict(bench, 3 * SIZE)

    assert (stored(bench), bench.do(artifacts.evicted_bytes)) == (3 * SIZE, 2 * SIZE)
    assert chosen(bench, 3 * SIZE) == []


def test_two_schedulers_that_chose_the_same_count_it_once(bench):
    bench.submit("ft")
    finish_all(bench)
    both = bench.do(artifacts.choose_evicted, 4 * SIZE)

    bench.together(*[lambda: bench.do(artifacts.record_evicted, both)] * 2)

    assert (stored(bench), bench.do(artifacts.evicted_bytes)) == (4 * SIZE, SIZE)


def test_a_job_that_needs_what_is_gone_has_it_made_again(bench):
    bench.submit("ft")
    finish_all(bench)
    evict(bench, 1)
    job_id = bench.submit("ga")
    lease = bench.claim()
    assert lease.title == GA

    redone = {"broken": bench.unit(TRAIN).id, "owner": "w1", "text": "The artifact is missing."}
    assert bench.do(units.redo, lease, **redone)

    assert bench.states(job_id)[TRAIN] == UnitState.READY
    assert bench.states(job_id)[GA] == UnitState.WAITING
    finish_all(bench)
    assert set(bench.states(job_id).values()) == {UnitState.DONE}
    assert stored(bench) == 2 * SIZE


def test_an_artifact_that_was_made_again_meanwhile_is_not_recorded_as_gone(bench):
    bench.submit("ft")
    finish_all(bench)
    old = bench.do(artifacts.choose_evicted, 0)
    bench.submit("ga")
    bench.do(units.redo, bench.claim(), broken=bench.unit(TRAIN).id, owner="w1", text="It is missing.")
    finish_all(bench)

    bench.do(artifacts.record_evicted, old)

    assert bench.unit(TRAIN).artifact_size_bytes == SIZE
    assert bench.unit(RETRAIN).artifact_size_bytes is None


@pytest.mark.parametrize("title", [TRAIN, FT])
def test_results_and_states_do_not_depend_on_what_is_gone(bench, title):
    job_id = bench.submit("ft")
    finish_all(bench)

    evict(bench, 0)

    assert bench.unit(title).artifact is None
    assert set(bench.states(job_id).values()) == {UnitState.DONE}
