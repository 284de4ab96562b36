"""Units in the store: nothing is lost, nothing is done twice, and only who holds the lease may publish."""

from itertools import chain

import pytest

from core.store import jobs, units
from core.store.resumption import release_held
from core.store.states import RETRIED, FailureClass, JobState, UnitState

RETRAIN = "train the retrained model"
TRAIN = "train the original model"
REFERENCE = "evaluate the retrained model"
EVALUATE = "evaluate the original model"
FT = "unlearn with ft"
BACK_OFF_SECONDS = 2.0


def give_back(session, lease):
    return units.give_back(session, lease, owner="w1", reason="drained", text="Back in the queue.")


def redo(session, lease):
    broken = lease.unit.depends_on[0] if lease.unit.depends_on else lease.unit_id
    return units.redo(session, lease, broken=broken, owner="w1", text="The artifact is corrupt.")


def stop_cancelled(session, lease):
    return units.stop_cancelled(session, lease, owner="w1")


def beat(session, lease, progress=None, progress_text=None):
    return units.beat(session, lease, 60.0, progress=progress, progress_text=progress_text)


# Claiming


def test_units_are_claimed_in_the_order_of_the_plan(bench):
    bench.submit("ft", "ga")

    titles = []
    while (lease := bench.claim()) is not None:
        titles.append(lease.title)
        bench.finish(lease)

    assert titles == [RETRAIN, TRAIN, REFERENCE, EVALUATE, FT, "unlearn with ga"]


def test_an_older_job_comes_first(bench):
    bench.submit("ft", model_seeds=(7,))
    bench.submit("ft", model_seeds=(3,))

    assert bench.claim().unit.model_seed == 7


def test_a_claim_takes_the_unit_its_attempt_and_a_new_fence(bench):
    bench.submit()

    lease = bench.claim("w7")

    row = bench.unit(RETRAIN)
    assert (row.state, row.lease_owner, row.attempt, row.fence) == (UnitState.RUNNING, "w7", 1, 1)
    assert (lease.unit_id, lease.attempt, lease.fence) == (row.id, 1, 1)
    assert row.lease_until > row.started_at


def test_where_nothing_is_ready_nothing_is_claimed(bench):
    assert bench.claim() is None


def test_another_queues_units_are_not_claimed(bench):
    bench.submit()

    assert bench.do(units.claim, "cpu", "w1", 60.0) is None


def test_no_unit_is_claimed_by_two_of_eight_threads(bench):
    bench.submit(model_seeds=tuple(range(10)))

    def claim_all() -> list[str]:
        claimed = []
        while (lease := bench.claim()) is not None:
            claimed.append(lease.unit_id)
        return claimed

    claimed = list(chain.from_iterable(bench.together(*[claim_all] * 8)))

    assert len(claimed) == len(set(claimed)) == 20


def test_eight_threads_run_a_job_to_its_end_without_running_anything_twice(bench):
    job_id = bench.submit("ft", "ga", model_seeds=(0, 1, 2))

    def work() -> None:
        while bench.job(job_id).state in (JobState.QUEUED, JobState.RUNNING):
            if (lease := bench.claim()) is not None:
                assert bench.finish(lease)

    bench.together(*[work] * 8)

    reasons = [event.reason for event in bench.events(job_id)]
    assert bench.job(job_id).state == JobState.SUCCEEDED
    assert reasons.count("claimed") == reasons.count("done") == 18


# Dependencies


def test_at_first_only_units_without_dependencies_are_ready(bench):
    states = bench.states(bench.submit())

    assert [title for title, state in states.items() if state == UnitState.READY] == [RETRAIN, TRAIN]
    assert {states[REFERENCE], states[EVALUATE], states[FT]} == {UnitState.WAITING}


