"""What a job would cost, before it is submitted."""

from sqlalchemy import text

from tests.api.steps import JOBS, SPEC, problem, work

ESTIMATE = f"{JOBS}/estimate"


def test_an_estimate_counts_units_and_work_and_submits_nothing(client):
    found = client.post(ESTIMATE, json=SPEC).json()

    assert (found["units"], found["cached"]) == (18, 0)
    assert {kind: stage["units"] for kind, stage in found["stages"].items()} == {
        "train": 6,
        "evaluate": 6,
        "unlearn": 6,
    }
    assert found["work"] > 0
    assert found["flop"] > found["work"]
    assert client.get(JOBS).json()["items"] == []


def test_without_a_measurement_no_time_is_told_and_the_reason_is(client):
    found = client.post(ESTIMATE, json=SPEC).json()

    assert found["seconds"] is None
    assert "nothing has been measured" in found["rests_on"][0]


def test_what_is_done_is_cached(client, store):
    client.post(JOBS, json=SPEC)
    work(store)

    found = client.post(ESTIMATE, json={**SPEC, "unlearners": ["ft", "ct"]}).json()

    assert found["stages"]["unlearn"] == {"units": 6, "cached": 3, "work": found["work"], "seconds": None}
    assert found["stages"]["train"]["cached"] == 6


def test_a_spec_that_would_be_refused_is_refused(client):
    problem(client.post(ESTIMATE, json={**SPEC, "unlearners": ["nope"]}), 422, "invalid_spec")


def test_a_class_wise_forget_set_says_what_its_size_rests_on(client):
    setting = {**SPEC["settings"][0], "forget": {"rule": "class", "labels": [3]}}

    found = client.post(ESTIMATE, json={**SPEC, "settings": [setting]}).json()

    assert "digits: class sizes as published." in found["rests_on"]


def test_trials_are_measurements_and_newer_ones_are_known_soon_with_no_newer_result(
    client, store, monkeypatch
):
    swept = {**SPEC, "unlearners": ["ft"], "sweep": {"seeds": [0], "trials": 2}}
    client.post(JOBS, json=swept)
    work(store)
    more = {**swept, "sweep": {"seeds": [0], "trials": 4}}

    before = client.post(ESTIMATE, json=more).json()
    with store.write() as session:
        session.execute(text("UPDATE trial SET runtime_seconds = 4 * runtime_seconds"))
    kept = client.post(ESTIMATE, json=more).json()
    monkeypatch.setattr("api.estimates.KEPT_SECONDS", 0.0)
    after = client.post(ESTIMATE, json=more).json()

    assert before["seconds"]["p50"] > 0
    assert before["rests_on"] == [
        "digits/resnet18 in fp32: 2 finished units on here; none of the references, "
        "taken to cost what the others do."
    ]
    assert kept == before
    assert after["seconds"]["p50"] == 4 * before["seconds"]["p50"]
