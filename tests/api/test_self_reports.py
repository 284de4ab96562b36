"""Results that were measured elsewhere, through HTTP: taken whole, shown apart, never ranked."""

import csv
import io

import pytest

from core.store import keys
from core.store.keys import Scope
from tests.api.steps import JOBS, SPEC, problem, work

REPORTS = "/api/v1/self-reported"
ABOUT = {
    "protocol": "quick/1.0",
    "origin": "A group",
    "link": "https://example.org/code",
    "measured_on": "2026-01-31",
}
TABLE = """\
unlearner,dataset,model,model_seed,retention_deviation,mia_test,indiscernibility_test
our_method,digits,resnet18,0,0.030,0.51,0.98
our_method,digits,resnet18,1,0.050,,0.96
ft,digits,tiny_vit,0,0.2,,
"""
ONE_DATABASE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def send(client, table: str | bytes, **changes: str):
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    return client.post(REPORTS, content=table, params={**ABOUT, **changes}, headers=headers)


def test_a_table_is_kept_with_its_origin_and_summed_up_over_seeds(client):
    answer = send(client, TABLE, contact="ana@example.org")

    assert answer.status_code == 201
    report = answer.json()
    assert client.get(answer.headers["location"]).json()["id"] == report["id"]
    assert (report["tier"], report["origin"], report["contact"], report["owner"]) == (
        "self_reported",
        "A group",
        "ana@example.org",
        "local",
    )
    ours = report["cells"][0]
    assert (ours["unlearner"], ours["seeds"], ours["required_seeds"]) == ("our_method", 2, 3)
    assert ours["metrics"]["retention_deviation"] == {
        "mean": pytest.approx(0.04),
        "sd": pytest.approx(0.0002**0.5),
        "seeds": 2,
    }
    assert ours["metrics"]["mia_test"] == {"mean": 0.51, "sd": None, "seeds": 1}
    assert client.get(REPORTS).json()["items"] == [report]


@ONE_DATABASE
def test_json_says_the_same_as_the_table(client):
    by_table = send(client, TABLE).json()
    lines = csv.DictReader(io.StringIO(TABLE))
    results = [{name: cell for name, cell in line.items() if cell} for line in lines]

    by_json = client.post(REPORTS, json={**ABOUT, "results": results}).json()

    assert by_json["cells"] == by_table["cells"]


@ONE_DATABASE
def test_a_report_is_on_no_board_and_in_no_snapshot(client, store):
    client.post(JOBS, json=SPEC)
    work(store)
    before = [client.get(f"/api/v1/leaderboard{path}").content for path in ("", "/uncertainty", "/settings")]
    frozen = client.post("/api/v1/snapshots", json={}).json()

    send(client, TABLE.replace("our_method", "ft"))

    after = [client.get(f"/api/v1/leaderboard{path}").content for path in ("", "/uncertainty", "/settings")]
    assert after == before
    assert client.post("/api/v1/snapshots", json={}).json()["sha256"] == frozen["sha256"]


@ONE_DATABASE
def test_a_table_with_anything_wrong_is_refused_whole(client):
    document = problem(send(client, TABLE.replace("0.050,", "nan,")), 422, "invalid_spec")

    (found,) = document["errors"]
    assert found["pointer"] == "#/results/1/retention_deviation"
    assert found["detail"].startswith("Line 3, column retention_deviation: ")
    assert client.get(REPORTS).json()["items"] == []


@ONE_DATABASE
def test_reports_are_narrowed_to_a_setting_and_taken_along_as_csv(client):
    send(client, TABLE)
    asked = {"protocol": "quick/1.0", "model": "tiny_vit"}

    (found,) = client.get(REPORTS, params=asked).json()["items"]
    (line,) = csv.DictReader(io.StringIO(client.get(REPORTS, params={**asked, "format": "csv"}).text))

    assert [cell["unlearner"] for cell in found["cells"]] == ["ft"]
    assert (line["tier"], line["unlearner"], line["metrics.retention_deviation.mean"]) == (
        "self_reported",
        "ft",
        "0.2",
    )
    assert client.get(REPORTS, params={"protocol": "deep-unlearn/1.0"}).json()["items"] == []


def test_only_its_owner_and_administrators_withdraw_a_report(client, store):
    with store.write() as session:
        ana, bob, root = (
            keys.create_key(session, name=name, owner=name, scope=scope, days=1)
            for name, scope in (("ana", Scope.SUBMIT), ("bob", Scope.SUBMIT), ("root", Scope.ADMIN))
        )
    as_ana, as_bob, as_root = ({"Authorization": f"Bearer {key}"} for key in (ana, bob, root))
    problem(send(client, TABLE), 401, "key_refused")
    headers = {"Content-Type": "text/csv", **as_ana}
    made = [client.post(REPORTS, content=TABLE, params=ABOUT, headers=headers).json() for _ in range(2)]
    first, second = (f"{REPORTS}/{report['id']}" for report in made)

    problem(client.delete(first, headers=as_bob), 403, "forbidden")
    assert client.delete(first, headers=as_ana).status_code == 204
    assert client.delete(second, headers=as_root).status_code == 204
    problem(client.get(first), 404, "not_found")
    assert client.get(REPORTS).json()["items"] == []
