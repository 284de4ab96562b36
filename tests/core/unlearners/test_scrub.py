"""SCRUB's own identities (methods §5.4)."""

from copy import deepcopy

import pytest
import torch
from torch.nn.functional import cross_entropy

from core.catalog.published import SCRUB
from core.datasets.streams import InOrder, Shuffled
from core.losses import kl
from core.optimisers import sgd, step_decay
from core.training import fit
from core.unlearners import scrub
from tests.toys import mean_loss, original, run, same_weights, small, task_for, toy_sets

MIN_STEPS_ONLY = {"max_epochs": 0, "num_epochs": 2}


@pytest.fixture
def passes(monkeypatch):
    """What SCRUB passes over, in order: the kind of stream and the learning rate, per `fit`."""
    seen = []

    def recorded(model, batches, loss, optimiser, num_epochs):
        seen.append((type(batches), optimiser.param_groups[0]["lr"]))
        return fit(model, batches, loss, optimiser, num_epochs)

    monkeypatch.setattr(scrub, "fit", recorded)
    return seen


def without_rewinding(monkeypatch):
    monkeypatch.setattr(scrub, "closest", lambda errors, _reference: len(errors) - 1)


def scripted(monkeypatch, *errors):
    """The errors that are measured, in order: of forget after each epoch, then of validation."""
    answers = iter(errors)
    monkeypatch.setattr(scrub, "error_rate", lambda _model, _data: next(answers))


def after_epochs(monkeypatch, count, **overrides):
    """What three epochs would return if they rewound to the epoch numbered `count`, from 1."""
    with monkeypatch.context() as patched:
        patched.setattr(scrub, "closest", lambda _errors, _reference: count - 1)
        return run(SCRUB, num_epochs=3, **overrides)


def test_zero_epochs_are_the_identity():
    assert same_weights(run(SCRUB, num_epochs=0), original())


def test_cross_entropy_alone_is_fine_tuning_under_step_decay(monkeypatch):
    without_rewinding(monkeypatch)
    chosen = {"ce_weight": 1.0, "distillation_weight": 0.0, **MIN_STEPS_ONLY}
    task, hp, tuned = task_for(SCRUB, toy_sets()), small(SCRUB, **chosen), deepcopy(original())
    retain = Shuffled(task.retain, hp.retain_batch_size, task.generator)
    fit(
        tuned,
        retain,
        lambda batch: cross_entropy(tuned(batch.images), batch.labels),
        sgd(tuned, hp),
        hp.num_epochs,
        schedule=step_decay(hp.num_epochs, 0.1, first_epoch=1),
    )

    assert same_weights(run(SCRUB, **chosen), tuned)


def test_distillation_alone_starts_from_a_loss_of_zero(monkeypatch):
    losses = []

    def watched(model, batches, loss, *_args):
        model.eval()
        losses.extend(loss(batch).item() for batch in batches)
        return fit(model, [], loss, *_args)

    monkeypatch.setattr(scrub, "fit", watched)

    run(SCRUB, ce_weight=0.0, distillation_weight=1.0, max_epochs=0, num_epochs=1)

    assert losses == pytest.approx([0.0] * 3, abs=1e-6)


@pytest.mark.parametrize(("max_epochs", "num_epochs"), [(0, 3), (2, 3), (3, 3), (5, 2)])
def test_the_first_epochs_begin_with_a_max_step(passes, max_epochs, num_epochs):
    run(SCRUB, max_epochs=max_epochs, num_epochs=num_epochs)

    with_max, without = [InOrder, Shuffled], [Shuffled]
    count = min(max_epochs, num_epochs)
    assert [kind for kind, _ in passes] == with_max * count + without * (num_epochs - count)


@pytest.mark.parametrize(
    ("num_epochs", "factors"), [(1, [1e-3]), (2, [1, 1e-3]), (5, [1, 1, 1e-1, 1e-1, 1e-3])]
)
def test_the_rate_decays_by_epochs_counted_from_one_for_both_steps(passes, num_epochs, factors):
    run(SCRUB, learning_rate=0.1, max_epochs=num_epochs, num_epochs=num_epochs)

    expected = [0.1 * factor for factor in factors for _step in ("max", "min")]
    assert [rate for _, rate in passes] == pytest.approx(expected)


def test_max_steps_drive_the_student_away_from_the_teacher_on_the_forget_set(monkeypatch):
    without_rewinding(monkeypatch)
    forget = toy_sets()["forget"]
    batch = forget.batch(torch.arange(len(forget)))
    distances = {}

    for max_epochs in (0, 2):
        student = run(SCRUB, max_epochs=max_epochs, num_epochs=3)
        distances[max_epochs] = kl(original()(batch.images), student(batch.images)).item()

    assert distances[2] > 10 * distances[0]


def test_the_temperature_s_square_multiplies_the_divergence(monkeypatch):
    losses = []
    monkeypatch.setattr(
        scrub,
        "fit",
        lambda model, batches, loss, *rest: (
            losses.append(loss(next(iter(batches))).item()) or fit(model, [], loss, *rest)
        ),
    )
    monkeypatch.setattr(scrub, "kl", lambda _teacher, _student, temperature: torch.tensor(temperature))

    run(SCRUB, temperature=3.0, max_epochs=1, num_epochs=1, ce_weight=0.0, distillation_weight=0.5)

    assert losses == [-27.0, 13.5]


def test_momentum_carries_over_from_the_max_step_into_the_min_step(monkeypatch):
    optimisers = []
    monkeypatch.setattr(
        scrub, "fit", lambda *args: optimisers.append((args[3], len(args[3].state))) or fit(*args)
    )

    run(SCRUB, max_epochs=1, num_epochs=1)

    (first, state_before), (second, state_between) = optimisers
    assert first is second
    assert state_before == 0
    assert state_between == len(list(original().parameters()))


@pytest.mark.parametrize(
    ("forget_errors", "validation_error", "chosen"),
    [
        ((0.5, 0.3, 0.1), 0.32, 2),
        ((0.5, 0.3, 0.1), 0.05, 3),
        ((0.5, 0.3, 0.1), 0.9, 1),
        ((0.3, 0.3, 0.1), 0.3, 1),
    ],
)
def test_it_rewinds_to_the_epoch_of_the_closest_error_the_first_of_several(
    monkeypatch, forget_errors, validation_error, chosen
):
    expected = after_epochs(monkeypatch, chosen)
    scripted(monkeypatch, *forget_errors, validation_error)

    assert same_weights(run(SCRUB, num_epochs=3), expected)


def test_the_epochs_differ_so_that_rewinding_matters(monkeypatch):
    first, second, third = (after_epochs(monkeypatch, count) for count in (1, 2, 3))

    assert not same_weights(first, second)
    assert not same_weights(second, third)


def test_the_validation_set_chooses_the_epoch_and_nothing_else(monkeypatch):
    without_rewinding(monkeypatch)

    assert same_weights(run(SCRUB), run(SCRUB, sets=toy_sets(validation=5)))


def test_a_diverging_max_step_ends_the_method_without_raising(passes):
    unlearned = run(SCRUB, learning_rate=10.0, max_epochs=10, num_epochs=10, distillation_weight=100.0)

    assert len(passes) < 20
    assert not all(tensor.isfinite().all() for tensor in unlearned.state_dict().values())


def test_without_max_steps_the_retain_loss_falls():
    retain = toy_sets()["retain"]

    assert mean_loss(run(SCRUB, **MIN_STEPS_ONLY), retain) < mean_loss(original(), retain)
