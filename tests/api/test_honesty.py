"""How far a board can be trusted, through HTTP."""

import pytest

from core.spec.units import Unit
from tests.api.steps import JOBS, METRICS, problem, work

BOARD = "/api/v1/leaderboard"
SPEC = {"settings": [{"dataset": "digits", "model": "resnet18"}], "unlearners": ["ft", "ct", "srl", "ga"]}
FAR_APART = {"ft": 0.1, "ct": 0.12, "srl": 1.0, "ga": 9.0}


def reached(unit: Unit) -> dict[str, float]:
    """FT and CT change places between seeds; the others never do."""
    if unit.kind != "unlearn":
        return {**METRICS, "indiscernibility_test": 0.9 + 0.01 * unit.model_seed}
    flip = (
        0.04 * unit.model_seed * (1 if unit.unlearner == "ft" else -1)
        if unit.unlearner in ("ft", "ct")
        else 0
    )
    return {**METRICS, "retention_deviation": FAR_APART[unit.unlearner] + flip}


@pytest.fixture
def ranked(client, store):
    client.post(JOBS, json=SPEC)
    work(store, reached)
    return client


def test_the_uncertainty_tells_a_clear_rank_from_an_open_one(ranked):
    answer = ranked.get(f"{BOARD}/uncertainty").json()

    assert (answer["draws"], answer["level"], answer["model_seeds"]) == (1000, 0.95, [0, 1, 2])
    rows = {row["label"]: row for row in answer["rows"]}
    assert rows["ga"]["over_seeds"] == {"low": rows["ga"]["rank"], "high": rows["ga"]["rank"]}
    assert rows["ft"]["not_distinguishable"] == ["ct"]
    assert rows["ga"]["cells"][0]["probabilities"] == {"G1": 0, "G2": 0, "G3": 1, "F": 0}
    assert rows["ga"]["cells"][0]["standard_error"] == pytest.approx(0)


def test_the_board_by_indiscernibility_tells_what_chance_alone_leaves_as_the_retrained_models_say(
    client, store
):
    client.post(JOBS, json=SPEC)
    work(store, lambda unit: {**METRICS, "indiscernibility_floor_test": 0.93})

    floors = {
        metric: client.get(BOARD, params={"metric": metric}).json()["settings"][0]["indiscernibility_floor"]
        for metric in ("indiscernibility", "retention_deviation")
    }

    assert floors == {"indiscernibility": 0.93, "retention_deviation": None}


HARD = {"rule": "hard"}
LISTED = {"rule": "indices", "indices": [87, 336]}
CLASS = {"rule": "class", "labels": [3]}
PART = {**CLASS, "fraction": 0.5}


def submit(client, forget: dict) -> None:
    place = {"dataset": "digits", "model": "resnet18", "forget": forget}
    client.post(JOBS, json={**SPEC, "settings": [place]})


def sequence(*steps: dict) -> dict:
    return {"rule": "sequence", "steps": [*steps]}


@pytest.mark.parametrize("forget", [HARD, sequence(HARD), sequence(HARD, {})], ids=str)
def test_where_samples_are_chosen_by_loss_the_board_has_no_noise_floor(client, store, forget):
    """Not even where a result that an earlier version measured says one."""
    submit(client, forget)
    work(store, lambda unit: {**METRICS, "indiscernibility_floor_test": 0.93})
    shown = client.get(f"{BOARD}/settings", params={"protocol": "quick/1.0"}).json()["items"]
    last = max(shown, key=lambda item: item["forget"]["step"] or 0)

    asked = {"metric": "indiscernibility", "setting": last["id"]}
    (column,) = client.get(BOARD, params=asked).json()["settings"]

    assert column["forget"] == last["forget"]
    assert column["indiscernibility_floor"] is None


@pytest.mark.parametrize(
    ("auc", "p_value", "reading"),
    [(0.9, 0.001, "remembered"), (0.1, 0.001, "over_unlearned"), (0.1, 0.2, "like_unseen")],
)
def test_a_result_says_which_way_its_forget_losses_lie(client, store, auc, p_value, reading):
    client.post(JOBS, json=SPEC)
    work(store, lambda unit: {**METRICS, "forget_auc_test": auc, "forget_auc_p_value_test": p_value})

    (one, *_) = client.get("/api/v1/results").json()["items"]

    assert (
        one["forget_reading"]
        == client.get(f"/api/v1/results/{one['id']}").json()["forget_reading"]
        == reading
    )


def newest_result(client, store, forget: dict) -> dict:
    """Of the last step, whose p-value is one that an earlier version measured of whatever forget set."""
    submit(client, forget)
    work(store, lambda unit: {**METRICS, "forget_auc_test": 0.1, "forget_auc_p_value_test": 0.001})
    results = client.get("/api/v1/results").json()["items"]
    return max(results, key=lambda result: result["forget"]["step"] or 0)


