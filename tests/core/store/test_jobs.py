"""Jobs in the store: what they share, how they end, and what their events say."""

import pytest
from sqlalchemy import func, select

from core.errors import Conflict, NotFound
from core.store import jobs, units
from core.store.states import FailureClass, JobState, UnitState
from core.store.tables import JobUnitRow, UnitDependencyRow, UnitRow

RETRAIN = "train the retrained model"
TRAIN = "train the original model"
FT, GA = "unlearn with ft", "unlearn with ga"


def cancel(bench, job_id):
    return bench.do(jobs.cancel, job_id, actor="test")


def retry(bench, job_id):
    return bench.do(jobs.retry, job_id, actor="test")


def stop(bench, lease):
    return bench.do(units.stop_cancelled, lease, owner="w1")


def asked_to_stop(bench, lease):
    return bench.do(units.beat, lease, 60.0, progress=None, progress_text=None).cancel_requested


def count(bench, table):
    return bench.do(lambda session: session.scalar(select(func.count()).select_from(table)))


# Submitting


def test_a_submitted_job_is_queued_with_all_its_units(bench):
    job = bench.job(bench.submit("ft", "ga", label="first"))

    assert (job.state, job.label, job.protocol) == (JobState.QUEUED, "first", "quick/1.0")
    assert (job.units["ready"], job.units["waiting"], sum(job.units.values())) == (2, 4, 6)
    assert (job.started_at, job.finished_at) == (None, None)
    assert [entry["id"] for entry in job.spec["unlearners"]] == ["ft", "ga"]


def test_two_jobs_share_the_units_that_they_have_in_common(bench):
    bench.submit("ft")
    bench.submit("ga")

    assert (count(bench, UnitRow), count(bench, JobUnitRow)) == (6, 10)


def test_a_job_whose_units_are_all_done_succeeds_as_it_is_submitted(bench):
    bench.submit()
    bench.finish_all()

    job = bench.job(bench.submit())

    assert (job.state, job.units["done"]) == (JobState.SUCCEEDED, 5)
    assert job.finished_at is not None


def test_jobs_submitted_at_once_share_their_units(bench):
    submitted = bench.together(*[lambda: bench.submit("ft", "ga", model_seeds=(0, 1))] * 6)

    assert len(set(submitted)) == 6
    assert (count(bench, UnitRow), count(bench, JobUnitRow)) == (12, 72)
    assert count(bench, UnitDependencyRow) == 2 * (1 + 3 + 3 + 3)
    bench.finish_all()
    assert {bench.job(job_id).state for job_id in submitted} == {JobState.SUCCEEDED}


def test_a_failed_unit_that_another_job_asks_for_gets_new_attempts(bench):
    first = bench.submit("ft")
    bench.fail(bench.claim_unit(FT))
    bench.finish_all()

    second = bench.submit("ft", "ga")

    assert (bench.unit(FT).state, bench.unit(FT).attempt, bench.unit(FT).error) == ("ready", 0, None)
    bench.finish_all()
    assert bench.job(second).state == JobState.SUCCEEDED
    assert bench.job(first).state == JobState.FAILED


# Reading


def test_an_unknown_job_is_not_found(bench):
    for use_case in (jobs.get_job, lambda session, id_: jobs.cancel(session, id_, actor="test")):
        with pytest.raises(NotFound, match="job_unknown"):
            bench.do(use_case, "job_unknown")


def test_jobs_are_listed_newest_first_page_by_page(bench):
    submitted = [bench.submit(model_seeds=(seed,)) for seed in range(3)]

    first = bench.do(jobs.list_jobs, limit=2)
    rest = bench.do(jobs.list_jobs, limit=2, before=first[-1].id)

    assert [job.id for job in first + rest] == submitted[::-1]


# States


