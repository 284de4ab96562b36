"""U-LiRA at its known answers, against a plain loop, and where it must refuse (protocol §8)."""

import json
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from core.attacks import u_lira as attacks
from core.attacks.observations import FORGET, OUT, RETAIN, observations
from core.attacks.sample_attack import SampleResult, attack_samples
from core.attacks.u_lira import log_odds
from core.catalog.attacks import U_LIRA
from core.errors import ObservationsInvalid
from tests.core.attacks.lira_worlds import World, world


def u_lira(
    scores: np.ndarray, membership: np.ndarray, models: np.ndarray, retrained=None, **options
) -> SampleResult:
    observed = observations(scores, membership, models, retrained=retrained)
    return attack_samples(attacks.u_lira, observed, min_splits=U_LIRA.min_splits, **options)


def accuracies_by_a_plain_loop(made: World, *, leave_split_out: bool = True) -> np.ndarray:
    splits = made.models[:, 0]
    is_in, is_out = made.membership == FORGET, made.membership == OUT
    floor = 0.01 * made.scores[is_in | is_out].std(ddof=1, dtype=np.float64)
    accuracies = []
    for sample in range(made.scores.shape[1]):
        right: dict[bool, list[bool]] = {True: [], False: []}
        z = made.scores[:, sample].astype(np.float64)
        for model in np.flatnonzero(is_in[:, sample] | is_out[:, sample]):
            fitted = splits != splits[model] if leave_split_out else np.full(len(splits), True)
            densities = []
            for side in (is_in, is_out):
                values = z[fitted & side[:, sample]]
                densities.append(norm.pdf(z[model], values.mean(), max(values.std(ddof=1), floor)))
            forgotten = bool(is_in[model, sample])
            right[forgotten].append((densities[0] > densities[1]) == forgotten)
        accuracies.append((np.mean(right[True]) + np.mean(right[False])) / 2)
    return np.array(accuracies)


@pytest.mark.parametrize(
    ("shift", "expected"),
    [pytest.param(0, 0.5, id="none"), pytest.param(0.5, 0.594, id="half"), pytest.param(1, 0.687, id="one")],
)
def test_a_known_shift_in_standard_deviations_gives_the_protocols_accuracy(shift, expected):
    result = u_lira(
        *world(shift=shift, num_splits=64, num_draws=10, num_samples=1000).arguments, replicates=0
    )

    assert result.accuracies.mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("correlation", [0, 0.5])
def test_the_accuracies_are_those_of_a_plain_loop_over_samples(correlation):
    made = world(shift=0.7, correlation=correlation, num_samples=20)

    result = u_lira(*made.arguments, replicates=0)

    assert result.accuracies.tolist() == pytest.approx(accuracies_by_a_plain_loop(made), abs=1e-12)
    assert result.samples.tolist() == list(range(20))


@pytest.mark.parametrize("correlation", [0, 0.5])
def test_without_a_trace_leaving_splits_out_is_no_better_than_a_coin(correlation):
    means = [
        u_lira(*world(correlation=correlation, seed=seed).arguments, replicates=0).figures["mean"].value
        for seed in range(8)
    ]

    assert np.mean(means) == pytest.approx(0.5, abs=4 * np.std(means, ddof=1) / np.sqrt(len(means)))


def test_without_a_trace_fitting_on_what_is_classified_would_look_better_than_a_coin():
    made = world(correlation=0.5, num_samples=20)

    in_sample = accuracies_by_a_plain_loop(made, leave_split_out=False).mean()

    assert in_sample > 0.53 > u_lira(*made.arguments, replicates=0).accuracies.mean()


def test_log_odds_are_the_log_ratio_of_the_two_densities():
    z = np.linspace(-6, 6, 25)
    expected = norm.logpdf(z, 1, 0.5) - norm.logpdf(z, -0.3, 2)

    assert log_odds(z, 1, 0.25, -0.3, 4) == pytest.approx(expected)


def test_swapping_the_two_normals_swaps_the_probabilities():
    z = np.linspace(-6, 6, 25)

    assert log_odds(z, 1, 0.25, -0.3, 4) == pytest.approx(-log_odds(z, -0.3, 4, 1, 0.25))


@pytest.mark.parametrize(("scale", "offset"), [(4, 0), (0.25, 3), (-1, 0), (1, -1000)])
def test_an_affine_change_of_the_scores_changes_no_accuracy(scale, offset):
    made = world(shift=0.5)
    moved = replace(made, scores=made.scores.astype(np.float64) * scale + offset)

    before, after = (u_lira(*each.arguments, replicates=0) for each in (made, moved))

    assert after.accuracies.tolist() == before.accuracies.tolist()


