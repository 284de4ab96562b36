"""Frozen boards, through HTTP: what is kept, who may freeze, and that nobody can change it."""

import csv
import hashlib
import io
from collections.abc import Iterator

import pytest
import rfc8785
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from api.board_schemas import LeaderboardAnswer
from api.main import create_app
from core.settings import Settings
from core.spec.units import Unit
from core.store import keys
from core.store.keys import Scope
from core.store.session import Store
from tests.api.steps import JOBS, METRICS, problem, work
from tests.services import HERE

SNAPSHOTS = "/api/v1/snapshots"
BOARD = "/api/v1/leaderboard"
SPEC = {"settings": [{"dataset": "digits", "model": "resnet18"}], "unlearners": ["ft", "srl", "ga"]}
ONE_DATABASE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
FAR_APART = {"ft": 0.1, "ct": 0.12, "srl": 1.0, "ga": 9.0}


def reached(unit: Unit) -> dict[str, float]:
    deviation = FAR_APART[unit.unlearner] if unit.kind == "unlearn" else 0.1
    return {**METRICS, "retention_deviation": deviation}


def run(client: TestClient, store: Store, **changes: object) -> None:
    client.post(JOBS, json={**SPEC, **changes})
    work(store, reached)


def freeze(client: TestClient, **fields: object) -> dict:
    answer = client.post(SNAPSHOTS, json={"protocol": "quick/1.0", **fields})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{SNAPSHOTS}/{answer.json()['id']}"
    return answer.json()


def cells(table: str) -> list[list[float | str]]:
    """The cells of a CSV file, numbers as such: canonical JSON writes 4.0 as 4."""
    return [[plain(cell) for cell in line] for line in csv.reader(io.StringIO(table))]


