"""RMIA: is a sample likelier under this model than population samples are, each beside reference models?

Source: Zarifzadeh, Liu and Shokri 2024, Low-Cost High-Power Membership Inference Attacks (ICML;
arXiv 2312.03262).
"""

import numpy as np
from numpy.typing import NDArray

from core.errors import ObservationsInvalid

GAMMA = 1.0
OFFLINE_A = 0.3  # to be tuned by attacking one reference model with the others (paper, appendix)

Array = NDArray[np.float64]
Scores = NDArray[np.floating]
Mask = NDArray[np.bool_]


def rmia(
    scores: Scores,
    reference_scores: Scores,
    unseen: Mask,
    population_scores: Scores,
    population_reference_scores: Scores,
    *,
    gamma: float = GAMMA,
    offline_a: float | None = OFFLINE_A,
) -> Array:
    """Share of population samples z that each sample x dominates, in [0, 1]: high is a member.

    x dominates z where `(p(x) / E[p(x)]) / (p(z) / E[p(z)]) ≥ γ`: the attacked model's probability of the
    label over its mean over reference models. The mean of x is half over reference models that had it and
    half over those that had not; the offline attack knows only the latter, m, and takes
    `((1 + a) m + 1 − a) / 2`.

    For unlearning, the attacked model is the unlearned one, members are its forget set, and the reference
    models are of other splits. Few are needed, unlike for U-LiRA.

    Args:
        scores: `(N,)` logit-scaled scores of the attacked model (`core.attacks.logit_scaling`).
        reference_scores: `(M, N)` of the reference models.
        unseen: `(M, N)` whether the reference model never had the sample.
        population_scores: `(Z,)` of the attacked model on samples that it never had, Z ≥ 1.
        population_reference_scores: `(M, Z)` of the reference models on the same.
        gamma: how much likelier x must be, above 0.
        offline_a: a in [0, 1], how little a model's having had x matters; None for the online attack.

    Raises:
        ObservationsInvalid: shapes do not fit, a parameter is out of range, a score is not finite, or a
            sample lacks a reference model that never had it (online: or one that had it).
    """
    _check_shapes(scores, reference_scores, unseen, population_scores, population_reference_scores)
    if gamma <= 0 or (offline_a is not None and not 0 <= offline_a <= 1):
        raise ObservationsInvalid(
            f"RMIA takes a gamma above 0 and an offline a in [0, 1], not {gamma} and {offline_a}."
        )
    own = _log_probabilities(scores) - _log_expected(_log_probabilities(reference_scores), unseen, offline_a)
    population = _log_probabilities(population_scores) - _log_mean(
        _log_probabilities(population_reference_scores),
        np.ones(population_reference_scores.shape, dtype=np.bool_),
    )
    dominated = np.searchsorted(np.sort(population), own - np.log(gamma), side="right")
    shares: Array = dominated / len(population)
    return shares


def _log_expected(log_probabilities: Array, unseen: Mask, offline_a: float | None) -> Array:
    log_out = _log_mean_of(log_probabilities, unseen, "never had it")
    if offline_a is None:
        log_sum = np.logaddexp(log_out, _log_mean_of(log_probabilities, ~unseen, "had it"))
    else:
        with np.errstate(divide="ignore"):  # a = 1 adds nothing, the logarithm of which is −∞
            log_sum = np.logaddexp(np.log1p(offline_a) + log_out, np.log1p(-offline_a))
    expected: Array = log_sum - np.log(2)
    return expected


def _log_mean_of(log_probabilities: Array, mask: Mask, what: str) -> Array:
    lacking = np.flatnonzero(~mask.any(axis=0))
    if len(lacking):
        raise ObservationsInvalid(
            f"{len(lacking)} sample(s), the first at {lacking[0]}, lack a reference model that {what}."
        )
    return _log_mean(log_probabilities, mask)


def _log_mean(log_probabilities: Array, mask: Mask) -> Array:
    """`(N,)` logarithms of the masked means of probabilities, of which none underflows."""
    masked = np.where(mask, log_probabilities, -np.inf)
    log_sum: Array = np.logaddexp.reduce(masked, axis=0)
    mean: Array = log_sum - np.log(mask.sum(axis=0))
    return mean


def _log_probabilities(scores: Scores) -> Array:
    log_probabilities: Array = -np.logaddexp(0, -scores.astype(np.float64))
    return log_probabilities


def _check_shapes(
    scores: Scores, references: Scores, unseen: Mask, population: Scores, population_references: Scores
) -> None:
    num_models, expected = len(references), (len(scores), len(population))
    shapes = (references.shape, unseen.shape, population_references.shape)
    rows = ((num_models, expected[0]), (num_models, expected[0]), (num_models, expected[1]))
    if scores.ndim != 1 or population.ndim != 1 or shapes != rows or not num_models or not expected[1]:
        raise ObservationsInvalid(
            "RMIA takes (N,) scores, (M, N) reference scores and memberships, (Z,) population scores and "
            f"(M, Z) of the reference models, M and Z at least 1, not {scores.shape}, {shapes[0]}, "
            f"{shapes[1]}, {population.shape} and {shapes[2]}."
        )
    for name, values in (
        ("scores", scores),
        ("reference scores", references),
        ("population scores", population),
        ("population reference scores", population_references),
    ):
        if not np.isfinite(values).all():
            raise ObservationsInvalid(f"The {name} are not finite; a model with such scores is not usable.")