def test_a_job_runs_from_its_first_claim_and_succeeds_with_its_last_unit(bench):
    job_id = bench.submit()
    lease = bench.claim()
    running = bench.job(job_id)
    bench.finish(lease)
    bench.finish_all()

    ended = bench.job(job_id)

    assert (running.state, ended.state) == (JobState.RUNNING, JobState.SUCCEEDED)
    assert ended.created_at < running.started_at == ended.started_at < ended.finished_at


def test_a_job_keeps_running_between_two_units(bench):
    job_id = bench.submit()

    bench.finish(bench.claim())

    assert bench.job(job_id).state == JobState.RUNNING


def test_a_unit_that_is_claimed_starts_every_job_that_needs_it(bench):
    submitted = [bench.submit("ft"), bench.submit("ga")]

    bench.claim()

    assert {bench.job(job_id).state for job_id in submitted} == {JobState.RUNNING}


def test_a_job_of_which_some_unlearning_succeeded_has_partially_succeeded(bench):
    job_id = bench.submit("ft", "ga")
    bench.fail(bench.claim_unit(FT))
    assert bench.job(job_id).state == JobState.RUNNING

    bench.finish_all()

    assert bench.job(job_id).state == JobState.PARTIALLY_SUCCEEDED


def test_a_job_of_which_no_unlearning_succeeded_has_failed(bench):
    job_id = bench.submit("ft")
    bench.fail(bench.claim_unit(RETRAIN))

    bench.finish_all()

    job = bench.job(job_id)
    assert (job.state, job.units["done"], job.units["failed"]) == (JobState.FAILED, 1, 4)


# Cancelling


def test_a_job_that_has_not_begun_is_cancelled_at_once(bench):
    job_id = bench.submit()

    job = cancel(bench, job_id)

    assert (job.state, job.units["cancelled"]) == (JobState.CANCELLED, 5)
    assert bench.claim() is None


def test_a_running_unit_is_told_to_stop_and_the_job_is_cancelled_once_it_has(bench):
    job_id = bench.submit()
    lease = bench.claim()
    assert not asked_to_stop(bench, lease)

    assert cancel(bench, job_id).state == JobState.CANCELLING

    assert asked_to_stop(bench, lease)
    assert stop(bench, lease) is True
    assert (bench.job(job_id).state, bench.unit(RETRAIN).state) == ("cancelled", "cancelled")


def test_a_unit_that_ends_before_it_is_stopped_is_done_and_wakes_nothing(bench):
    job_id = bench.submit()
    lease = bench.claim()
    cancel(bench, job_id)

    assert bench.finish(lease) is True

    job = bench.job(job_id)
    assert (job.state, job.units["done"], job.units["cancelled"]) == (JobState.CANCELLED, 1, 4)


def test_cancelling_twice_changes_and_says_nothing_more(bench):
    job_id = bench.submit()
    bench.claim()
    cancel(bench, job_id)
    before = bench.events(job_id)

    assert cancel(bench, job_id).state == JobState.CANCELLING

    assert bench.events(job_id) == before


def test_a_job_that_has_ended_cannot_be_cancelled(bench):
    job_id = bench.submit()
    bench.finish_all()

    with pytest.raises(Conflict, match=r"already ended \(succeeded\)"):
        cancel(bench, job_id)


def test_units_that_another_job_needs_survive_a_cancellation(bench):
    cancelled, living = bench.submit("ft"), bench.submit("ga")
    lease = bench.claim()

    cancel(bench, cancelled)

    assert not asked_to_stop(bench, lease)
    assert bench.job(cancelled).state == JobState.CANCELLED
    assert bench.unit(FT).state == UnitState.CANCELLED
    bench.finish(lease)
    bench.finish_all()
    assert bench.job(living).state == JobState.SUCCEEDED


