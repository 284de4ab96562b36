"""What a job would cost, before it is submitted."""

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
