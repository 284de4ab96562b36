"""GA's own identities (methods §3.2)."""

from copy import deepcopy

import torch
from torch.nn.functional import cross_entropy

from core.catalog.classical import GA
from tests.toys import mean_loss, original, poisoned, run, same_weights, toy_sets


def test_zero_epochs_are_the_identity():
    assert same_weights(run(GA, num_epochs=0), original())


def test_the_retain_and_validation_set_play_no_part():
    sets = toy_sets()
    others = {**sets, "retain": poisoned(sets["retain"]), "validation": poisoned(sets["validation"])}

    assert same_weights(run(GA, sets=others), run(GA, sets=sets))


def test_one_small_step_raises_the_forget_loss():
    forget = toy_sets()["forget"]

    unlearned = run(GA, num_epochs=1, learning_rate=1e-3, weight_decay=0.0, batch_size=len(forget))

    before = deepcopy(original()).train()  # as it was trained on: with the batch's own statistics
    assert mean_loss(unlearned.train(), forget) > mean_loss(before, forget)


def test_one_step_goes_up_exactly_where_descent_would_go_down():
    forget, model = toy_sets()["forget"], deepcopy(original()).train()
    batch = forget.batch(torch.arange(len(forget)))
    cross_entropy(model(batch.images), batch.labels).backward()

    unlearned = run(GA, num_epochs=1, learning_rate=0.1, weight_decay=0.0, batch_size=len(forget))

    for before, after in zip(model.parameters(), unlearned.parameters(), strict=True):
        torch.testing.assert_close(after, before + 0.1 * before.grad)


def test_weight_decay_still_shrinks_the_weights():
    without, with_decay = (run(GA, num_epochs=1, batch_size=24, weight_decay=decay) for decay in (0.0, 0.5))

    for start, free, decayed in zip(
        *(m.parameters() for m in (original(), without, with_decay)), strict=True
    ):
        torch.testing.assert_close(decayed, free - 0.02 * 0.5 * start)


def test_the_rate_is_constant():
    """Two epochs of one batch each are two runs of one, but for the momentum that the second run lacks."""
    first = run(GA, num_epochs=1, batch_size=24, weight_decay=0.0)

    twice = run(GA, num_epochs=2, batch_size=24, weight_decay=0.0)

    again = run(GA, model=first, num_epochs=1, batch_size=24, weight_decay=0.0)
    for start, one, other, two in zip(
        *(m.parameters() for m in (original(), first, again, twice)), strict=True
    ):
        torch.testing.assert_close(two, other + 0.9 * (one - start), rtol=1e-4, atol=1e-6)


def test_a_run_that_diverges_ends_without_an_error():
    unlearned = run(GA, learning_rate=10.0, num_epochs=300)

    assert not all(parameter.isfinite().all() for parameter in unlearned.parameters())