def test_a_unit_is_ready_as_soon_as_all_that_it_needs_is_done(bench):
    job_id = bench.submit()
    for title in (RETRAIN, TRAIN, REFERENCE):
        assert bench.states(job_id)[FT] == UnitState.WAITING
        bench.finish(bench.claim_unit(title))

    assert bench.states(job_id)[FT] == bench.states(job_id)[EVALUATE] == UnitState.READY


def test_a_promotion_that_was_missed_is_made_up_for_by_the_reaper(bench):
    job_id = bench.submit()
    bench.finish(bench.claim_unit(RETRAIN))
    bench.do(
        lambda session: setattr(session.get(units.UnitRow, bench.unit(REFERENCE).id), "state", "waiting")
    )

    bench.do(units.reap)

    assert bench.states(job_id)[REFERENCE] == UnitState.READY


def test_two_units_that_end_at_once_still_end_the_job(bench):
    job_id = bench.submit("ft")
    bench.finish(bench.claim_unit(REFERENCE))
    last = [bench.claim(), bench.claim()]

    finished = bench.together(*[lambda lease=lease: bench.finish(lease) for lease in last])

    assert finished == [True, True]
    assert bench.job(job_id).state == JobState.SUCCEEDED


# Leases


def test_a_beat_renews_the_lease_and_reports_progress(bench):
    bench.submit()
    lease = bench.claim(lease_seconds=1.0)
    before = bench.unit(RETRAIN).lease_until

    answer = bench.do(beat, lease, progress=0.5, progress_text="epoch 4 of 8")

    row = bench.unit(RETRAIN)
    assert answer.cancel_requested is False
    assert row.lease_until > before
    assert (row.progress, row.progress_text) == (0.5, "epoch 4 of 8")


def test_a_beat_without_progress_keeps_what_was_reported(bench):
    bench.submit()
    lease = bench.claim()
    bench.do(beat, lease, progress=0.5, progress_text="epoch 4 of 8")

    bench.do(beat, lease)

    row = bench.unit(RETRAIN)
    assert (row.progress, row.progress_text) == (0.5, "epoch 4 of 8")


def test_a_beat_on_a_lost_lease_is_none_and_changes_nothing(bench):
    bench.submit()
    lost = bench.claim("slow", lease_seconds=-1.0)
    bench.do(units.reap)

    assert bench.do(beat, lost, progress=0.9) is None
    assert bench.unit(RETRAIN).progress is None


@pytest.mark.parametrize(
    "publish",
    [
        lambda bench, lease: bench.finish(lease, owner="slow"),
        lambda bench, lease: bench.fail(lease),
        lambda bench, lease: bench.fail(lease, FailureClass.INFRA_LOST),
        lambda bench, lease: bench.do(give_back, lease),
        lambda bench, lease: bench.do(redo, lease),
    ],
    ids=["finish", "fail", "fail and retry", "give back", "redo"],
)
def test_who_lost_the_lease_publishes_nothing(bench, publish):
    job_id = bench.submit()
    slow = bench.claim("slow", lease_seconds=-1.0)
    bench.do(units.reap)
    bench.skip_back_off()
    current = bench.claim("w2")

    before = bench.events(job_id)
    assert publish(bench, slow) is False

    row = bench.unit(RETRAIN)
    assert (row.state, row.lease_owner, row.fence) == (UnitState.RUNNING, "w2", current.fence)
    assert bench.events(job_id) == before


def test_nothing_is_published_twice(bench):
    bench.submit()
    lease = bench.claim()

    assert [bench.finish(lease), bench.finish(lease)] == [True, False]


# Silent workers


def test_an_expired_lease_is_queued_again(bench):
    bench.submit()
    bench.claim("silent", lease_seconds=-1.0)

    assert bench.do(units.reap) == 1

    row = bench.unit(RETRAIN)
    assert (row.state, row.attempt, row.lease_owner, row.progress) == (UnitState.READY, 1, None, None)


def test_a_lease_that_has_not_expired_is_left_alone(bench):
    bench.submit()
    bench.claim(lease_seconds=60.0)

    assert bench.do(units.reap) == 0
    assert bench.unit(RETRAIN).state == UnitState.RUNNING


