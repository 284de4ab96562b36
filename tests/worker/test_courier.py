"""Webhooks on their way, to a real server on loopback."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest

from core.catalog.registry import installed
from core.plan import plan
from core.settings import Settings
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import deliveries, jobs, slots, webhooks, workers
from core.store.deliveries import DeliveryRecord
from core.store.session import Store
from core.store.webhooks import HookEvent
from tests.worker.receivers import listening
from worker import courier
from worker.app import create_celery
from worker.courier import deliver
from worker.scheduler import schedule

PATIENCE_SECONDS = 60.0
SPEC = {"settings": [{"dataset": "digits", "model": "resnet18"}], "unlearners": ["ft"], "model_seeds": [0]}


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(var_dir=tmp_path, webhook_loopback=True, webhook_backoff_seconds=0.001, ring_seconds=0.02)


@pytest.fixture
def store(settings) -> Iterator[Store]:
    store = Store(settings.database)
    store.migrate()
    yield store
    store.engine.dispose()


@contextmanager
def running(act: Callable[..., None], *arguments: object) -> Iterator[None]:
    """Run a loop in a thread until the block ends; what it raises is raised here."""
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(act, *arguments, is_stopped=stop.is_set)
        try:
            yield
        finally:
            stop.set()
        ended.result()


def add_hook(store: Store, url: str) -> tuple[str, str]:
    with store.write() as session:
        record, secret = webhooks.create_webhook(session, owner="local", url=url, events=list(HookEvent))
    return record.id, secret


def send_test(store: Store, hook_id: str) -> None:
    with store.write() as session:
        deliveries.send_test(session, hook_id)


def message(store: Store, hook_id: str) -> DeliveryRecord:
    """The webhook's latest message."""
    with store.read() as session:
        return deliveries.list_deliveries(session, hook_id, limit=1)[0]


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS:.0f} s for {what}"
        time.sleep(0.01)


def sent(settings: Settings, store: Store, url: str) -> DeliveryRecord:
    """A test message to a new webhook, once it has ended."""
    hook_id, _ = add_hook(store, url)
    send_test(store, hook_id)
    with running(deliver, settings, store):
        wait_until(lambda: message(store, hook_id).ended_at, "the message to end")
    return message(store, hook_id)


def test_a_message_arrives_signed(settings, store):
    with listening() as receiver:
        hook_id, secret = add_hook(store, receiver.url)
        send_test(store, hook_id)
        with running(deliver, settings, store):
            wait_until(lambda: message(store, hook_id).ended_at, "the message to end")
        (received,) = receiver.received

    record = message(store, hook_id)
    assert (record.state, record.tries[0]["status"], record.tries[0]["error"]) == ("delivered", 204, None)
    assert received.is_signed_with(secret)
    assert received.headers["webhook-id"] == record.id
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 300
    assert received.headers["content-type"] == "application/json"
    assert received.body == record.body
    assert json.loads(received.body)["type"] == "webhook.test"


def test_a_receiver_that_fails_is_asked_again_with_the_same_message(settings, store):
    with listening(500, 503, 200) as receiver:
        record = sent(settings, store, receiver.url)

    assert record.state == "delivered"
    assert [tried["status"] for tried in record.tries] == [500, 503, 200]
    assert {(received.headers["webhook-id"], received.body) for received in receiver.received} == {
        (record.id, record.body)
    }


def test_after_five_tries_it_is_over_and_the_log_says_why(settings, store):
    with listening(500) as receiver:
        record = sent(settings, store, receiver.url)
    assert record.state == "failed"
    assert [tried["status"] for tried in record.tries] == [500] * 5
    assert "It answered 500" in record.tries[-1]["error"]


def test_a_redirect_is_not_followed(settings, store):
    with listening(302) as receiver:
        record = sent(settings, store, receiver.url)
    assert record.state == "failed"
    assert {received.path for received in receiver.received} == {"/hook"}


def test_a_redirect_that_is_no_web_address_is_a_failed_try_too(settings, store):
    with listening(302, 204) as receiver:
        receiver.location = "mailto:nobody@example.org"
        record = sent(settings, store, receiver.url)
    assert [tried["status"] for tried in record.tries] == [302, 204]


