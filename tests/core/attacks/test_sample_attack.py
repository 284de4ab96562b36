"""Any attack on single samples: what is made of its evidence, and how sure the figures are (protocol §8)."""

import numpy as np
import pytest

from core.attacks.observations import Evidence, Observations, observations
from core.attacks.sample_attack import SampleResult, attack_samples
from core.attacks.u_lira import u_lira, u_lira_pooled
from core.errors import ObservationsInvalid
from tests.core.attacks.lira_worlds import World, world


def threshold(observed: Observations) -> Evidence:
    return Evidence(observed.scores, observed.unseen_scores)


def attacked(made: World, attack=threshold, **options) -> SampleResult:
    return attack_samples(attack, observations(*made.arguments), **{"min_splits": 2, **options})


def test_evidence_above_zero_is_an_answer_and_accuracy_is_the_balanced_share_that_is_right():
    made = world(shift=1)

    result = attacked(made, replicates=0)

    sample = made.scores[:, 7]
    forgotten, unseen = made.membership[:, 7] == 1, made.membership[:, 7] == 0
    expected = ((sample[forgotten] > 0).mean() + (sample[unseen] <= 0).mean()) / 2
    assert result.accuracies[7] == pytest.approx(expected)


def test_no_evidence_on_what_a_model_kept_is_read():
    def careless(observed: Observations) -> Evidence:
        kept = np.where(observed.is_forgotten | observed.is_unseen, observed.scores, np.nan)
        return Evidence(kept, kept)

    made = world(shift=1)
    assert attacked(made, careless).as_dict() == attacked(made).as_dict()


def test_evidence_that_is_not_finite_is_refused_by_model_and_sample():
    def broken(observed: Observations) -> Evidence:
        scores = observed.scores.copy()
        scores[:, 55] = np.nan
        return Evidence(scores, scores)

    with pytest.raises(ObservationsInvalid, match=r"not finite .* sample 55"):
        attacked(world(), broken)


def test_evidence_of_another_shape_is_refused():
    def sideways(observed: Observations) -> Evidence:
        return Evidence(observed.scores.T, observed.scores.T)

    with pytest.raises(ObservationsInvalid, match=r"shape \(300, 192\), not \(192, 300\)"):
        attacked(world(), sideways)


def test_intervals_cover_chance_where_models_of_a_split_are_alike():
    made = [world(correlation=0.5, num_splits=16, num_samples=50, seed=seed) for seed in range(25)]

    found = [attacked(each, u_lira, min_splits=5, replicates=100).figures for each in made]

    for name in ("mean", "auc"):
        truth = np.mean([figures[name].value for figures in found])
        covered = [figures[name].low <= truth <= figures[name].high for figures in found]
        assert np.mean(covered) >= 0.88


def test_intervals_are_not_so_wide_that_they_say_nothing():
    made = world(correlation=0.5, num_splits=16, num_samples=100)

    figure = attacked(made, u_lira, min_splits=5).figures["mean"]

    assert figure.high - figure.low < 0.08


def test_a_figure_that_a_split_fewer_cannot_give_has_no_interval_but_the_reason():
    membership = np.zeros((4, 1), dtype=np.uint8)
    membership[:2] = 1
    models = np.stack([np.arange(4), np.zeros(4, dtype=int)], axis=1)
    observed = observations(np.arange(4.0)[::-1, None] - 1.5, membership, models)

    figure = attack_samples(threshold, observed, min_splits=2).figures["mean"]

    assert (figure.value, figure.low, figure.high) == (1, None, None)
    assert "too few splits for an interval" in figure.reason


def test_with_one_variance_for_all_samples_eight_splits_of_two_forget_sets_tell_a_shift():
    made = [world(shift=shift, num_splits=8, num_draws=2, num_samples=3000) for shift in (0, 1)]

    without, with_shift = (attacked(each, u_lira_pooled, replicates=0) for each in made)

    assert 0 < len(without.samples) < 3000
    assert without.accuracies.mean() == pytest.approx(0.5, abs=0.03)
    assert with_shift.accuracies.mean() > 0.6


def test_with_many_models_one_variance_does_as_well_as_each_samples_own():
    made = world(shift=1, num_splits=64, num_draws=10, num_samples=500)

    means = [
        attacked(made, attack, min_splits=5, replicates=0).accuracies.mean()
        for attack in (u_lira, u_lira_pooled)
    ]

    assert means[1] == pytest.approx(means[0], abs=0.01)
