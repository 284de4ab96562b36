"""U-MIA against a plain loop of scikit-learn, and at its known answers (protocol §5.3)."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit, cross_val_score

from core.attacks.u_mia import (
    attack_accuracy,
    partition_accuracies,
    reference_accuracies,
    ten_fold_accuracy,
)


def losses(count: int, mean: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(mean, count)


@pytest.mark.parametrize(("num_forget", "num_heldout"), [(120, 120), (80, 200), (150, 60)])
def test_the_ten_accuracies_are_those_of_a_plain_scikit_learn_loop(num_forget, num_heldout):
    forget, heldout, count = (
        losses(num_forget),
        losses(num_heldout, 2.0, seed=1),
        min(num_forget, num_heldout),
    )
    draw = np.random.RandomState(123)
    kept_heldout = heldout[draw.permutation(num_heldout)[:count]]
    kept_forget = forget[draw.permutation(num_forget)[:count]]
    x = np.concatenate([kept_forget, kept_heldout])[:, None]
    y = np.array([0] * count + [1] * count)
    expected = []
    for train, test in StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=123).split(x, y):
        attacker = LogisticRegression().fit(x[train], y[train])
        expected.append((attacker.predict(x[test]) == y[test]).mean())

    assert partition_accuracies(forget, heldout).tolist() == pytest.approx(expected)
    assert attack_accuracy(forget, heldout) == pytest.approx(np.mean(expected))


def test_ten_folds_are_those_of_scikit_learn():
    forget, heldout = losses(120), losses(80, 2.0, seed=1)
    draw = np.random.RandomState(123)
    kept_heldout, kept_forget = heldout[draw.permutation(80)], forget[draw.permutation(120)[:80]]
    folds = StratifiedKFold(n_splits=10, shuffle=True, random_state=123)

    expected = cross_val_score(
        LogisticRegression(),
        np.concatenate([kept_forget, kept_heldout])[:, None],
        [0] * 80 + [1] * 80,
        cv=folds,
    )

    assert ten_fold_accuracy(forget, heldout) == pytest.approx(expected.mean())


def test_a_forget_set_like_unseen_data_is_not_told_from_it():
    assert attack_accuracy(losses(1000), losses(1000, seed=1)) == pytest.approx(0.5, abs=0.05)


def test_two_copies_of_one_vector_are_not_told_apart():
    assert attack_accuracy(losses(1000), losses(1000)) == pytest.approx(0.5, abs=0.05)


def test_equal_losses_everywhere_are_exactly_a_coin_toss():
    assert attack_accuracy(np.ones(50), np.ones(50)) == 0.5


def test_separated_losses_are_always_told_apart():
    assert attack_accuracy(losses(100), 50 + losses(100, seed=1)) == 1
    assert attack_accuracy(50 + losses(100), losses(100, seed=1)) == 1


def test_it_does_not_matter_on_which_side_the_larger_losses_are():
    forget, heldout = losses(300), losses(300, 2.0, seed=1)

    assert partition_accuracies(-forget, -heldout).tolist() == partition_accuracies(forget, heldout).tolist()


def test_it_hardly_matters_which_set_is_called_held_out():
    forget, heldout = losses(600), losses(600, 3.0, seed=1)

    assert attack_accuracy(heldout, forget) == pytest.approx(attack_accuracy(forget, heldout), abs=0.02)


def test_the_larger_set_is_trimmed_by_a_draw_and_not_by_its_order():
    forget, heldout = losses(100), np.sort(losses(1000, seed=1))

    assert attack_accuracy(forget, heldout) == pytest.approx(0.5, abs=0.12)


def test_the_seed_decides_the_partitions():
    forget, heldout = losses(100), losses(150, 2.0, seed=1)

    first, again, other = (partition_accuracies(forget, heldout, seed=seed).tolist() for seed in (1, 1, 2))

    assert first == again != other


def test_the_losses_themselves_are_not_changed():
    forget, heldout = losses(100), losses(150, seed=1)

    attack_accuracy(forget, heldout)

    assert np.array_equal(forget, losses(100))
    assert np.array_equal(heldout, losses(150, seed=1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_losses_that_are_not_finite_are_refused(value, side):
    sides = [losses(50), losses(50, seed=1)]
    sides[side][17] = value

    with pytest.raises(ValueError, match="not finite"):
        attack_accuracy(*sides)


SHAPES = {
    "light tails": lambda draw, count: draw.normal(size=count),
    "losses": lambda draw, count: draw.exponential(draw.uniform(0.5, 2), count),
    "heavy tails": lambda draw, count: np.exp(draw.normal(-4, 3, count)),
    "heavier tails": lambda draw, count: 100 * draw.pareto(1, count),
    "ties": lambda draw, count: np.round(draw.exponential(draw.uniform(0.5, 2), count), 1),
    "two values": lambda draw, count: draw.integers(0, 2, count),
    "separable": lambda draw, count: draw.exponential(0.1, count) + draw.integers(0, 50),
    "constant": lambda draw, count: np.full(count, 2.0),
    "minute": lambda draw, count: draw.exponential(1e-7, count),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [10, 57, 500])
def test_every_partition_scores_as_by_scikit_learn_itself(shape, count):
    for seed in range(2):
        draw = np.random.default_rng(seed)
        forget, heldout = SHAPES[shape](draw, count), SHAPES[shape](draw, count + 5 * seed)

        fast, reference = (
            accuracies(forget, heldout, seed=seed)
            for accuracies in (partition_accuracies, reference_accuracies)
        )

        assert fast.tolist() == pytest.approx(reference.tolist(), abs=1e-3)


@pytest.mark.parametrize("accuracies", [partition_accuracies, reference_accuracies])
@pytest.mark.parametrize(("num_forget", "num_heldout"), [(9, 100), (100, 9), (0, 100), (1, 1)])
def test_too_few_samples_cannot_be_partitioned(accuracies, num_forget, num_heldout):
    with pytest.raises(ValueError, match="at least 10"):
        accuracies(losses(num_forget), losses(num_heldout, seed=1))


def test_below_ten_samples_the_attack_is_the_rank_statistic():
    assert attack_accuracy(np.array([1.0, 2, 3]), np.array([2.5, 4, 5, 6])) == pytest.approx(11 / 12)
    assert attack_accuracy(np.array([2.5, 4, 5, 6]), np.array([1.0, 2, 3])) == pytest.approx(1 / 12)


def test_an_empty_side_is_refused():
    with pytest.raises(ValueError, match="a side is empty"):
        attack_accuracy(losses(0), losses(100))


def test_ten_samples_are_enough():
    assert 0 <= attack_accuracy(losses(10), losses(10, seed=1)) <= 1
