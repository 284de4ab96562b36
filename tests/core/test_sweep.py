"""The search: proposals are Optuna's own stream, and the winner is the smallest norm (protocol §6)."""

import json
import math
import warnings
from collections.abc import Callable

import optuna
import pytest

from core.catalog.registry import installed
from core.catalog.work import Work
from core.errors import SweepExhausted
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import POPULATION, Sweep, TrialUnit
from core.sweep import (
    WORST,
    Attempt,
    Trial,
    Winner,
    choose,
    choose_rescored,
    objectives,
    propose,
    redrawn,
)

SPACE = {
    "learning_rate": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True),
    "weight_decay": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True),
    "batch_size": optuna.distributions.CategoricalDistribution((64, 128, 256)),
    "num_epochs": optuna.distributions.IntDistribution(1, 2),
}


def sweep(**changes: object) -> Sweep:
    """A sweep of fine-tuning on digits, as the planner makes it."""
    spec = {
        "settings": [{"dataset": "digits", "model": "resnet18"}],
        "unlearners": ["ft"],
        "sweep": {"seeds": [3], "trials": 120},
    }
    units = plan(resolve(parse_job_spec(json.dumps(spec)), installed()))
    trial = next(planned.unit for planned in units if isinstance(planned.unit, TrialUnit))
    return trial.sweep.model_copy(update=changes)


def scored(parameters: dict) -> tuple[float, ...]:
    """Objectives with a best rate, so that evolution has something to find."""
    gap = abs(math.log10(parameters["learning_rate"]) + 2) / 4
    return (gap, gap / 2, parameters["batch_size"] / 256, parameters["num_epochs"] / 2)


def completed(parameters: dict, values: tuple[float, ...] | None = None) -> Trial:
    return [Attempt(parameters, "completed", values or scored(parameters), seconds=1.0)]


def ran(of: Sweep, generations: int, outcome: Callable[[dict], Trial] = completed) -> list[Trial]:
    """The trials of the first generations."""
    history: list[Trial] = []
    for generation in range(generations):
        history += [outcome(proposal.parameters) for proposal in propose(of, generation, history)]
    return history


def test_the_proposals_are_those_of_optuna_running_trials_one_after_another():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.NSGAIIISampler(seed=3)
    study = optuna.create_study(directions=["minimize"] * 4, sampler=sampler)
    serial = []
    for _ in range(120):
        trial = study.ask(SPACE)
        study.tell(trial, scored(trial.params))
        serial.append(trial.params)

    proposed = [trial[-1].parameters for trial in ran(sweep(), 3)]

    assert proposed == serial


def test_generation_0_is_random_and_later_ones_depend_on_what_came_out():
    assert propose(sweep(), 0, []) == propose(sweep(), 0, [])
    assert propose(sweep(), 0, []) != propose(sweep(model_seed=4), 0, [])

    good, bad = ran(sweep(), 1), ran(sweep(), 1, lambda parameters: completed(parameters, (1.0,) * 4))

    assert propose(sweep(), 1, good) == propose(sweep(), 1, good)
    assert propose(sweep(), 1, good) != propose(sweep(), 1, bad)


def test_the_last_generation_is_as_short_as_the_number_of_trials_says():
    of = sweep()

    assert [len(of.trials(generation)) for generation in range(of.num_generations)] == [50, 50, 20]
    assert len(propose(of, 2, ran(of, 2))) == 20


def test_batch_sizes_above_the_limit_are_pruned_before_they_run_and_do_not_count():
    proposals = propose(sweep(max_batch_size=128), 0, [])

    assert len(proposals) == POPULATION
    assert {proposal.parameters["batch_size"] for proposal in proposals} == {64, 128}
    pruned = [parameters for proposal in proposals for parameters in proposal.pruned]
    assert {parameters["batch_size"] for parameters in pruned} == {256}


def test_a_space_without_an_allowed_batch_size_ends_with_an_error_that_says_so():
    with pytest.raises(SweepExhausted, match="batch size"):
        propose(sweep(max_batch_size=32), 0, [])


@pytest.mark.parametrize(
    "outcome",
    [
        lambda parameters: completed(parameters, WORST),
        lambda parameters: [
            Attempt(parameters, "failed", reason="it raised"),
            *completed(redrawn(sweep(), 0, 1).parameters),
        ],
        lambda parameters: [Attempt(parameters, "failed", reason="it raised")] * 3,
    ],
    ids=["infinite", "replaced", "failed"],
)
def test_trials_that_diverge_or_raise_do_not_stop_the_search(outcome):
    history = ran(sweep(), 1, outcome)

    assert len(propose(sweep(), 1, history)) == POPULATION