def test_the_order_of_the_models_changes_no_bit():
    made = world(shift=0.5, correlation=0.3)
    order = np.random.default_rng(1).permutation(len(made.models))
    shuffled = World(made.scores[order], made.membership[order], made.models[order])

    before, after = (u_lira(*each.arguments, replicates=20) for each in (made, shuffled))

    assert after.accuracies.tobytes() == before.accuracies.tobytes()
    assert after.as_dict() == before.as_dict()


def test_a_sample_does_not_depend_on_which_chunk_it_is_in():
    made = world(shift=0.5, num_samples=600)
    turned = World(np.roll(made.scores, 100, axis=1), np.roll(made.membership, 100, axis=1), made.models)

    before, after = (u_lira(*each.arguments, replicates=0) for each in (made, turned))

    assert np.roll(before.accuracies, 100).tolist() == after.accuracies.tolist()


def test_retained_observations_are_ignored():
    made = world(shift=0.5)
    changed = replace(made, scores=np.where(made.membership == RETAIN, 50, made.scores))

    before, after = (u_lira(*each.arguments, replicates=20) for each in (made, changed))

    assert after.as_dict() == before.as_dict()


def test_a_trace_in_some_samples_is_found_in_those():
    made = world(num_samples=200)
    made.scores[:, :50] += 3 * (made.membership[:, :50] == FORGET)

    accuracies = u_lira(*made.arguments, replicates=0).accuracies

    assert accuracies[:50].mean() > 0.85
    assert accuracies[50:].mean() == pytest.approx(0.5, abs=0.02)


def test_constant_scores_are_exactly_a_coin_toss():
    made = world()

    result = u_lira(np.full_like(made.scores, 7), made.membership, made.models)

    assert set(result.accuracies) == {0.5}
    assert result.figures["auc"].value == 0.5
    assert result.figures["tpr_at_fpr_1pct"].value == 0


def test_easy_samples_with_nearly_no_spread_stay_finite():
    made = world(num_samples=100)
    made.scores[:, :40] = 30 + 1e-6 * made.scores[:, :40]

    assert np.isfinite(u_lira(*made.arguments, replicates=0).accuracies).all()


def test_against_retrained_models_a_side_effect_on_every_sample_shows():
    unlearned, retrained = world(seed=1), world(seed=2)
    scores = unlearned.scores + 1
    retrained_scores = np.where(
        unlearned.membership == RETAIN, retrained.scores + 9, retrained.scores
    )  # a retained sample is one that the retrained model has seen

    same_method, retrain = (
        u_lira(scores, unlearned.membership, unlearned.models, retrained=reference, replicates=0)
        for reference in (None, retrained_scores)
    )

    assert (same_method.out, retrain.out) == ("same_method", "retrain")
    assert same_method.accuracies.mean() == pytest.approx(0.5, abs=0.02)
    assert retrain.accuracies.mean() == pytest.approx(0.687, abs=0.02)


def test_against_retrained_models_forgotten_samples_are_among_the_never_seen():
    made = world(num_samples=100)
    outlier = made.scores.copy()
    outlier[made.membership == FORGET] += 5

    before, after = (
        u_lira(*made.arguments, retrained=reference, replicates=0).accuracies
        for reference in (made.scores, outlier)
    )

    assert (before != after).any()


def test_samples_in_too_few_splits_are_left_out_with_the_reason():
    made = world(num_splits=40, num_samples=100)
    made.membership[:, 3][made.membership[:, 3] == FORGET] = RETAIN
    made.membership[:, 8][made.membership[:, 8] == OUT] = RETAIN

    result = u_lira(*made.arguments)

    assert result.samples.tolist() == [sample for sample in range(100) if sample not in (3, 8)]
    assert result.left_out == {
        "forgotten in fewer than 5 splits": 1,
        "never seen in fewer than 5 splits": 1,
    }
    assert len(result.accuracies) == 98


def test_four_splits_to_fit_and_one_to_classify_are_enough():
    membership = np.zeros((10, 1), dtype=np.uint8)
    membership[:5] = FORGET
    models = np.stack([np.arange(10), np.zeros(10, dtype=int)], axis=1)
    scores = np.concatenate([5 + np.arange(5), np.arange(5)])[:, None] / 10

    result = u_lira(scores, membership, models, replicates=50)

    assert result.samples.tolist() == [0]
    assert result.accuracies.tolist() == [1]


def test_too_few_splits_are_refused_with_the_minimum():
    made = world(num_splits=6)

    with pytest.raises(ObservationsInvalid, match=r"at least 5 splits.*6 split"):
        u_lira(made.scores, np.where(made.membership == OUT, RETAIN, made.membership), made.models)


