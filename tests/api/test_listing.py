"""Jobs, listed and asked for: what a page and a long poll cost the store."""

from tests.api.steps import JOBS, SPEC


def submit(client, number: int) -> list[str]:
    """Jobs that wait, none like another; their ids, newest first."""
    specs = [{**SPEC, "model_seeds": [seed, seed + 1]} for seed in range(number)]
    return [client.post(JOBS, json=spec).json()["id"] for spec in specs][::-1]


def test_a_page_of_jobs_takes_as_many_statements_as_one_job(client, statements):
    submit(client, 1)
    statements.clear()
    client.get(JOBS)
    of_one = len(statements)
    submit(client, 19)
    statements.clear()
    items = client.get(JOBS).json()["items"]
    assert (len(items), len(statements)) == (20, of_one)


def test_a_page_says_of_every_job_what_it_says_by_itself(client, store, statements):
    submit(client, 4)
    listed = client.get(JOBS).json()["items"]
    assert [job["waiting"]["units_ahead"] > 0 for job in listed] == [True, True, True, False]
    assert listed == [client.get(f"{JOBS}/{job['id']}").json() for job in listed]


def test_a_cancellation_of_many_answers_all_of_them_at_once(client, statements):
    first, *others = submit(client, 6)
    answer = client.post(f"{JOBS}/cancel", json={"ids": [first, *others]}).json()
    assert {job["id"]: job["state"] for job in answer["cancelled"]} == dict.fromkeys(
        [first, *others], "cancelled"
    )


def test_a_long_poll_that_nothing_happens_to_only_looks_at_the_state(client, statements):
    (job_id,) = submit(client, 1)
    statements.clear()
    client.get(f"{JOBS}/{job_id}")
    once = len(statements)
    statements.clear()
    client.get(f"{JOBS}/{job_id}", params={"wait": 0.6})
    looks = [statement for statement in statements if statement.startswith("SELECT job.state")]
    assert looks
    assert len(statements) == once + len(looks)
