"""RMIA by its definition, at known behaviour, and where it must refuse (Zarifzadeh et al. 2024)."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from core.attacks.rmia import rmia
from core.errors import ObservationsInvalid

NUM_MEMBERS = 200


@dataclass
class World:
    """Samples of differing difficulty, a half of which the attacked model had; references by a coin."""

    shift: float = 0.0
    num_references: int = 4
    seed: int = 0
    scores: np.ndarray = field(init=False)
    references: np.ndarray = field(init=False)
    unseen: np.ndarray = field(init=False)
    population: np.ndarray = field(init=False)
    population_references: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        draw = np.random.default_rng(self.seed)
        difficulty, population = draw.normal(0, 2, 2 * NUM_MEMBERS), draw.normal(0, 2, 300)
        self.unseen = draw.random((self.num_references, len(difficulty))) < 0.5
        self.unseen[0], self.unseen[1] = True, False
        self.scores = difficulty + draw.normal(size=len(difficulty)) / 2
        self.scores[:NUM_MEMBERS] += self.shift
        self.references = difficulty + draw.normal(size=self.unseen.shape) / 2 + self.shift * ~self.unseen
        self.population = population + draw.normal(size=300) / 2
        self.population_references = population + draw.normal(size=(self.num_references, 300)) / 2

    def attacked(self, **options: float | None) -> np.ndarray:
        return rmia(
            self.scores,
            self.references,
            self.unseen,
            self.population,
            self.population_references,
            **options,
        )

    def auc(self, **options: float | None) -> float:
        return roc_auc_score(np.arange(2 * NUM_MEMBERS) < NUM_MEMBERS, self.attacked(**options))


@pytest.mark.parametrize("offline_a", [None, 0, 0.3, 1])
@pytest.mark.parametrize("gamma", [0.5, 1, 2])
def test_the_shares_are_those_of_the_definition(offline_a, gamma):
    made = World(shift=1)
    expected = []
    population_ratios = expit(made.population) / expit(made.population_references).mean(axis=0)
    for sample, score in enumerate(made.scores):
        probabilities, unseen = expit(made.references[:, sample]), made.unseen[:, sample]
        out = probabilities[unseen].mean()
        if offline_a is None:
            mean = (out + probabilities[~unseen].mean()) / 2
        else:
            mean = ((1 + offline_a) * out + 1 - offline_a) / 2
        expected.append(np.mean(expit(score) / mean / population_ratios >= gamma))

    assert made.attacked(gamma=gamma, offline_a=offline_a).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("offline_a", [None, 0.3])
def test_without_a_trace_it_is_a_coin_toss(offline_a):
    assert World().auc(offline_a=offline_a) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("offline_a", [None, 0.9])
def test_a_larger_trace_is_found_more_surely(offline_a):
    areas = [World(shift=shift).auc(offline_a=offline_a) for shift in (0, 1, 3)]

    assert areas == sorted(areas)
    assert areas[-1] > 0.9


def test_reference_models_tell_a_member_from_an_easy_sample():
    made = World(shift=1)
    by_score_alone = roc_auc_score(np.arange(2 * NUM_MEMBERS) < NUM_MEMBERS, made.scores)

    assert made.auc(offline_a=None) > by_score_alone + 0.1


def test_two_reference_models_are_enough():
    assert World(shift=3, num_references=2).auc(offline_a=None) > 0.85


def test_a_higher_gamma_dominates_fewer():
    shares = [World().attacked(gamma=gamma) for gamma in (0.5, 1, 2)]

    assert (shares[0] >= shares[1]).all()
    assert (shares[1] >= shares[2]).all()


def test_the_order_of_models_and_population_changes_nothing():
    made, turned = World(shift=1), World(shift=1)
    turned.references, turned.unseen = made.references[::-1], made.unseen[::-1]
    turned.population, turned.population_references = (
        made.population[::-1],
        made.population_references[::-1, ::-1],
    )

    assert turned.attacked().tolist() == made.attacked().tolist()


def test_probabilities_that_round_to_zero_or_one_are_still_compared():
    shares = rmia(
        np.array([-900.0, -1100.0, 900.0]),
        np.array([[-1000.0, -1000.0, 900.0]]),
        np.full((1, 3), True),
        np.array([0.0]),
        np.array([[0.0]]),
        offline_a=1,
    )

    assert shares.tolist() == [1, 0, 1]


def test_a_sample_without_the_reference_model_that_it_needs_is_named():
    made = World()
    made.unseen[:, 7] = False
    with pytest.raises(ObservationsInvalid, match=r"first at 7.*never had it"):
        made.attacked()

    made.unseen[:, 7] = True
    with pytest.raises(ObservationsInvalid, match=r"first at 7.*that had it"):
        made.attacked(offline_a=None)


@pytest.mark.parametrize("of", ["scores", "references", "population", "population_references"])
def test_scores_that_are_not_finite_are_refused(of):
    made = World()
    getattr(made, of)[..., 3] = np.nan

    with pytest.raises(ObservationsInvalid, match="not finite"):
        made.attacked()


@pytest.mark.parametrize("of", ["references", "unseen", "population_references"])
def test_shapes_that_do_not_fit_are_refused(of):
    made = World()
    setattr(made, of, getattr(made, of)[:, 1:])

    with pytest.raises(ObservationsInvalid, match="RMIA takes"):
        made.attacked()


@pytest.mark.parametrize("options", [{"gamma": 0}, {"offline_a": -0.1}, {"offline_a": 1.1}])
def test_parameters_out_of_range_are_refused(options):
    with pytest.raises(ObservationsInvalid, match="gamma above 0"):
        World().attacked(**options)