def test_a_missing_model_is_named():
    made = world()
    kept = np.arange(len(made.models)) != 8 * 3 + 2

    with pytest.raises(ObservationsInvalid, match=r"1 of 192 models.*split 3, draw 2"):
        u_lira(made.scores[kept], made.membership[kept], made.models[kept])


def test_a_doubled_model_is_refused():
    made = world()
    rows = np.append(np.arange(len(made.models)), 5)

    with pytest.raises(ObservationsInvalid, match="twice"):
        u_lira(made.scores[rows], made.membership[rows], made.models[rows])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("whose", ["method", "retrained"])
def test_a_score_that_is_not_finite_is_refused_by_model_and_sample(value, whose):
    made = world(num_samples=600)
    scores = {"method": made.scores.astype(np.float64), "retrained": made.scores.astype(np.float64)}
    scores[whose][8 * 3 + 2, 555] = value

    with pytest.raises(ObservationsInvalid, match=f"{whose} model of split 3, draw 2 .* sample 555"):
        u_lira(scores["method"], made.membership, made.models, retrained=scores["retrained"])


def test_an_unknown_membership_is_refused():
    made = world()
    made.membership[4, 7] = 3

    with pytest.raises(ObservationsInvalid, match="Membership 3 is unknown"):
        u_lira(*made.arguments)


@pytest.mark.parametrize("of", [np.s_[:, 0], np.s_[:, :0], np.s_[1:]])
def test_shapes_that_do_not_fit_are_refused(of):
    made = world()

    with pytest.raises(ObservationsInvalid, match="takes"):
        u_lira(made.scores[of], made.membership, made.models)


def test_figures_are_of_the_attacked_samples_and_lie_in_their_intervals():
    result = u_lira(*world(shift=0.5).arguments)

    figures = result.figures
    assert figures["mean"].value == pytest.approx(result.accuracies.mean())
    assert figures["sd"].value == pytest.approx(result.accuracies.std())
    assert figures["share_above_0.6"].value == (result.accuracies > 0.6).mean()
    for name, quantile in (("median", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        assert figures[name].value == pytest.approx(np.quantile(result.accuracies, quantile))
    for figure in figures.values():
        assert figure.low < figure.value < figure.high
        assert figure.reason is None


def test_the_pooled_curve_of_a_known_shift_is_that_of_two_normals():
    result = u_lira(*world(shift=2, num_splits=64, num_draws=10, num_samples=1000).arguments, replicates=0)

    assert result.figures["auc"].value == pytest.approx(norm.cdf(2 / np.sqrt(2)), abs=0.01)
    for name, rate in (("tpr_at_fpr_1pct", 0.01), ("tpr_at_fpr_0.1pct", 0.001)):
        assert result.figures[name].value == pytest.approx(norm.sf(norm.isf(rate) - 2), abs=0.05)
    curve = dict(zip(result.roc.fpr, result.roc.tpr, strict=True))
    assert np.trapezoid(result.roc.tpr, result.roc.fpr) == pytest.approx(
        result.figures["auc"].value, abs=1e-3
    )
    assert (result.roc.fpr[0], result.roc.tpr[0]) == (0, 0)
    assert curve[1.0] == 1
    assert all(early <= late for early, late in pairwise(result.roc.tpr))


def test_a_rate_finer_than_the_observations_is_none_with_its_reason():
    result = u_lira(*world(num_samples=10).arguments)

    figure = result.figures["tpr_at_fpr_0.1pct"]
    assert (figure.value, figure.low, figure.high) == (None, None, None)
    assert "fewer than 1,000 observations" in figure.reason
    assert result.figures["tpr_at_fpr_1pct"].value is not None


def test_without_replicates_there_is_no_interval_and_the_reason_is_told():
    figure = u_lira(*world().arguments, replicates=0).figures["mean"]

    assert (figure.low, figure.high) == (None, None)
    assert "no interval" in figure.reason


def test_the_seed_decides_the_intervals():
    made = world(num_samples=50)

    first, again, other = (
        u_lira(*made.arguments, replicates=50, seed=seed).as_dict()["figures"] for seed in (1, 1, 2)
    )

    assert first == again != other


def test_the_interval_is_wider_with_fewer_splits():
    few, many = (
        u_lira(*world(num_splits=num_splits, shift=0.5).arguments).figures["mean"] for num_splits in (20, 80)
    )

    assert few.high - few.low > 1.4 * (many.high - many.low)


def test_the_record_is_plain_json_without_a_nan():
    record = u_lira(*world(num_samples=10).arguments, replicates=20).as_dict()

    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_memory_does_not_grow_with_the_scores_in_double_precision():
    made = world(num_samples=8000)
    tracemalloc.start()
    try:
        u_lira(*made.arguments, replicates=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * made.scores.nbytes