def test_units_that_only_jobs_cancelled_together_need_are_cancelled_and_told_once(bench):
    first, second, other = bench.submit("ft", "ga"), bench.submit("ga"), bench.submit("ft")

    bench.do(jobs.cancel_open, [bench.job(first), bench.job(second)], actor="test")

    assert [bench.job(job_id).state for job_id in (first, second, other)] == [
        "cancelled",
        "cancelled",
        "queued",
    ]
    assert bench.states(first)[GA] == UnitState.CANCELLED
    assert UnitState.CANCELLED not in bench.states(other).values()
    told = [event for event in bench.events(second) if event.reason == "cancelled" and event.unit_id]
    assert [event.unit_id for event in told] == [bench.unit(GA).id]


def test_a_unit_being_stopped_that_a_new_job_needs_goes_on(bench):
    cancelled = bench.submit("ft")
    lease = bench.claim()
    cancel(bench, cancelled)

    living = bench.submit("ft")

    assert not asked_to_stop(bench, lease)
    bench.finish(lease)
    bench.finish_all()
    assert bench.job(living).state == JobState.SUCCEEDED


def test_a_stopped_unit_that_a_new_job_needs_meanwhile_goes_back_to_the_queue(bench):
    cancelled = bench.submit("ft")
    lease = bench.claim()
    cancel(bench, cancelled)
    living = bench.submit("ft")

    assert stop(bench, lease) is True

    assert (bench.unit(RETRAIN).state, bench.unit(RETRAIN).attempt) == (UnitState.READY, 0)
    bench.finish_all()
    assert bench.job(living).state == JobState.SUCCEEDED


def test_units_of_a_cancelled_job_are_revived_by_a_job_that_needs_them(bench):
    cancel(bench, bench.submit("ft"))

    job_id = bench.submit("ft")

    assert bench.states(job_id)[RETRAIN] == UnitState.READY
    bench.finish_all()
    assert bench.job(job_id).state == JobState.SUCCEEDED


# Retrying


def test_a_retry_runs_what_failed_again_and_keeps_what_is_done(bench):
    job_id = bench.submit("ft", "ga")
    bench.fail(bench.claim_unit(FT), error="No memory")
    bench.finish_all()

    job = retry(bench, job_id)

    assert (job.state, job.finished_at, job.units["done"], job.units["ready"]) == ("queued", None, 5, 1)
    assert (bench.unit(FT).attempt, bench.unit(FT).error, bench.unit(FT).failure_class) == (0, None, None)
    bench.finish_all()
    assert bench.job(job_id).state == JobState.SUCCEEDED


def test_a_retry_revives_what_failed_only_because_something_else_did(bench):
    job_id = bench.submit()
    bench.fail(bench.claim_unit(RETRAIN))
    bench.finish_all()

    retry(bench, job_id)

    assert bench.states(job_id) == {
        RETRAIN: "ready",
        TRAIN: "done",
        "evaluate the retrained model": "waiting",
        "evaluate the original model": "waiting",
        FT: "waiting",
    }


def test_a_cancelled_job_can_be_retried(bench):
    job_id = bench.submit()
    cancel(bench, job_id)

    assert retry(bench, job_id).state == JobState.QUEUED

    bench.finish_all()
    assert bench.job(job_id).state == JobState.SUCCEEDED


def test_an_open_job_cannot_be_retried(bench):
    job_id = bench.submit()

    with pytest.raises(Conflict, match="when it has ended"):
        retry(bench, job_id)


def test_a_job_that_succeeded_cannot_be_retried(bench):
    job_id = bench.submit()
    bench.finish_all()

    with pytest.raises(Conflict, match="no unit of it failed"):
        retry(bench, job_id)


# Events


def test_the_events_of_a_job_tell_its_story_in_order(bench):
    job_id = bench.submit("ft")
    bench.fail(bench.claim("w3"), FailureClass.INFRA_LOST, "the machine went away")
    bench.skip_back_off()
    bench.finish_all()

    story = [(event.reason, event.text) for event in bench.events(job_id)]

    assert story[:5] == [
        ("submitted", "Submitted: 5 units."),
        ("claimed", "Worker w3 started to train the retrained model (attempt 1)."),
        ("running", "The first unit started."),
        (
            "infra_lost",
            "Attempt 1 to train the retrained model was lost (the machine went away); it is queued again.",
        ),
        ("claimed", "Worker w1 started to train the retrained model (attempt 2)."),
    ]
    assert story[-2:] == [
        ("done", "Worker w1 finished to unlearn with ft."),
        ("succeeded", "All units are done."),
    ]


