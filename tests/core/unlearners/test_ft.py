"""FT's own identities (methods §3.1)."""

from copy import deepcopy

import torch
from torch.nn.functional import cross_entropy

from core.catalog.classical import FT
from tests.toys import mean_loss, original, poisoned, run, same_weights, toy_sets


def test_zero_epochs_are_the_identity():
    assert same_weights(run(FT, num_epochs=0), original())


def test_the_forget_and_validation_set_play_no_part():
    sets = toy_sets()
    others = {**sets, "forget": poisoned(sets["forget"]), "validation": poisoned(sets["validation"])}

    assert same_weights(run(FT, sets=others), run(FT, sets=sets))


def test_two_epochs_are_a_plain_loop_whose_second_epoch_has_half_the_rate():
    retain, model, generator = toy_sets()["retain"], deepcopy(original()), torch.Generator().manual_seed(0)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    model.train()
    for factor in (1, 0.5):
        optimiser.param_groups[0]["lr"] = 0.02 * factor
        for rows in torch.randperm(len(retain), generator=generator).split(16):
            batch = retain.batch(rows)
            optimiser.zero_grad()
            cross_entropy(model(batch.images), batch.labels).backward()
            optimiser.step()

    unlearned = run(FT, num_epochs=2, learning_rate=0.02, weight_decay=5e-4, batch_size=16)

    for name, expected in model.state_dict().items():
        torch.testing.assert_close(unlearned.state_dict()[name], expected)


def test_going_on_with_training_lowers_the_retain_loss():
    retain = toy_sets()["retain"]

    assert mean_loss(run(FT, num_epochs=5), retain) < mean_loss(original(), retain)


def test_weights_that_diverge_end_the_run_without_an_error():
    unlearned = run(FT, learning_rate=10.0, weight_decay=1.0, num_epochs=300)

    assert not all(parameter.isfinite().all() for parameter in unlearned.parameters())
