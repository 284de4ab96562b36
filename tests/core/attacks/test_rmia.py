"""RMIA by its definition, at known behaviour, and where it must refuse (Zarifzadeh et al. 2024)."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from core.attacks.observations import FORGET, OUT, RETAIN, observations
from core.attacks.rmia import rmia
from core.attacks.sample_attack import SampleResult, attack_samples
from core.catalog.attacks import RMIA
from core.errors import ObservationsInvalid
from tests.core.attacks.lira_worlds import World, world


def attacked(made: World, retrained: np.ndarray | None = None, **options) -> SampleResult:
    observed = observations(*made.arguments, retrained=retrained)
    return attack_samples(rmia, observed, min_splits=RMIA.min_splits, **{"replicates": 0, **options})


def by_definition(made: World, model: int, sample: int, retrained: np.ndarray | None = None) -> float:
    """The share that the sample dominates of what the model never had, one ratio after the other."""
    unseen_scores = made.scores if retrained is None else retrained
    is_unseen = made.membership == OUT if retrained is None else made.membership != RETAIN
    others = made.models[:, 0] != made.models[model, 0]

    def ratio(of: int) -> float:
        forgot, unseen = (
            others & (made.membership[:, of] == FORGET),
            others & is_unseen[:, of],
        )
        mean_in, mean_out = (
            expit(scores[named, of]).mean()
            for scores, named in ((made.scores, forgot), (unseen_scores, unseen))
        )
        return expit(made.scores[model, of]) / ((mean_in + mean_out) / 2)

    population = [z for z in np.flatnonzero(made.membership[model] == OUT) if z != sample]
    return float(np.mean([ratio(sample) >= ratio(z) for z in population]))


@pytest.mark.parametrize("code", [FORGET, OUT])
@pytest.mark.parametrize("out", ["same_method", "retrain"])
def test_the_evidence_is_the_share_of_the_definition_less_a_half(code, out):
    made, other = world(shift=1, num_samples=40), world(num_samples=40, seed=1)
    retrained = other.scores if out == "retrain" else None
    evidence = rmia(observations(*made.arguments, retrained=retrained))

    for model in (0, 57, 191):
        sample = int(np.flatnonzero(made.membership[model] == code)[1])
        expected = by_definition(made, model, sample, retrained) - 0.5
        found = evidence.of_forgotten[model, sample]
        assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("correlation", [0, 0.5])
def test_without_a_trace_it_is_a_coin_toss(correlation):
    figures = attacked(world(correlation=correlation)).figures

    assert figures["mean"].value == pytest.approx(0.5, abs=0.02)
    assert figures["auc"].value == pytest.approx(0.5, abs=0.02)


def test_a_larger_trace_is_found_more_surely():
    areas = [attacked(world(shift=shift)).figures["auc"].value for shift in (0, 1, 3)]

    assert areas == sorted(areas)
    assert areas[-1] > 0.85


def test_reference_models_tell_a_forgotten_sample_from_an_easy_one():
    made = world(shift=1)
    difficulty = np.random.default_rng(0).normal(0, 3, made.scores.shape[1])
    hard = replace(made, scores=made.scores + difficulty)

    assert attacked(hard).figures["auc"].value == pytest.approx(attacked(made).figures["auc"].value, abs=0.1)
    assert attacked(hard).figures["auc"].value > 0.65


def test_eight_splits_of_two_forget_sets_are_enough():
    made = world(shift=3, num_splits=8, num_draws=2)

    assert attacked(made).figures["auc"].value > 0.85


def test_a_side_effect_on_every_sample_is_no_evidence_even_against_retrained_models():
    unlearned, retrained = world(seed=1), world(seed=2)
    harmed = replace(unlearned, scores=unlearned.scores - 1)

    assert attacked(harmed, retrained=retrained.scores).figures["mean"].value == pytest.approx(0.5, abs=0.02)


def test_the_order_of_the_models_changes_nothing():
    made = world(shift=1)
    order = np.random.default_rng(1).permutation(len(made.models))
    shuffled = World(made.scores[order], made.membership[order], made.models[order])

    assert attacked(shuffled, replicates=20).as_dict() == attacked(made, replicates=20).as_dict()


def test_probabilities_that_round_to_zero_or_one_are_still_compared():
    made = world(num_samples=100)
    made.scores[:, :50] -= 2000
    made.scores[made.membership == FORGET] += 3

    assert attacked(made).accuracies[:50].mean() > 0.8


def test_a_model_without_a_population_is_named():
    made = world(num_samples=60)
    made.membership[8 * 3 + 2][made.membership[8 * 3 + 2] == OUT] = RETAIN

    with pytest.raises(ObservationsInvalid, match=r"split 3, draw 2 has no population"):
        attacked(made)