def test_a_unit_that_was_lost_waits_a_moment_before_it_is_claimed_again(bench):
    bench.submit()
    lost = bench.claim(lease_seconds=-1.0)
    bench.do(units.reap)

    row = bench.unit(RETRAIN)
    assert (row.not_before - lost_at(bench)).total_seconds() == pytest.approx(BACK_OFF_SECONDS, abs=0.5)
    assert bench.claim().unit_id != lost.unit_id
    bench.skip_back_off()
    assert bench.claim().unit_id == lost.unit_id


def lost_at(bench):
    """When the unit was last queued again."""
    job_id = bench.do(jobs.list_jobs, limit=1)[0].id
    return next(event.created_at for event in bench.events(job_id) if event.reason == "worker_lost")


def test_many_reapers_at_once_take_back_each_lease_once(bench):
    bench.submit(model_seeds=(0, 1, 2))
    for _ in range(6):
        bench.claim(lease_seconds=-1.0)

    reaped = bench.together(*[lambda: bench.do(units.reap)] * 4)

    assert sum(reaped) == 6


def test_a_unit_that_loses_too_many_workers_fails_and_so_does_all_that_needs_it(bench):
    job_id = bench.submit()
    for _ in range(units.MOST_LOSSES):
        bench.skip_back_off()
        assert bench.claim("silent", lease_seconds=-1.0).title == RETRAIN
        bench.do(units.reap)

    row = bench.unit(RETRAIN)
    assert (row.state, row.failure_class) == (UnitState.FAILED, FailureClass.QUARANTINED)
    assert row.error.count("silent stopped answering") == units.MOST_LOSSES
    for title in (REFERENCE, EVALUATE, FT):
        assert bench.unit(title).failure_class == FailureClass.DEPENDENCY_FAILED
    assert bench.states(job_id)[TRAIN] == UnitState.READY


# Failures


@pytest.mark.parametrize("failure", [FailureClass.USER_CODE, FailureClass.BAD_SPEC, FailureClass.TIMEOUT])
def test_a_failure_that_would_only_repeat_itself_is_final_at_once(bench, failure):
    bench.submit()

    assert bench.fail(bench.claim(), failure, "Traceback\n  ValueError: no such layer") is True

    row = bench.unit(RETRAIN)
    assert (row.state, row.failure_class, row.attempt) == (UnitState.FAILED, failure, 1)
    assert row.error.endswith("ValueError: no such layer")


@pytest.mark.parametrize("failure", sorted(RETRIED))
def test_a_failure_that_may_pass_is_tried_again(bench, failure):
    bench.submit()

    assert bench.fail(bench.claim(), failure) is True

    assert (bench.unit(RETRAIN).state, bench.unit(RETRAIN).failure_class) == (UnitState.READY, None)


def test_a_failed_unlearning_takes_nothing_else_with_it(bench):
    job_id = bench.submit("ft", "ga")

    bench.fail(bench.claim_unit(FT))
    bench.finish_all()

    assert bench.states(job_id)["unlearn with ga"] == UnitState.DONE
    assert bench.job(job_id).state == JobState.PARTIALLY_SUCCEEDED


def test_the_other_seeds_are_not_touched_by_a_failed_model(bench):
    job_id = bench.submit(model_seeds=(0, 1))

    bench.fail(bench.claim())
    bench.finish_all()

    counts = bench.job(job_id).units
    assert (counts[UnitState.FAILED], counts[UnitState.DONE]) == (4, 6)


# Giving back


def test_a_unit_that_is_given_back_is_not_charged_and_ready_at_once(bench):
    bench.submit()

    assert bench.do(give_back, bench.claim()) is True

    row = bench.unit(RETRAIN)
    assert (row.state, row.attempt, row.lease_owner) == (UnitState.READY, 0, None)
    assert bench.claim().unit_id == row.id


