"""The score of LiRA from logits (protocol §8.2)."""

import numpy as np
import pytest
from scipy.special import logit, softmax

from core.attacks.logit_scaling import scaled_logits
from core.errors import ObservationsInvalid


def test_the_score_is_the_logit_of_the_labels_probability():
    logits = np.random.default_rng(0).normal(size=(50, 7)) * 3
    labels = np.arange(50) % 7

    expected = logit(softmax(logits, axis=1)[np.arange(50), labels])

    assert scaled_logits(logits, labels) == pytest.approx(expected)


def test_a_probability_that_rounds_to_one_in_float32_still_has_its_score():
    logits = np.array([[90, -30, -30.5], [-400, 300, 0]], dtype=np.float32)

    assert scaled_logits(logits, np.array([0, 1])) == pytest.approx(
        [90 + 30 - np.log1p(np.exp(-0.5)), 300 - np.log1p(np.exp(-400))]
    )


def test_a_probability_that_rounds_to_zero_still_has_its_score():
    assert scaled_logits(np.array([[1000.0, -1000.0]]), np.array([1])).tolist() == [-2000]


def test_a_constant_added_to_all_logits_changes_nothing():
    logits = np.random.default_rng(0).normal(size=(20, 4))
    labels = np.arange(20) % 4

    assert scaled_logits(logits + 500, labels) == pytest.approx(scaled_logits(logits, labels))


def test_the_logits_themselves_are_not_changed():
    logits = np.ones((3, 2))

    scaled_logits(logits, np.array([0, 1, 1]))

    assert (logits == 1).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused_with_the_first_sample(value):
    logits = np.zeros((9, 3))
    logits[4, 1] = logits[6, 0] = value

    with pytest.raises(ObservationsInvalid, match=r"2 of 9 samples are not finite.*sample 4"):
        scaled_logits(logits, np.zeros(9, dtype=int))


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_without_a_logit_are_refused(label):
    with pytest.raises(ObservationsInvalid, match="3 classes"):
        scaled_logits(np.zeros((2, 3)), np.array([0, label]))


@pytest.mark.parametrize("shape", [(4,), (4, 1), (5, 3)])
def test_shapes_that_do_not_fit_are_refused(shape):
    with pytest.raises(ObservationsInvalid, match="takes"):
        scaled_logits(np.zeros(shape), np.zeros(4, dtype=int))