def test_a_trial_that_was_replaced_leaves_its_generation_whole():
    def once_raised(index: int, parameters: dict) -> Trial:
        if index != 7:
            return completed(parameters)
        other = redrawn(sweep(), index, 1)
        return [Attempt(parameters, "failed", reason="it raised"), *completed(other.parameters)]

    history = [
        once_raised(index, proposal.parameters) for index, proposal in enumerate(propose(sweep(), 0, []))
    ]
    evolved = propose(sweep(), 1, history)

    parents = {trial[0].parameters["learning_rate"] for trial in history}
    inherited = [proposal for proposal in evolved if proposal.parameters["learning_rate"] in parents]
    assert len(inherited) > POPULATION / 4  # a random generation would inherit none
    assert len(propose(sweep(), 2, history + [completed(p.parameters) for p in evolved])) == 20


def test_another_attempt_draws_other_hyperparameters_from_the_same_space():
    draws = [redrawn(sweep(), index, attempt) for index in (0, 1) for attempt in (1, 2)]

    assert len({draw.parameters["learning_rate"] for draw in draws}) == 4
    assert all(set(draw.parameters) == set(SPACE) for draw in draws)
    assert redrawn(sweep(), 0, 1) == draws[0]


def metrics(retain: float, forget: float, validation: float, indiscernibility: float) -> dict[str, float]:
    return {
        "retain_accuracy": retain,
        "forget_accuracy": forget,
        "validation_accuracy": validation,
        "indiscernibility_validation": indiscernibility,
    }


def test_the_objectives_are_thirds_of_the_accuracy_gaps_and_discernibility():
    values = objectives(metrics(0.9, 0.6, 0.8, 0.75), metrics(0.6, 0.9, 0.8, 1.0), sweep())

    assert values == pytest.approx((0.1, 0.1, 0.0, 0.25))


def test_the_retrained_model_itself_scores_its_own_discernibility():
    retrained = metrics(1.0, 0.9, 0.9, 0.97)

    attempt = Attempt({}, "completed", objectives(retrained, retrained, sweep()))

    assert attempt.score == pytest.approx(0.03)


def test_without_the_oracle_the_forget_set_should_look_like_the_originals_validation_set():
    original = metrics(1.0, 1.0, 0.8, 0.6)

    values = objectives(metrics(1.0, 0.8, 0.8, 1.0), original, sweep(target="original"))

    assert values == pytest.approx((0, 0, 0, 0))


def test_the_winner_has_the_smallest_norm_and_ties_go_to_the_lower_seed_and_earlier_trial():
    def trial(number: int, size: float) -> Trial:
        return completed({"number": number}, (size, 0.0, 0.0, 0.0))

    winner = choose([(0, [trial(0, 0.5), trial(1, 0.3)]), (1, [trial(2, 0.3)]), (2, [trial(3, 0.4)])])

    assert winner == Winner({"number": 1}, 0.3, sweep_seed=0, index=1)


def test_an_infinite_or_failed_trial_never_wins():
    diverged, raised = completed({}, WORST), [Attempt({}, "failed", reason="it raised")]

    assert choose([(0, [diverged, raised]), (1, [completed({"a": 1}, (9.0,) * 4)])]).parameters == {"a": 1}
    assert choose([(0, [diverged, raised])]) is None


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt({"a": 1}, "completed", (0.1, 0.2, 0.3, 0.4), 2.0, {"retain_accuracy": 1.0}, work=Work(4, 3)),
        Attempt({"a": 1}, "completed", WORST, 2.0, reason="diverged"),
        Attempt({"a": 1}, "failed", reason="it raised"),
        Attempt({"a": 1}, "pruned"),
    ],
    ids=lambda attempt: attempt.reason or attempt.state,
)
def test_an_attempt_survives_its_way_through_json(attempt):
    assert Attempt.from_json(json.loads(json.dumps(attempt.as_json(), allow_nan=False))) == attempt


def test_attempts_of_earlier_versions_which_kept_no_work_can_be_read():
    document = Attempt({"a": 1}, "completed", (0.1, 0.2, 0.3, 0.4), 2.0).as_json()
    del document["work"]

    assert Attempt.from_json(document).work is None


def test_a_changed_copy_of_a_sweep_has_another_hash():
    of = sweep()

    assert of.sha256 != of.model_copy(update={"num_trials": 7}).sha256
    assert of.sha256 == of.model_copy().sha256


def test_rescored_the_smallest_mean_on_the_other_splits_wins_not_the_luckiest_search():
    lucky, steady = Winner({"a": 1}, 0.1, 0, 3), Winner({"a": 2}, 0.2, 0, 5)

    found = choose_rescored([(lucky, [0.5, 0.7]), (steady, [0.3, 0.4])])

    assert (found.parameters, found.index) == ({"a": 2}, 5)
    assert found.score == pytest.approx(0.35)


def test_a_winner_that_diverges_on_another_split_is_not_chosen():
    fragile, slow = Winner({"a": 1}, 0.1, 0, 3), Winner({"a": 2}, 0.2, 0, 5)

    assert choose_rescored([(fragile, [0.1, math.inf]), (slow, [0.8, 0.8])]).parameters == {"a": 2}
    assert choose_rescored([(fragile, [math.inf, math.inf])]) is None
