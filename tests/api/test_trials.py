"""What sweeps have tried, as the API shows it."""

from sqlalchemy import text

from tests.api.steps import JOBS, SPEC, problem, work

SWEPT = {**SPEC, "unlearners": ["ft"], "model_seeds": [0], "sweep": {"seeds": [0, 1], "trials": 3}}


def test_a_sweep_is_planned_in_trials_and_counted_by_stage(client):
    job = client.post(JOBS, json=SWEPT).json()

    assert {kind: counts["total"] for kind, counts in job["stages"].items()} == {
        "train": 4,
        "evaluate": 4,
        "trial": 6,
        "selection": 1,
        "unlearn": 1,
    }
    assert job["units"]["total"] == 16


def test_every_attempt_is_listed_with_its_objectives_score_and_seconds(client, store):
    job = client.post(JOBS, json=SWEPT).json()
    work(store)

    attempts = client.get(job["links"]["trials"]).json()["items"]

    assert [(a["sweep_seed"], a["index"], a["attempt"], a["state"]) for a in attempts[:4]] == [
        (0, 0, 1, "failed"),
        (0, 0, 2, "completed"),
        (0, 1, 1, "failed"),
        (0, 1, 2, "completed"),
    ]
    assert attempts[0]["reason"] == "it raised"
    assert attempts[1]["objectives"] == {"retain": 0.1, "forget": 0.2, "validation": 0.2, "mia": 0.0}
    assert abs(attempts[1]["score"] - 0.3) < 1e-9
    assert attempts[1]["runtime_seconds"] == 1.5
    assert attempts[1]["hyperparameters"]["augment"] is False  # what was not drawn is told too


def test_every_attempt_says_what_it_computed_and_where(client, store):
    job = client.post(JOBS, json=SWEPT).json()
    work(store, provenance={"device": "a GPU", "git_revision": "abc", "precision": "fp32"})

    raised, completed = client.get(job["links"]["trials"]).json()["items"][:2]

    assert (raised["work"], completed["work"]) == (None, {"forward": 40.0, "backward": 30.0})
    assert completed["provenance"] == {"device": "a GPU", "git_revision": "abc", "precision": "fp32"}


def test_trials_of_earlier_versions_have_neither(client, store):
    job = client.post(JOBS, json=SWEPT).json()
    work(store)
    with store.write() as session:
        session.execute(text("UPDATE trial SET work = NULL, provenance = NULL"))

    attempt = client.get(job["links"]["trials"]).json()["items"][1]

    assert (attempt["work"], attempt["provenance"]) == (None, None)


def test_pages_of_trials_cover_everything_once(client, store):
    job = client.post(JOBS, json=SWEPT).json()
    work(store)
    seen, cursor = [], None
    while True:
        page = client.get(
            job["links"]["trials"], params={"limit": 4, "cursor": cursor} if cursor else {"limit": 4}
        )
        seen += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break

    assert len({(a["unit_id"], a["attempt"]) for a in seen}) == len(seen) == 12


def test_trials_of_an_unknown_job_are_not_found(client):
    problem(client.get(f"{JOBS}/job_none/trials"), 404, "not_found")


def test_units_of_a_sweep_name_their_method_and_place(client):
    job = client.post(JOBS, json=SWEPT).json()

    units = client.get(job["links"]["units"]).json()["items"]

    trial = next(unit for unit in units if unit["kind"] == "trial")
    assert (trial["unlearner"], trial["dataset"], trial["model"]) == ("ft", "digits", "resnet18")
    assert trial["title"] == "try ft, trial 1 of 3"
