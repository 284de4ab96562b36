"""A private result beside a public one of the same place: the board goes on as if it were not there."""

import pytest

from core import plan
from core.board import Metric
from core.catalog.protocols import PROTOCOLS
from core.store import keys
from core.store.boards import load_board
from core.store.keys import Scope
from tests.api.steps import JOBS, METRICS, SPEC, work

SEEDS = {**SPEC, "unlearners": ["ft"], "model_seeds": [0, 1, 2]}
PRIVATE = {**SEEDS, "visibility": "private"}


@pytest.fixture
def headers(store):
    """The headers of ana's and eve's key."""
    found = {}
    for owner in ("ana", "eve"):
        with store.write() as session:
            key = keys.create_key(session, name=owner, owner=owner, scope=Scope.SUBMIT, days=1)
        found[owner] = {"Authorization": f"Bearer {key}"}
    return found


def run(client, store, spec: dict, headers: dict, deviation: float) -> None:
    assert client.post(JOBS, json=spec, headers=headers).status_code == 202
    work(store, lambda unit: {**METRICS, "retention_deviation": deviation})


def means(client) -> list[tuple[float, int]]:
    """Mean and seeds of every unlearner's cell on the board."""
    rows = client.get("/api/v1/leaderboard").json()["rows"]
    return [(round(cell["mean"], 6), cell["seeds"]) for row in rows for cell in row["cells"]]


@pytest.fixture
def next_release(monkeypatch):
    """Make units that differ from those before, and stand in the same places."""
    revisions = iter(range(100, 200))
    return lambda: monkeypatch.setattr(plan, "EVALUATION_REVISION", next(revisions))


def test_a_newer_private_result_leaves_the_public_one_on_the_board(client, store, headers, next_release):
    run(client, store, SEEDS, headers["ana"], 0.3)
    next_release()
    run(client, store, PRIVATE, headers["ana"], 0.5)

    assert means(client) == [(0.3, 3)]
    shown = client.get("/api/v1/results", params={"unlearner": "ft"}).json()["items"]
    assert [result["is_superseded"] for result in shown] == [False] * 3
    with store.read() as session:
        board = load_board(session, PROTOCOLS["quick/1.0"], Metric.RETENTION_DEVIATION)  # sees everything
    assert [round(cell.summary.mean, 6) for row in board.rows for cell in row.cells] == [0.5]


def test_it_supersedes_for_everybody_once_a_public_job_shares_it(client, store, headers, next_release):
    run(client, store, SEEDS, headers["ana"], 0.3)
    next_release()
    run(client, store, PRIVATE, headers["ana"], 0.5)
    client.post(JOBS, json=SEEDS, headers=headers["eve"])

    assert means(client) == [(0.5, 3)]
    shown = client.get("/api/v1/results", params={"unlearner": "ft"}).json()["items"]
    assert sorted(result["is_superseded"] for result in shown) == [False] * 3 + [True] * 3


def test_a_newer_public_result_supersedes_private_ones_too(client, store, headers, next_release):
    run(client, store, PRIVATE, headers["ana"], 0.5)
    next_release()
    run(client, store, SEEDS, headers["eve"], 0.3)
    assert means(client) == [(0.3, 3)]


def test_an_older_result_that_becomes_public_does_not_supersede_a_newer_one(
    client, store, headers, next_release, monkeypatch
):
    run(client, store, PRIVATE, headers["ana"], 0.5)
    before = plan.EVALUATION_REVISION
    next_release()
    run(client, store, SEEDS, headers["eve"], 0.3)
    monkeypatch.setattr(plan, "EVALUATION_REVISION", before)
    client.post(JOBS, json=SEEDS, headers=headers["eve"])
    assert means(client) == [(0.3, 3)]


def test_the_events_of_a_shared_unit_do_not_tell_who_else_wants_it(client, headers):
    mine = client.post(JOBS, json=SEEDS, headers=headers["ana"]).json()["id"]
    client.post(f"{JOBS}/{mine}/cancel", headers=headers["ana"])
    other = client.post(JOBS, json=PRIVATE, headers=headers["eve"]).json()["id"]
    client.post(f"{JOBS}/{other}/cancel", headers=headers["eve"])

    told = client.get(f"{JOBS}/{mine}/events").text

    assert "Queued again" in told
    assert '"ana"' in told
    assert '"eve"' not in told