def test_a_failure_is_told_with_the_last_line_of_its_error_and_what_it_takes_with_it(bench):
    job_id = bench.submit("ft")

    bench.fail(bench.claim(), error="Traceback …\nValueError: no such layer\n")

    texts = [event.text for event in bench.events(job_id)]
    assert "Failed to train the retrained model: ValueError: no such layer" in texts
    assert "Will not unlearn with ft: a unit that it needs has failed." in texts


def test_a_failure_that_is_ours_to_explain_is_told_without_the_class_of_its_error(bench):
    job_id = bench.submit("ft")

    frame = 'Traceback (most recent call last):\n  File "load.py", line 1, in load\n    raise\n'
    error = f"{frame}core.errors.DatasetInvalid: a.png is not a whole image.\n"
    bench.fail(bench.claim(), error=error)

    texts = [event.text for event in bench.events(job_id)]
    assert "Failed to train the retrained model: a.png is not a whole image." in texts


def test_a_cancellation_is_told_with_who_asked_for_it(bench):
    job_id = bench.submit()

    cancel(bench, job_id)

    requested, ended = [event for event in bench.events(job_id) if event.job_id][-2:]
    assert (requested.reason, requested.actor) == ("cancel_requested", "test")
    assert (ended.reason, ended.data) == ("cancelled", {"from": "cancelling", "state": "cancelled"})


def test_a_submission_says_how_much_of_it_is_already_done(bench):
    bench.submit("ft")
    bench.finish_all()

    event = bench.events(bench.submit("ft", "ga"))[0]

    assert event.text == "Submitted: 6 units, 5 of them already done."
    assert event.data == {"state": "queued", "units": 6, "shared": 5}


def test_a_job_is_not_told_what_happened_to_its_units_before_it_was_submitted(bench):
    bench.submit("ft")
    bench.finish(bench.claim())
    job_id = bench.submit("ft")

    assert [event.reason for event in bench.events(job_id)] == ["submitted"]


def test_another_jobs_units_are_not_in_its_events(bench):
    job_id = bench.submit("ft", model_seeds=(0,))
    bench.submit("ft", model_seeds=(1,))
    before = bench.events(job_id)

    bench.finish(bench.claim_unit(RETRAIN))
    lease = bench.claim()
    while lease.unit.model_seed == 0:
        lease = bench.claim()

    later = {event.unit_id for event in bench.events(job_id)[len(before) :]}
    assert lease.unit_id not in later


def test_events_go_on_behind_the_one_that_was_seen_last(bench):
    job_id = bench.submit()
    bench.finish_all()
    everything = bench.events(job_id)

    rest = bench.events(job_id, after=everything[3].id)

    assert rest == everything[4:]
    assert [event.id for event in everything] == sorted({event.id for event in everything})


def test_events_of_concurrent_workers_are_seen_by_a_follower_without_a_gap(bench):
    job_id = bench.submit("ft", "ga", model_seeds=(0, 1))
    ended = (JobState.SUCCEEDED,)

    def work() -> None:
        while bench.job(job_id).state not in ended:
            if (lease := bench.claim()) is not None:
                bench.finish(lease)

    def follow() -> list[int]:
        seen: list[int] = []
        while not seen or bench.job(job_id).state not in ended:
            seen += [event.id for event in bench.events(job_id, after=seen[-1] if seen else 0)]
        return seen + [event.id for event in bench.events(job_id, after=seen[-1])]

    *_, seen = bench.together(work, work, work, follow)

    assert seen == [event.id for event in bench.events(job_id)]
