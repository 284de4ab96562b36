"""Quarantine: units that were lost in every attempt."""

from sqlalchemy import update

from core.store import jobs, units
from core.store.quarantine import NO_MEMORY
from core.store.session import changed, database_now
from core.store.states import FailureClass, JobState, UnitState
from core.store.tables import UnitRow
from core.store.units import MOST_LOSSES

RETRAIN = "train the retrained model"
FT = "unlearn with ft"
ERRORS = ((FailureClass.INFRA_LOST, "the runner died"), (FailureClass.OOM, "no memory"))
LAST = (FailureClass.INFRA_LOST, "no such file")


def poison(bench, title: str) -> None:
    """Lose a unit in three different ways."""
    for number, (failure, error) in enumerate((*ERRORS, LAST)):
        bench.skip_back_off()
        lease = bench.claim_unit(title) if number == 0 else bench.claim()
        assert lease.title == title
        assert bench.do(units.fail, lease, owner="w1", failure=failure, error=error)


def lose_worker(bench, lease) -> None:
    """Let the unit's worker go silent, until the reaper notices."""
    over = update(UnitRow).where(UnitRow.id == lease.unit_id).values(lease_until=database_now(-1.0))
    bench.do(lambda session: changed(session, over))
    bench.do(units.reap)
    bench.skip_back_off()


def test_a_unit_that_was_lost_in_three_ways_keeps_the_log_of_each(bench):
    bench.submit("ft")
    poison(bench, FT)

    unit = bench.unit(FT)

    assert (unit.state, unit.failure_class) == (UnitState.FAILED, FailureClass.QUARANTINED)
    assert unit.error == (
        "Attempt 1 (infra_lost):\nthe runner died\n\n"
        "Attempt 2 (oom):\nno memory\n\n"
        "Attempt 3 (infra_lost):\nno such file\n\n" + NO_MEMORY
    )


def test_workers_that_go_silent_cost_a_unit_no_attempt(bench):
    bench.submit("ft")
    lease = bench.claim_unit(FT)
    for _ in range(MOST_LOSSES - 1):
        lose_worker(bench, lease)
        lease = bench.claim()
        assert lease.title == FT
    for failure, error in ERRORS:
        bench.fail(lease, failure, error)
        bench.skip_back_off()
        lease = bench.claim()

    assert (bench.unit(FT).state, bench.unit(FT).attempt) == (UnitState.RUNNING, MOST_LOSSES + len(ERRORS))


def test_another_job_that_needs_it_does_not_try_it_again(bench):
    bench.submit("ft")
    poison(bench, FT)

    other = bench.submit("ft", "ga")
    bench.skip_back_off()
    bench.finish_all()

    assert bench.states(other)[FT] == UnitState.FAILED
    assert bench.job(other).state == JobState.PARTIALLY_SUCCEEDED


def test_another_job_fails_at_once_whose_units_all_need_it(bench):
    bench.submit("ft")
    poison(bench, RETRAIN)

    other = bench.submit("ga")

    assert bench.states(other)["unlearn with ga"] == UnitState.FAILED
    assert bench.unit("unlearn with ga").failure_class == FailureClass.DEPENDENCY_FAILED


def test_whoever_retries_a_job_takes_its_units_out_of_quarantine(bench):
    job_id = bench.submit("ft")
    poison(bench, FT)

    bench.do(jobs.retry, job_id, actor="ana")
    bench.finish_all()

    assert bench.job(job_id).state == JobState.SUCCEEDED


def test_after_a_retry_only_the_new_attempts_are_told(bench):
    job_id = bench.submit("ft")
    poison(bench, FT)
    bench.do(jobs.retry, job_id, actor="ana")
    poison(bench, FT)

    assert bench.unit(FT).error.count("Attempt") == 3