def plain(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


@pytest.fixture
def frozen(client, store) -> dict:
    """A snapshot of a board of three unlearners."""
    run(client, store)
    return freeze(client, title="As submitted")


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Iterator[tuple[TestClient, dict]]:
    """A service with one snapshot, for tests that only read."""
    var_dir = tmp_path_factory.mktemp("var")
    settings = Settings(var_dir=var_dir, page_dir=var_dir / "no-page")
    store = Store(settings.database)
    store.migrate()
    with TestClient(create_app(settings), raise_server_exceptions=False, base_url=HERE) as client:
        run(client, store)
        yield client, freeze(client)
    store.engine.dispose()


def test_a_snapshot_keeps_the_board_as_it_was(client, store, frozen):
    then = client.get(BOARD).json()
    run(client, store, unlearners=["ct"])

    detail = client.get(f"{SNAPSHOTS}/{frozen['id']}").json()

    assert {name: detail[name] for name in frozen} == frozen
    assert (detail["title"], detail["owner"], detail["tier"]) == ("As submitted", "local", "run_here")
    content = detail["content"]
    assert content["boards"]["retention_deviation"] == then != client.get(BOARD).json()
    assert content["boards"]["indiscernibility"]["metric"] == "indiscernibility"
    intervals = {
        row["label"]: row["over_seeds"] for row in content["uncertainty"]["retention_deviation"]["rows"]
    }
    assert intervals["ft"] == {"low": 1, "high": 1}
    assert detail["num_results"] == len(content["results"]) == 5 * 3


@ONE_DATABASE
def test_a_snapshot_keeps_what_attacks_found_beside_the_board(client, store):
    study = {"id": "u_lira", "splits": 10, "forget_sets": 7, "out": "retrain", "originals": "per_split"}
    run(client, store, unlearners=["ft"], attacks=[study])

    content = client.get(f"{SNAPSHOTS}/{freeze(client)['id']}").json()["content"]

    (cell,) = content["boards"]["retention_deviation"]["rows"][0]["cells"]
    assert cell["attacks"]["u_lira"]["mean_accuracy"] == 0.61
    assert content["boards"]["retention_deviation"] == client.get(BOARD).json()


def test_anyone_can_recompute_the_hash_from_the_bytes_and_from_the_document(kept):
    client, frozen = kept
    answer = client.get(f"{SNAPSHOTS}/{frozen['id']}/content")

    assert hashlib.sha256(answer.content).hexdigest() == frozen["sha256"]
    document = client.get(f"{SNAPSHOTS}/{frozen['id']}").json()["content"]
    assert hashlib.sha256(rfc8785.dumps(document)).hexdigest() == frozen["sha256"]


def test_a_result_that_a_snapshot_rests_on_can_be_checked_against_its_hash(kept):
    client, frozen = kept
    entry = client.get(f"{SNAPSHOTS}/{frozen['id']}").json()["content"]["results"][-1]
    result = client.get(f"/api/v1/results/{entry['id']}").json()

    beside = ("attack_accuracy", "attacks", "created_at", "forget_reading", "is_superseded", "jobs")
    for name in (*beside, "dataset", "forget", "model", "precision", "run_seed"):
        del result[name]
    assert hashlib.sha256(rfc8785.dumps(result)).hexdigest() == entry["sha256"]


def test_a_board_that_was_frozen_before_run_seeds_were_told_can_still_be_read(kept):
    client, frozen = kept
    board = client.get(f"{SNAPSHOTS}/{frozen['id']}").json()["content"]["boards"]["indiscernibility"]
    for told in (*board["settings"], *(cell for row in board["rows"] for cell in row["cells"])):
        del told["run_seed"]

    read = LeaderboardAnswer.model_validate(board)

    assert [setting.run_seed for setting in read.settings] == [123]


@ONE_DATABASE
def test_a_board_that_has_not_changed_is_frozen_once(client, frozen):
    again = client.post(SNAPSHOTS, json={"protocol": "quick/1.0", "title": "Another title"})

    assert (again.status_code, again.json()) == (200, frozen)


def test_the_database_refuses_to_change_a_snapshot(client, store, frozen):
    then = client.get(f"{SNAPSHOTS}/{frozen['id']}").json()

    for change in (
        "UPDATE snapshot SET title = 'x'",
        "UPDATE snapshot SET content = '{}'",
        "DELETE FROM snapshot",
    ):
        with pytest.raises(DBAPIError, match="a snapshot cannot be changed"), store.write() as session:
            session.execute(text(change))
    assert client.get(f"{SNAPSHOTS}/{frozen['id']}").json() == then


def test_snapshots_are_listed_newest_first_and_the_paper_last(client, store, frozen):
    run(client, store, unlearners=["ct"])
    newer = freeze(client)

    assert [item["id"] for item in client.get(SNAPSHOTS).json()["items"]] == [
        newer["id"],
        frozen["id"],
        "paper",
    ]
    first = client.get(SNAPSHOTS, params={"limit": 1}).json()
    rest = client.get(SNAPSHOTS, params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == [newer["id"], frozen["id"], "paper"]
    assert newer["title"].startswith("Quick, 20")


def test_what_never_changes_may_be_kept_for_a_year(kept):
    client, frozen = kept
    answer = client.get(f"{SNAPSHOTS}/{frozen['id']}")

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    known = {"If-None-Match": answer.headers["etag"]}
    assert client.get(f"{SNAPSHOTS}/{frozen['id']}", headers=known).status_code == 304
    assert "immutable" not in client.get(f"{SNAPSHOTS}/paper").headers["cache-control"]


@ONE_DATABASE
def test_the_leaderboard_answers_as_the_snapshot_froze_it_in_every_format(client, store, frozen):
    asked = {given: {"format": given} for given in ("csv", "markdown", "latex")}
    then = {given: client.get(BOARD, params=params).text for given, params in asked.items()}
    run(client, store, unlearners=["ct"])

    now = {
        given: client.get(BOARD, params={**params, "snapshot": frozen["id"]}).text
        for given, params in asked.items()
    }
    assert (now["markdown"], now["latex"]) == (then["markdown"], then["latex"])
    assert cells(now["csv"]) == cells(then["csv"])
    board = client.get(BOARD, params={"snapshot": frozen["id"], "metric": "indiscernibility"}).json()
    assert (board["snapshot"], board["metric"], board["tier"]) == (
        frozen["id"],
        "indiscernibility",
        "run_here",
    )


def test_a_snapshot_is_of_the_whole_board(kept):
    client, frozen = kept
    asked = {"snapshot": frozen["id"], "dataset": "digits", "cohort": "all"}
    document = problem(client.get(BOARD, params=asked), 422, "invalid_spec")
    assert [error["pointer"] for error in document["errors"]] == ["#/query/dataset", "#/query/cohort"]


@ONE_DATABASE
def test_a_diff_says_what_moved_since_and_why(client, store, frozen):
    assert client.get(f"{SNAPSHOTS}/{frozen['id']}/diff").json()["boards"][0]["moved"] == []
    run(client, store, unlearners=["ct"])
    newer = freeze(client)

    until_now = client.get(f"{SNAPSHOTS}/{frozen['id']}/diff").json()
    between = client.get(f"{SNAPSHOTS}/{frozen['id']}/diff", params={"to": newer["id"]}).json()

    assert until_now == {**between, "after": None}
    assert (between["before"]["id"], between["after"]["id"]) == (frozen["id"], newer["id"])
    board = between["boards"][0]
    rows = {row["label"]: row for row in board["moved"]}
    assert rows["ct"]["before"] is None
    assert rows["ct"]["causes"] == [{"code": "new_unlearner", "text": "ct was not on the board before"}]
    assert board["unchanged"] == 3


def test_a_board_is_compared_with_the_paper(kept):
    client, frozen = kept
    found = client.get(f"{SNAPSHOTS}/paper/diff", params={"to": frozen["id"]}).json()

    assert found["before"]["title"] == "The paper's tables"
    board = found["boards"][0]
    assert board["ranks"]["shared"] == 3
    assert board["counts"]["shared"] == 12
    assert {row["label"] for row in board["moved"]} >= {"msg", "ft"}
    assert client.get(f"{SNAPSHOTS}/paper/diff").json() == {**found, "after": None}


def test_the_papers_table_comes_in_the_formats_of_the_board(kept):
    client, _ = kept
    asked = {"snapshot": "paper", "format": "csv"}
    lines = list(csv.DictReader(io.StringIO(client.get(BOARD, params=asked).text)))

    assert len(lines) == 18
    assert (lines[0]["label"], lines[0]["g1"], lines[0]["tier"]) == ("ft", "8", "published")


@ONE_DATABASE
def test_an_empty_board_is_not_frozen(client):
    problem(client.post(SNAPSHOTS, json={"protocol": "quick/1.0"}), 409, "conflict")
    assert [item["id"] for item in client.get(SNAPSHOTS).json()["items"]] == ["paper"]


def test_what_does_not_exist_is_a_problem(kept):
    client, frozen = kept
    problem(client.get(f"{SNAPSHOTS}/snp_none"), 404, "not_found")
    problem(client.get(f"{SNAPSHOTS}/snp_none/content"), 404, "not_found")
    problem(client.get(f"{SNAPSHOTS}/{frozen['id']}/diff", params={"to": "snp_none"}), 404, "not_found")
    problem(client.get(BOARD, params={"snapshot": "snp_none"}), 404, "not_found")
    problem(client.post(SNAPSHOTS, json={"protocol": "quik/1.0"}), 422, "invalid_spec")
    problem(client.post(SNAPSHOTS, json={"protocol": "quick/1.0", "titel": "x"}), 422, "invalid_request")


@ONE_DATABASE
def test_only_administrators_freeze_and_everybody_reads(client, store, frozen):
    with store.write() as session:
        submitter = keys.create_key(session, name="ana", owner="ana", scope=Scope.SUBMIT, days=1)
        admin = keys.create_key(session, name="root", owner="root", scope=Scope.ADMIN, days=1)
    body = {"protocol": "quick/1.0"}

    problem(client.post(SNAPSHOTS, json=body), 401, "key_refused")
    as_ana = {"Authorization": f"Bearer {submitter}"}
    problem(client.post(SNAPSHOTS, json=body, headers=as_ana), 403, "forbidden")
    as_root = {"Authorization": f"Bearer {admin}"}
    assert client.post(SNAPSHOTS, json=body, headers=as_root).status_code == 200
    assert client.get(f"{SNAPSHOTS}/{frozen['id']}").status_code == 200


@ONE_DATABASE
def test_a_private_result_is_in_no_snapshot(client, store, frozen):
    run(client, store, unlearners=["ct"], visibility="private")

    again = client.post(SNAPSHOTS, json={"protocol": "quick/1.0"})

    assert (again.status_code, again.json()["id"]) == (200, frozen["id"])
