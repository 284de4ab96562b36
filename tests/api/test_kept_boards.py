"""Boards are kept until a result of theirs changes; a kept one is never out of date."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.export import render
from core.store import jobs, units
from tests.api.steps import JOBS, METRICS, SPEC, work

BOARD = "/api/v1/leaderboard"
SEEDS = {**SPEC, "model_seeds": [0, 1, 2]}


def shown(client, path=BOARD, **asked) -> list[str]:
    return [row["label"] for row in client.get(path, params=asked).json()["rows"]]


@pytest.mark.parametrize("path", [BOARD, f"{BOARD}/uncertainty", f"{BOARD}/sensitivity"])
def test_an_unchanged_board_is_answered_without_reading_results(client, store, statements, path):
    client.post(JOBS, json=SEEDS)
    work(store)
    first = client.get(path)
    statements.clear()
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert statements
    assert not [statement for statement in statements if "result." in statement]


def test_every_view_of_the_board_is_kept_by_itself(client, store):
    client.post(JOBS, json=SEEDS)
    work(store)
    asked = [{}, {"metric": "indiscernibility"}, {"cohort": "all"}, {"format": "csv"}, {"model": "tiny_vit"}]
    for _ in range(2):
        assert len({client.get(BOARD, params=params).text for params in asked}) == len(asked)


def test_a_new_result_is_on_the_board_at_once(client, store):
    client.post(JOBS, json=SEEDS)
    work(store)
    before = client.get(BOARD)
    client.post(JOBS, json={**SEEDS, "unlearners": ["ct"]})
    work(store, lambda unit: {**METRICS, "retention_deviation": 0.2})
    assert sorted(shown(client)) == ["ct", "ft", "ga"]
    assert client.get(BOARD).headers["etag"] != before.headers["etag"]


def test_a_private_jobs_results_appear_once_a_public_job_needs_them(client, store):
    client.post(JOBS, json={**SEEDS, "visibility": "private"})
    work(store)
    assert shown(client) == []
    assert client.get(f"{BOARD}/settings").json()["items"] == []
    client.post(JOBS, json=SEEDS)
    assert sorted(shown(client)) == ["ft", "ga"]
    assert [setting["results"] for setting in client.get(f"{BOARD}/settings").json()["items"]] == [12]


def test_what_is_recorded_for_a_private_and_a_public_job_is_public(client, store):
    private = client.post(JOBS, json={**SEEDS, "visibility": "private"}).json()["id"]
    client.post(JOBS, json=SEEDS)
    with store.write() as session:
        jobs.cancel(session, private, actor="test")
    work(store)
    with store.read() as session:
        assert units.count_by_state(session)[units.UnitState.DONE] == 18
    assert sorted(shown(client)) == ["ft", "ga"]


def test_a_board_that_many_ask_for_at_once_is_made_once(client, store, monkeypatch):
    client.post(JOBS, json=SEEDS)
    work(store)
    made = []

    def make_slowly(*asked) -> str:
        made.append(asked)
        time.sleep(0.3)
        return render(*asked)

    monkeypatch.setattr("api.routes.leaderboard.render", make_slowly)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.get(BOARD).content, range(4)))
    assert len(made) == 1
    assert len(set(answers)) == 1


def test_a_board_that_cannot_be_made_is_made_when_it_can(client, store, monkeypatch):
    client.post(JOBS, json=SEEDS)
    work(store)
    failures = [RuntimeError("once")]

    def fail_once(*asked) -> str:
        if failures:
            raise failures.pop()
        return render(*asked)

    monkeypatch.setattr("api.routes.leaderboard.render", fail_once)
    assert client.get(BOARD).status_code == 500
    assert sorted(shown(client)) == ["ft", "ga"]


@pytest.mark.parametrize("asked", [BOARD, JOBS])
def test_who_takes_gzip_gets_it_and_who_does_not_gets_the_same_plain(client, store, asked):
    client.post(JOBS, json=SEEDS)
    work(store)
    for _ in range(2):
        packed = client.get(asked, headers={"Accept-Encoding": "br, gzip"})
        plain = client.get(asked, headers={"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
        assert packed.content == plain.content
        assert "Accept-Encoding" in packed.headers["vary"]


@pytest.mark.parametrize("asked", [BOARD, JOBS])
def test_the_tag_of_either_form_is_good_for_both_and_a_304_varies_as_they_do(client, store, asked):
    job = client.post(JOBS, json=SEEDS).json()["id"]
    work(store)
    path = f"{JOBS}/{job}" if asked == JOBS else asked
    forms = [{"Accept-Encoding": encoding} for encoding in ("gzip", "identity")]
    answers = [client.get(path, headers=form) for form in forms]
    (etag,) = {answer.headers["etag"] for answer in answers}
    assert etag.startswith('W/"')  # a strong one would promise the same bytes
    for form in forms:
        again = client.get(path, headers={**form, "If-None-Match": etag})
        assert again.status_code == 304
        assert {again.headers["vary"], *(answer.headers["vary"] for answer in answers)} == {
            "Authorization, Accept-Encoding"
        }
