"""Results and trials say which setting they belong to, not by an id alone."""

import pytest

from tests.api.steps import JOBS, SPEC, work

SWEPT = {**SPEC, "unlearners": ["ft"], "model_seeds": [0], "sweep": {"seeds": [0], "trials": 1}}


def rows_of(client, store, kind: str, **setting: object) -> list[dict[str, object]]:
    place = {**SWEPT["settings"][0], **setting}
    job = client.post(JOBS, json={**SWEPT, "settings": [place]}).json()
    work(store)
    return client.get(job["links"][kind]).json()["items"]


@pytest.mark.parametrize("kind", ["results", "trials"])
def test_every_row_names_dataset_model_forget_rule_and_precision(client, store, kind):
    rows = rows_of(client, store, kind, forget={"rule": "class", "labels": [3]}, precision="bf16")

    assert rows
    for row in rows:
        assert (row["dataset"], row["model"], row["precision"]) == ("digits", "resnet18", "bf16")
        assert (row["forget"]["rule"], row["forget"]["labels"]) == ("class", [3])


def test_rows_of_a_sequence_say_of_which_step_they_are(client, store):
    steps = [{"rule": "class", "labels": [3]}, {"count": 20}]
    rows = rows_of(client, store, "results", forget={"rule": "sequence", "steps": steps})

    first, second = sorted(
        (row["forget"] for row in rows if row["unlearner"] == "ft"), key=lambda forget: forget["step"]
    )
    assert (first["rule"], first["labels"], first["step"], first["before"]) == ("class", [3], 0, [])
    assert (second["rule"], second["count"], second["step"]) == ("random", 20, 1)
    (before,) = second["before"]
    assert (before["rule"], before["labels"], before["step"]) == ("class", [3], None)


def test_one_result_and_a_list_of_them_say_the_same(client, store):
    row = rows_of(client, store, "results")[0]

    listed = client.get("/api/v1/results").json()["items"]
    alone = client.get(f"/api/v1/results/{row['id']}").json()

    assert row in listed
    assert {name: alone[name] for name in row} == row
