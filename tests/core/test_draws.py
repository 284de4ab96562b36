"""Where a forget set is a random draw, only chance tells it from held-out samples (protocol §10)."""

import numpy as np
import pytest

from core.attacks.rank_statistic import LEVEL, two_sided_p_value
from core.spec.draws import possible_selection_bias, selection_bias
from core.spec.forget import (
    ClassForget,
    ForgetRule,
    HardForget,
    IndicesForget,
    LiraForget,
    RandomForget,
    SetRule,
    StepForget,
    forgets_classes,
)
from core.splits import draw_split

NUM_TRAIN, NUM_TEST, NUM_CLASSES = 8000, 2000, 4
DRAWN = RandomForget(fraction=0.1)
LISTED = IndicesForget(rule="indices", indices=(3, 5))
HARD = HardForget(rule="hard")


def classes(*labels: int, fraction: float = 1.0) -> ClassForget:
    return ClassForget(rule="class", labels=labels, fraction=fraction)


def steps(*rules: SetRule) -> StepForget:
    return StepForget(rule="step", steps=rules)


RANDOM_DRAWS = {
    "random": DRAWN,
    "a class": classes(3),
    "two classes": classes(0, 3),
    "a part of two classes": classes(0, 3, fraction=0.5),
    "what is left at random": steps(DRAWN, DRAWN),
    "at random after a class": steps(classes(3), DRAWN),
    "a class after a part of the data": steps(DRAWN, classes(1, 3)),
    "the rest of a class": steps(classes(3, fraction=0.5), classes(3)),
    "the rest of two classes": steps(classes(0, 3, fraction=0.5), classes(0, 3)),
    "other classes than the one in parts": steps(classes(3, fraction=0.5), classes(0, 1)),
    "after parts of two classes in either order": steps(
        classes(3, fraction=0.5),
        classes(0, 3, fraction=0.2),
        classes(0, fraction=0.5),
        classes(0, 3),
    ),
    "at random after a part of each class": steps(classes(0, 1, 2, 3, fraction=0.5), DRAWN),
    "at random from the rest of the only class that is left": steps(
        classes(0, 1, 2), classes(3, fraction=0.5), DRAWN
    ),
    "at random after all parts of a class": steps(classes(3, fraction=0.5), classes(3), DRAWN),
}
OTHERS = {
    "hard": HARD,
    "at random after hard": steps(HARD, DRAWN),
    "a class after hard": steps(HARD, classes(1, 3)),
    "at random after a part of a class": steps(classes(3, fraction=0.5), DRAWN),
    "with a class of which a part is gone": steps(classes(3, fraction=0.5), classes(0, 3)),
    "after unlike parts": steps(classes(0, 3, fraction=0.4), classes(3, fraction=0.6), classes(0, 3)),
}


def share_told_apart(rule: ForgetRule) -> float:
    """Of 60 datasets, the share in which a model that learned nothing of single samples, but finds some
    classes and some samples harder than others, seems to tell the forget set from its held-out samples.
    """
    told = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        labels = generator.integers(NUM_CLASSES, size=NUM_TRAIN + NUM_TEST)
        losses = labels + generator.exponential(size=len(labels))
        split = draw_split(
            NUM_TRAIN,
            NUM_TEST,
            rule,
            validation_fraction=0.15,
            seed=seed,
            labels=labels[:NUM_TRAIN],
            losses=losses[:NUM_TRAIN],
        )
        test = split.test
        if forgets_classes(rule):
            test = test[np.isin(labels[test], labels[split.forget])]
        told += two_sided_p_value(losses[split.forget], losses[test]) < LEVEL
    return told / 60


@pytest.mark.parametrize("rule", RANDOM_DRAWS.values(), ids=RANDOM_DRAWS)
def test_a_random_draw_is_told_from_held_out_samples_as_often_as_the_level_says(rule):
    assert selection_bias(rule, NUM_CLASSES) is possible_selection_bias(rule, NUM_CLASSES) is None
    assert share_told_apart(rule) < LEVEL + 0.1  # 3.5 standard errors


@pytest.mark.parametrize("rule", OTHERS.values(), ids=OTHERS)
def test_other_forget_sets_are_told_from_held_out_samples_without_a_trace(rule):
    assert selection_bias(rule, NUM_CLASSES) is not None
    assert share_told_apart(rule) > 0.3


@pytest.mark.parametrize("rule", [LISTED, steps(LISTED, DRAWN), steps(DRAWN, LISTED)])
def test_of_a_list_and_of_what_it_has_left_nobody_can_tell(rule):
    assert selection_bias(rule, NUM_CLASSES) is None
    assert "listed" in possible_selection_bias(rule, NUM_CLASSES)


def test_what_is_sure_is_told_before_what_may_be():
    assert possible_selection_bias(steps(LISTED, HARD), NUM_CLASSES) == selection_bias(HARD, NUM_CLASSES)


def test_the_models_of_a_study_forget_random_draws():
    assert possible_selection_bias(LiraForget(split=0, forget_set=0), NUM_CLASSES) is None
