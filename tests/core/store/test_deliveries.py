"""The outbox of webhooks: what is claimed by whom, when it is tried again, and when it is over."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from core.store import deliveries, webhooks
from core.store.deliveries import MAX_TRIES, Delivery, Try
from core.store.tables import DeliveryRow
from core.store.viewers import EVERYTHING
from core.store.webhooks import HookEvent

BACKOFF = 10.0


def tried(error: str | None = "It answered 500.", is_final: bool = False) -> Try:
    return Try(datetime.now(UTC), 0.1, 500 if error else 200, error, is_final)


@pytest.fixture
def hook(bench):
    return add_hook(bench)


def add_hook(bench, owner: str = "local") -> str:
    url = "https://hooks.example/"
    record, _ = bench.do(webhooks.create_webhook, owner=owner, url=url, events=list(HookEvent))
    return record.id


def claim(bench, lease_seconds: float = 60.0, limit: int = 10) -> list[Delivery]:
    return bench.do(deliveries.claim_deliveries, limit=limit, lease_seconds=lease_seconds)


def record(bench, delivery: Delivery, outcome: Try) -> bool:
    return bench.do(deliveries.record_try, delivery, outcome, backoff_seconds=BACKOFF)


def listed(bench, hook: str) -> list:
    with bench.store.read() as session:
        return deliveries.list_deliveries(session, hook, limit=100)


def skip_wait(bench) -> None:
    bench.do(lambda session: session.execute(update(DeliveryRow).values(due_at=0.0)))


def test_a_message_is_stored_in_the_transaction_of_what_it_tells(bench, hook):
    def submit_and_fail(session):
        deliveries.send_test(session, hook)
        raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        bench.do(submit_and_fail)
    assert listed(bench, hook) == []


def test_two_senders_at_once_never_get_the_same_message(bench, hook):
    bench.do(deliveries.send_test, hook)
    taken = bench.together(lambda: claim(bench), lambda: claim(bench))
    assert sorted(len(claimed) for claimed in taken) == [0, 1]


def test_a_webhook_has_one_message_on_its_way_and_delays_no_other(bench, hook):
    other = add_hook(bench)
    sent = [bench.do(deliveries.send_test, hook).id for _ in range(2)]
    elsewhere = bench.do(deliveries.send_test, other).id

    first = claim(bench)
    assert {delivery.id for delivery in first} == {sent[0], elsewhere}
    assert claim(bench) == []

    assert record(bench, next(found for found in first if found.id == sent[0]), tried(error=None))
    assert [delivery.id for delivery in claim(bench)] == [sent[1]]


def test_a_senders_message_goes_to_another_when_its_lease_is_over(bench, hook):
    bench.do(deliveries.send_test, hook)
    (lost,) = claim(bench, lease_seconds=-1)
    (again,) = claim(bench)

    assert again.id == lost.id
    assert not record(bench, lost, tried())
    assert record(bench, again, tried(error=None))
    (message,) = listed(bench, hook)
    assert (message.state, len(message.tries)) == ("delivered", 1)


def test_a_failed_try_waits_longer_each_time_and_the_fifth_is_the_last(bench, hook):
    bench.do(deliveries.send_test, hook)
    waits = []
    for _ in range(MAX_TRIES):
        skip_wait(bench)
        (delivery,) = claim(bench)
        outcome = tried()
        assert record(bench, delivery, outcome)
        (message,) = listed(bench, hook)
        waits.append(message.next_try_at and (message.next_try_at - outcome.at).total_seconds())
        assert claim(bench) == []

    assert waits == [pytest.approx(BACKOFF * 6**tries, abs=5) for tries in range(4)] + [None]
    assert (message.state, len(message.tries)) == ("failed", 5)
    assert message.ended_at is not None
    skip_wait(bench)
    assert claim(bench) == []


def test_a_refused_target_is_not_tried_again(bench, hook):
    bench.do(deliveries.send_test, hook)
    (delivery,) = claim(bench)
    assert record(bench, delivery, tried("10.0.0.1 is not a public address.", is_final=True))
    assert listed(bench, hook)[0].state == "failed"


def test_a_webhook_deleted_while_its_message_is_on_its_way_leaves_nothing(bench, hook):
    bench.do(deliveries.send_test, hook)
    (delivery,) = claim(bench)
    bench.do(webhooks.delete_webhook, hook)
    assert not record(bench, delivery, tried(error=None))


def test_a_job_tells_its_owners_webhooks_only(bench, hook):
    elsewhere = add_hook(bench, owner="ana")
    job_id = bench.submit("ft")
    assert [message.job_id for message in listed(bench, hook)] == [job_id]
    assert listed(bench, elsewhere) == []
    with bench.store.read() as session:
        assert len(webhooks.list_webhooks(session, EVERYTHING)) == 2


def test_messages_that_have_ended_are_forgotten_after_thirty_days(bench, hook):
    ended, waiting = (bench.do(deliveries.send_test, hook).id for _ in range(2))
    (delivery,) = claim(bench, limit=1)
    assert delivery.id == ended
    record(bench, delivery, tried(error=None))
    long_ago = datetime.now(UTC) - timedelta(days=31)
    bench.do(lambda session: session.execute(update(DeliveryRow).values(created_at=long_ago)))
    bench.do(deliveries.forget_old_deliveries)
    assert [message.id for message in listed(bench, hook)] == [waiting]