def test_a_unit_may_be_given_back_more_often_than_it_may_fail(bench):
    bench.submit()
    for _ in range(5):
        bench.do(give_back, bench.claim())

    assert bench.claim().attempt == 1


def test_after_a_killed_run_of_the_only_worker_all_its_units_are_free_again(bench):
    bench.submit()
    bench.claim(), bench.claim()

    bench.do(release_held, actor="service")

    rows = [bench.unit(RETRAIN), bench.unit(TRAIN)]
    assert [(row.state, row.attempt) for row in rows] == [(UnitState.READY, 0)] * 2


def test_a_broken_artifact_is_made_again_before_the_units_that_need_it(bench):
    job_id = bench.submit("ft", "ga")
    lease = bench.claim_unit(FT)

    assert bench.do(redo, lease) is True

    states = bench.states(job_id)
    assert states[TRAIN] == UnitState.READY
    assert states[FT] == states["unlearn with ga"] == UnitState.WAITING
    assert (bench.unit(FT).attempt, bench.unit(TRAIN).attempt) == (0, 0)
    undone = [event.unit_id for event in bench.events(job_id) if event.data.get("from") == UnitState.DONE]
    assert undone == [bench.unit(TRAIN).id]
    bench.finish_all()
    assert bench.job(job_id).state == JobState.SUCCEEDED


def test_a_broken_artifact_that_another_worker_reported_is_made_again_only_once(bench):
    bench.submit("ft", "ga")
    first, second = bench.claim_unit(FT), bench.claim("w2")
    bench.do(redo, first)
    again = bench.claim()

    assert bench.do(redo, second) is True

    assert bench.unit(TRAIN).state == UnitState.RUNNING
    assert bench.finish(again) is True


# Stopping


def test_a_unit_that_a_live_job_needs_goes_back_to_the_queue_instead_of_being_cancelled(bench):
    bench.submit()

    assert bench.do(stop_cancelled, bench.claim()) is True

    assert (bench.unit(RETRAIN).state, bench.unit(RETRAIN).attempt) == (UnitState.READY, 0)


def test_a_silent_worker_that_was_told_to_stop_frees_its_unit_as_cancelled(bench):
    job_id = bench.submit()
    bench.claim(lease_seconds=-1.0)
    bench.do(jobs.cancel, job_id, actor="test")

    bench.do(units.reap)

    assert bench.unit(RETRAIN).state == UnitState.CANCELLED
    assert bench.job(job_id).state == JobState.CANCELLED


# Reading


def test_what_is_ready_is_counted_by_queue_without_what_has_to_wait_a_moment(bench):
    bench.submit()
    assert bench.do(units.ready_by_queue) == {"gpu": 2}

    bench.fail(bench.claim(), FailureClass.OOM)

    assert bench.do(units.ready_by_queue) == {"gpu": 1}


def test_units_are_counted_in_every_state_even_where_there_are_none(bench):
    bench.submit()
    bench.claim()

    counts = bench.do(units.count_by_state)

    assert set(counts) == set(UnitState)
    assert (counts["running"], counts["ready"], counts["waiting"], counts["done"]) == (1, 1, 3, 0)


def test_a_jobs_units_are_paged_in_the_order_of_its_plan(bench):
    job_id = bench.submit()

    first = bench.do(units.job_units, job_id, limit=3)
    rest = bench.do(units.job_units, job_id, limit=3, after=first[-1][0])

    assert [unit.title for _, unit in first + rest] == [RETRAIN, TRAIN, REFERENCE, EVALUATE, FT]


def test_the_running_units_of_a_job_are_those_that_a_worker_has_in_hand(bench):
    job_id = bench.submit()
    bench.submit(model_seeds=(1,))
    bench.claim("w3")

    running = bench.do(units.running_units, job_id)

    assert [(unit.title, unit.lease_owner) for unit in running] == [(RETRAIN, "w3")]
