"""RMIA: is a sample likelier under this model than population samples are, each beside reference models?

Source: Zarifzadeh, Liu and Shokri 2024, Low-Cost High-Power Membership Inference Attacks (ICML;
arXiv 2312.03262), the online attack with γ = 1.
"""

import numpy as np
from numpy.typing import NDArray

from core.attacks.observations import OUT, Evidence, Mask, Observations, Scores
from core.errors import ObservationsInvalid

NO_TRACE = 0.5  # of the population: what a sample dominates on average that left no trace

Array = NDArray[np.float64]


def rmia(observed: Observations) -> Evidence:
    """Share of population samples z that each sample x dominates, less a half.

    x dominates z where `p(x) / E[p(x)] ≥ p(z) / E[p(z)]`, p being the attacked model's probability of the
    label. The mean E is over reference models, which are of the other splits: half of it over those that
    forgot the sample, half over those that never saw it. The population of a model is what it never had and
    other splits have both kinds of references for; a sample in it is not compared with itself.

    Few models are enough, unlike for U-LiRA: one other split on each side. As model and population are the
    same in both ratios, a side effect of unlearning on every sample is no evidence, also where the
    never-seen observations are of retrained models.

    Raises:
        ObservationsInvalid: a model has no population.
    """
    log_in, log_out = _log_probabilities(observed.scores), _log_probabilities(observed.unseen_scores)
    log_means = (
        _log_mean_of_others(observed, log_in, observed.is_forgotten),
        _log_mean_of_others(observed, log_out, observed.is_unseen),
    )
    has_both = np.isfinite(log_means).all(axis=0)
    log_expected = np.where(has_both, np.logaddexp(*log_means) - np.log(2), np.nan)
    of_forgotten = _dominated(observed, log_in, log_expected, observed.membership == OUT)
    if observed.retrained is None:
        return Evidence(of_forgotten, of_forgotten)
    return Evidence(of_forgotten, _dominated(observed, log_out, log_expected, observed.is_unseen))


def _log_probabilities(scores: Scores) -> NDArray[np.float32]:
    log_probabilities: NDArray[np.float32] = -np.logaddexp(0, -scores.astype(np.float32))
    return log_probabilities


def _log_mean_of_others(observed: Observations, log_probabilities: NDArray[np.float32], mask: Mask) -> Array:
    """`(S, N)` logarithms of the mean probability over the other splits' models; −∞ where none is masked.

    Sums of the splits before and after are added, as a total less a split's would cancel.
    """
    sums = np.stack(
        [
            np.logaddexp.reduce(np.where(named, of_split, -np.inf), axis=0)
            for of_split, named in zip(
                observed.by_split(log_probabilities), observed.by_split(mask), strict=True
            )
        ]
    )
    none = np.full((1, sums.shape[1]), -np.inf)
    before = np.concatenate([none, np.logaddexp.accumulate(sums, axis=0)[:-1]])
    after = np.concatenate([np.logaddexp.accumulate(sums[::-1], axis=0)[-2::-1], none])
    count = observed.by_split(mask).sum(axis=1, dtype=np.float64)
    others = count.sum(axis=0) - count
    mean: Array = np.logaddexp(before, after) - np.log(np.maximum(others, 1))
    return mean


def _dominated(
    observed: Observations, log_probabilities: NDArray[np.float32], log_expected: Array, population: Mask
) -> NDArray[np.float32]:
    """`(M, N)` shares of each model's population, less a half."""
    num_draws = len(observed.models) // observed.num_splits
    shares = np.empty(log_probabilities.shape, dtype=np.float32)
    for model, row in enumerate(log_probabilities):
        ratios = row - log_expected[model // num_draws]
        is_population = population[model] & ~np.isnan(ratios)
        if np.count_nonzero(is_population) < 2:
            split, draw = observed.models[model]
            raise ObservationsInvalid(
                f"The model of split {split}, draw {draw} has no population: fewer than two samples that it "
                "never had are forgotten and never seen in other splits, too."
            )
        ranked = np.sort(ratios[is_population])
        dominated = np.searchsorted(ranked, ratios, side="right") - is_population
        shares[model] = dominated / (len(ranked) - is_population) - NO_TRACE
    return shares