def test_nobody_at_home_is_a_failed_try(settings, store):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        record = sent(settings, store, f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert (record.state, record.tries[0]["status"]) == ("failed", None)
    assert "The connection failed" in record.tries[0]["error"]


def test_a_name_without_an_address_is_a_failed_try(settings, store):
    assert "has no address" in sent(settings, store, "http://hooks.invalid/").tries[0]["error"]


def test_a_receiver_that_never_answers_is_given_up(settings, store):
    brief = settings.model_copy(update={"lease_seconds": 0.4, "beat_seconds": 0.1})
    with listening() as receiver:
        receiver.is_free.clear()
        record = sent(brief, store, receiver.url)
    assert (record.state, len(record.tries)) == ("failed", 5)
    assert record.tries[0]["error"] == "There was no answer within 0.2 seconds."


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(settings, store, host):
    with listening() as receiver:
        closed = settings.model_copy(update={"webhook_loopback": False})
        record = sent(closed, store, f"http://{host}:{receiver.port}/hook")
    assert (record.state, len(record.tries)) == ("failed", 1)
    assert "is not a public address" in record.tries[0]["error"]
    assert receiver.received == []


def test_one_address_inside_among_public_ones_is_enough_to_be_refused(settings, store, monkeypatch):
    monkeypatch.setattr(courier, "getaddrinfo", resolver("8.8.8.8", "10.0.0.1"))
    record = sent(settings, store, "http://hooks.example/")
    assert "10.0.0.1 is not a public address" in record.tries[0]["error"]


def test_the_connection_goes_to_the_address_that_was_checked(settings, store, monkeypatch):
    monkeypatch.setattr(courier, "getaddrinfo", resolver("127.0.0.1"))  # only the courier's own look-up
    with listening() as receiver:
        record = sent(settings, store, f"http://rebound.invalid:{receiver.port}/hook")
    assert record.state == "delivered"
    assert receiver.received[0].headers["host"] == f"rebound.invalid:{receiver.port}"


def test_the_next_address_is_tried_where_nobody_listens_at_the_first(settings, store, monkeypatch):
    monkeypatch.setattr(courier, "getaddrinfo", resolver("127.0.0.9", "127.0.0.1"))
    with listening() as receiver:
        record = sent(settings, store, f"http://two.invalid:{receiver.port}/hook")
    assert (record.state, len(record.tries)) == ("delivered", 1)


def test_with_tls_the_certificate_must_be_that_of_the_name(settings, store, monkeypatch, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Hooks"]
    names = ["-addext", "subjectAltName=DNS:hooks.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    (tmp_path / "both.pem").write_text(certificate.read_text() + key.read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(courier, "getaddrinfo", resolver("127.0.0.1"))

    with listening(certificate=tmp_path / "both.pem") as receiver:
        named = sent(settings, store, f"https://hooks.example:{receiver.port}/hook")
        other = sent(settings, store, f"https://other.example:{receiver.port}/hook")

    assert named.state == "delivered", named.tries
    assert other.state == "failed"
    assert "other.example" in other.tries[0]["error"]


def test_a_receiver_that_hangs_holds_up_neither_bells_nor_other_receivers(settings, store):
    with listening() as slow, listening() as quick:
        slow.is_free.clear()
        slow_id, _ = add_hook(store, slow.url)
        quick_id, _ = add_hook(store, quick.url)
        send_test(store, slow_id)
        with running(schedule, settings, store, create_celery(settings)):
            wait_until(lambda: slow.received, "the message to the slow receiver")
            send_test(store, quick_id)
            wait_until(lambda: message(store, quick_id).ended_at, "the message to the quick receiver")
            work_for_an_idle_worker(store)
            wait_until(lambda: list((settings.var_dir / "broker").glob("*.msg")), "a bell")
            in_hand = message(store, slow_id)
            slow.is_free.set()
    assert (in_hand.state, in_hand.tries) == ("pending", [])


def test_a_killed_scheduler_loses_no_message(deployment):
    loopback = {"LETHE_WEBHOOK_LOOPBACK": "true"}
    with listening() as receiver:
        receiver.is_free.clear()
        hook_id, secret = add_hook(deployment.store, receiver.url)
        job_id = deployment.submit("toy_noise")
        scheduler = deployment.start("scheduler", **loopback)
        deployment.wait_until(lambda: receiver.received, "the message")

        scheduler.kill()
        scheduler.wait()
        receiver.is_free.set()
        deployment.start("scheduler", **loopback)

        ended = lambda: message(deployment.store, hook_id).ended_at  # noqa: E731
        deployment.wait_until(ended, "the message to be sent again")

    record = message(deployment.store, hook_id)
    assert (record.state, record.event, record.job_id) == ("delivered", "job.queued", job_id)
    assert len(record.tries) == 1
    assert [received.headers["webhook-id"] for received in receiver.received] == [record.id] * 2
    assert all(received.is_signed_with(secret) for received in receiver.received)


def resolver(*addresses: str) -> Callable[..., list]:
    """A network in which every name has these addresses."""

    def look_up(_host: str, port: int, **_: object) -> list:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return look_up


def work_for_an_idle_worker(store: Store) -> None:
    spec = parse_job_spec(json.dumps(SPEC))
    resolved = resolve(spec, installed())
    here = {"host": "here", "pid": os.getpid(), "queues": ["gpu"], "device": "cpu", "version": "1"}
    with store.write() as session:
        workers.register(session, "w1", **here)
        slots.claim_slot(session, "w1", ["cpu"], slots_per_device=1, lease_seconds=60)
        jobs.submit(session, spec, resolved, plan(resolved), actor="test", owner="nobody's webhook")