@pytest.mark.parametrize(
    ("forget", "why"),
    [
        (HARD, "chosen by their loss"),
        (sequence(HARD, {}), "chosen by their loss"),
        (sequence(PART, {}), "a part of some classes"),
        (LISTED, "listed"),
        (sequence(LISTED, {}), "listed"),
    ],
    ids=str,
)
def test_a_forget_set_that_may_be_no_random_draw_is_not_read_and_its_results_say_why(
    client, store, forget, why
):
    result = newest_result(client, store, forget)

    assert result["forget_reading"] is None
    assert why in result["reasons"]["forget_reading"]
    assert "the retrained model's" in result["reasons"]["forget_reading"]


@pytest.mark.parametrize("forget", [CLASS, PART, sequence(CLASS, {}), sequence({}, PART)], ids=str)
def test_classes_and_what_they_leave_are_read_as_they_are_compared_among_their_own(client, store, forget):
    result = newest_result(client, store, forget)

    assert result["forget_reading"] == "over_unlearned"
    assert "forget_reading" not in result["reasons"]


def test_what_has_no_auc_is_not_read_at_all_and_the_retrained_model_is_compared_with_nothing(client, store):
    submit(client, HARD)
    work(store, lambda unit: {**METRICS, "forget_auc_test": 0.1 if unit.kind == "evaluate" else None})
    results = {result["unlearner"]: result for result in client.get("/api/v1/results").json()["items"]}
    references = results.pop("original"), results.pop("retrained")

    assert ["compare" in result["reasons"]["forget_reading"] for result in references] == [True, False]
    assert results
    assert all("forget_reading" not in result["reasons"] for result in results.values())


def test_a_result_from_before_readings_has_none(ranked):
    assert ranked.get("/api/v1/results").json()["items"][0]["forget_reading"] is None


def test_a_metric_that_does_not_exist_is_no_failure(client, store):
    client.post(JOBS, json=SPEC)
    work(store, lambda unit: {**METRICS, "retention_deviation": None})

    rows = client.get(BOARD).json()["rows"]

    assert {(row["rank"], row["failed"], row["cells"][0]["state"]) for row in rows} == {
        (None, 0, "undefined")
    }
    assert {row["cells"][0]["usable_seeds"] for row in rows} == {3}


def test_the_uncertainty_is_the_same_every_time(ranked):
    assert ranked.get(f"{BOARD}/uncertainty").json() == ranked.get(f"{BOARD}/uncertainty").json()


def test_the_sensitivity_ranks_the_same_results_otherwise(ranked):
    answer = ranked.get(f"{BOARD}/sensitivity").json()

    board = ranked.get(BOARD).json()
    assert answer["ranks"] == {row["label"]: row["rank"] for row in board["rows"]}
    logarithmic = next(other for other in answer["alternatives"] if other["id"] == "scale:log")
    assert set(logarithmic["ranks"]) == set(FAR_APART)
    assert {"linkage:single", "cohort:all"} <= {other["id"] for other in answer["alternatives"]}


def test_the_claims_are_tested_on_the_board_and_on_the_paper(ranked):
    answer = ranked.get(f"{BOARD}/claims").json()

    claims = {claim["id"]: claim for claim in answer["claims"]}
    assert len(answer["settings"]) == 1
    assert (claims["ft_retains_best"]["verdict"], claims["ft_retains_best"]["verdict_on_paper"]) == (
        "not_enough_runs",
        "holds",
    )
    assert "msg" in claims["ft_retains_best"]["missing"]
    assert "ft" not in claims["ft_retains_best"]["missing"]
    assert len(claims["ft_retains_best"]["missing_settings"]) == 9
    assert claims["ft_retains_best"]["evidence"] == "ft 1 and 1"


@pytest.mark.parametrize("endpoint", ["uncertainty", "sensitivity", "claims"])
def test_a_board_without_results_is_answered_all_the_same(client, endpoint):
    assert client.get(f"{BOARD}/{endpoint}").status_code == 200


@pytest.mark.parametrize("endpoint", ["uncertainty", "sensitivity", "claims"])
def test_what_does_not_exist_is_a_problem(client, endpoint):
    asked = f"{BOARD}/{endpoint}"
    problem(client.get(asked, params={"protocol": "quik/1.0"}), 422, "invalid_spec")
    problem(client.get(asked, params={"dataset": "digit"}), 422, "invalid_spec")
    problem(client.get(asked, params={"setting": "set_none"}), 404, "not_found")


def test_the_papers_ranks_and_speeds_stand_beside_the_boards_as_far_as_it_has_them(ranked):
    answer = ranked.get(f"{BOARD}/paper").json()
    ranks = {(row["unlearner"], row["metric"]): row for row in answer["ranks"]}
    assert len(ranks) == 18 * 2
    assert ranks["msg", "retention_deviation"]["paper"]["rank"] == 1
    assert ranks["msg", "retention_deviation"]["here"] is None
    assert ranks["ft", "retention_deviation"]["here"]["rank"] >= 1
    assert all(row["here"] is None for row in answer["speeds"] if row["unlearner"] == "msg")
