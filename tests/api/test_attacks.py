"""Attacks on single samples, as the API shows them."""

import csv
import io

import pytest

from tests.api.steps import JOBS, SPEC, problem, work

ATTACKED = {
    **SPEC,
    "unlearners": ["ft", "ct"],
    "model_seeds": [0],
    "attacks": [{"id": "u_lira", "splits": 10, "forget_sets": 3, "out": "retrain", "originals": "per_split"}],
}


ONE_DATABASE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
GRID = {"out": "retrain", "splits": 10, "forget_sets": 3}
FOUND = {"mean_accuracy": 0.61, "low": 0.58, "high": 0.64, "tpr_at_fpr_1pct": 0.61, **GRID, "reason": None}


@pytest.fixture
def job(client, store) -> dict:
    submitted = client.post(JOBS, json=ATTACKED).json()
    work(store)
    return client.get(f"{JOBS}/{submitted['id']}").json()


def test_a_study_is_counted_by_stage(job):
    assert {kind: counts["done"] for kind, counts in job["stages"].items()} == {
        "train": 2 + 10 + 30,
        "evaluate": 2,
        "unlearn": 2,
        "score": 4 * 30,
        "attack": 4,
    }
    assert job["state"] == "succeeded"


def test_a_methods_attack_has_its_figures_curve_and_histogram(client, job):
    setting = client.get(job["links"]["results"]).json()["items"][0]["setting_id"]

    (attack,) = client.get(f"/api/v1/attacks/{setting}/ft").json()["items"]

    assert (attack["attack"], attack["subject"], attack["out"]) == ("u_lira", "ft", "retrain")
    assert (attack["splits"], attack["forget_sets"]) == (10, 3)
    assert attack["mean_accuracy"] == attack["figures"]["mean"]["value"] == 0.61
    assert attack["roc"] == {"fpr": [0, 1], "tpr": [0, 1]}
    assert attack["histogram"] == {"edges": [0, 0.5, 1], "counts": [1, 19]}
    assert not attack["is_calibration"]


def test_the_attacks_on_one_method_tell_how_they_do_on_each_sample_and_lists_do_not(client, job):
    setting = client.get(job["links"]["results"]).json()["items"][0]["setting_id"]

    (ft,), (ct,) = (client.get(f"/api/v1/attacks/{setting}/{name}").json()["items"] for name in ("ft", "ct"))
    listed = client.get(f"/api/v1/attacks/{setting}").json()["items"]

    assert ft["samples"] == {"index": [7, 3], "accuracy": [0.5, 0.75]}
    assert ct["samples"] is None
    assert {attack["samples"] for attack in listed} == {None}


def test_an_attack_that_could_not_be_run_is_null_with_its_reason(client, job):
    setting = client.get(job["links"]["results"]).json()["items"][0]["setting_id"]

    (attack,) = client.get(f"/api/v1/attacks/{setting}/ct").json()["items"]

    assert attack["mean_accuracy"] is attack["figures"] is attack["roc"] is None
    assert attack["reason"] == "1 of 70 models (ct) have no scores"


def test_a_jobs_and_a_settings_attacks_are_listed_with_those_that_calibrate_them(client, job):
    found = client.get(job["links"]["attacks"]).json()["items"]

    assert [(attack["subject"], attack["is_calibration"]) for attack in found] == [
        ("original", True),
        ("retrained", True),
        ("ft", False),
        ("ct", False),
    ]
    beside = client.get(f"/api/v1/attacks/{found[0]['setting_id']}").json()["items"]
    assert sorted(beside, key=str) == sorted(found, key=str)


def test_no_attack_beside_a_setting_is_an_empty_list(client):
    assert client.get("/api/v1/attacks/set_none").json() == {"items": []}


def test_results_carry_the_attacks_mean_accuracy_where_there_is_one(client, job):
    found = client.get(job["links"]["results"]).json()["items"]

    assert {result["unlearner"]: result["attack_accuracy"] for result in found} == {
        "original": {"u_lira": 0.61},
        "retrained": {"u_lira": 0.61},
        "ft": {"u_lira": 0.61},
        "ct": {},
    }


