"""An unlearner's place as a picture, and where a result comes from."""

from xml.etree import ElementTree

import pytest

from tests.api.steps import JOBS, SPEC, problem, work

BADGES = "/api/v1/badges"


def words(answer) -> str:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    return ElementTree.fromstring(answer.text).attrib["aria-label"]


def test_a_badge_says_that_there_is_no_rank_yet(client):
    assert words(client.get(f"{BADGES}/ft.svg")) == "FT: retention deviation, quick/1.0: not ranked yet"


def test_a_badge_shows_the_rank_and_by_what(client, store):
    client.post(JOBS, json={**SPEC, "unlearners": "all"})
    work(store)
    shown = words(client.get(f"{BADGES}/ft.svg", params={"metric": "indiscernibility"}))
    rows = client.get("/api/v1/leaderboard", params={"metric": "indiscernibility"}).json()["rows"]
    ranks = {row["unlearner"]: row["rank"] for row in rows if row["rank"] is not None}
    assert shown == (
        f"FT: indiscernibility, quick/1.0: rank {ranks['ft']} of {max(ranks.values())}, {len(ranks)} methods"
    )


def test_a_variant_has_a_badge_of_its_own(client):
    assert words(client.get(f"{BADGES}/bt.svg", params={"variant": "<fixed>"})).startswith("BT (<fixed>): ")


def test_only_a_badge_may_be_shown_by_other_sites(client):
    policy = "cross-origin-resource-policy"
    assert client.get(f"{BADGES}/ft.svg").headers[policy] == "cross-origin"
    assert client.get(JOBS).headers[policy] == "same-origin"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("nobody.svg", 404, "not_found"), ("ft.svg?protocol=x", 422, "invalid_spec")],
)
def test_a_badge_of_nothing_is_refused(client, path, status, code):
    problem(client.get(f"{BADGES}/{path}"), status, code)


def test_a_result_names_the_jobs_that_it_came_of_newest_first(client, store):
    first, second = (client.post(JOBS, json=SPEC).json()["id"] for _ in range(2))
    work(store)
    shown = client.get("/api/v1/results").json()["items"][0]
    assert client.get(f"/api/v1/results/{shown['id']}").json()["jobs"] == [second, first]