def test_results_carry_the_attacks_interval_and_say_why_there_is_none(client, job):
    found = client.get(job["links"]["results"]).json()["items"]
    listed = client.get("/api/v1/results").json()["items"]
    attacks = {result["unlearner"]: result["attacks"]["u_lira"] for result in found}
    ft = next(result for result in found if result["unlearner"] == "ft")

    assert attacks["ft"] == FOUND
    assert attacks["ct"] == {**dict.fromkeys(FOUND), **GRID, "reason": "1 of 70 models (ct) have no scores"}
    assert {result["unlearner"]: result["attacks"]["u_lira"] for result in listed} == attacks
    assert client.get(f"/api/v1/results/{ft['id']}").json()["attacks"] == {"u_lira": FOUND}


def of_board(client) -> dict[str, dict]:
    board = client.get("/api/v1/leaderboard").json()
    rows = [*board["rows"], *board["references"]]
    return {row["label"]: row["cells"][0]["attacks"]["u_lira"] for row in rows}


@ONE_DATABASE
def test_the_board_shows_a_private_jobs_attack_once_a_public_job_asks_for_it(client, store):
    client.post(JOBS, json={**ATTACKED, "attacks": []})
    client.post(JOBS, json={**ATTACKED, "visibility": "private"})
    work(store)
    before = of_board(client)

    client.post(JOBS, json=ATTACKED)

    assert before["ft"]["reason"] == "not run"
    assert of_board(client)["ft"] == FOUND


def test_the_board_has_the_attacks_as_soon_as_they_are_done_and_says_where_none_was_run(client, store):
    client.post(JOBS, json={**ATTACKED, "attacks": []})
    work(store)
    before = of_board(client)
    client.post(JOBS, json=ATTACKED)
    work(store)
    after = of_board(client)

    assert set(before) == set(after) == {"ft", "ct", "original", "retrained"}
    assert {attack["reason"] for attack in before.values()} == {"not run"}
    assert {attack["mean_accuracy"] for attack in before.values()} == {None}
    assert after["ft"] == after["original"] == FOUND
    assert after["ct"]["reason"] == "1 of 70 models (ct) have no scores"


@ONE_DATABASE
def test_exports_of_the_board_have_a_column_for_each_attack_that_was_run(client, job):
    def export(form: str) -> str:
        return client.get("/api/v1/leaderboard", params={"format": form}).text

    rows = {row["label"]: row for row in csv.DictReader(io.StringIO(export("csv")))}
    assert (rows["ft"]["u_lira.mean_accuracy"], rows["ft"]["u_lira.low"]) == ("0.61", "0.58")
    assert rows["ct"]["u_lira.mean_accuracy"] == ""
    assert rows["ct"]["u_lira.reason"] == "1 of 70 models (ct) have no scores"
    assert "digits/resnet18, u_lira" in export("markdown")
    assert "0.610 (0.580 to 0.640), 0.610" in export("markdown")
    assert "digits/resnet18, u\\_lira" in export("latex")


def test_attacks_on_what_was_never_attacked_are_not_found(client):
    problem(client.get("/api/v1/attacks/set_none/ft"), 404, "not_found")


@ONE_DATABASE
def test_an_attack_of_somebody_elses_package_is_in_the_catalogue_and_in_the_answer(catalogue, client, store):
    listed = {attack["id"]: attack for attack in client.get("/api/v1/catalog").json()["attacks"]}
    grid = {"splits": 6, "forget_sets": 2, "originals": "per_split"}
    asked = [{"id": name, **grid} for name in ("rmia", "toy_threshold")]
    submitted = client.post(JOBS, json={**ATTACKED, "unlearners": ["ft"], "attacks": asked}).json()
    work(store)

    found = client.get(f"{JOBS}/{submitted['id']}/attacks").json()["items"]

    assert listed["toy_threshold"]["on"] == "samples"
    assert (listed["u_lira"]["min_splits"], listed["rmia"]["min_splits"]) == (5, 2)
    assert [(attack["attack"], attack["subject"]) for attack in found if not attack["is_calibration"]] == [
        ("rmia", "ft"),
        ("toy_threshold", "ft"),
    ]
