"""`fit`, the loop that every reference and every trained unlearner goes through."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from core.catalog.classical import FTHyperparameters
from core.optimisers import constant, cosine, sgd
from core.training import fit
from tests.toys import ToyNet, original, same_weights, toy_set

BATCHES = list(toy_set(24).in_order(8))


@pytest.fixture
def model() -> nn.Module:
    return deepcopy(original())


def train(model, batches=BATCHES, num_epochs=1, learning_rate=0.01, **options):
    """A fit under plain SGD, and the optimiser that it used."""
    optimiser = torch.optim.SGD(model.parameters(), lr=learning_rate)

    def loss(batch):
        return cross_entropy(model(batch.images), batch.labels)

    return fit(model, batches, loss, optimiser, num_epochs, **options), optimiser


def test_it_is_a_plain_loop(model):
    expected = deepcopy(model).train()
    for batch in BATCHES * 2:
        loss = cross_entropy(expected(batch.images), batch.labels)
        gradients = torch.autograd.grad(loss, [*expected.parameters()])
        with torch.no_grad():
            for parameter, gradient in zip(expected.parameters(), gradients, strict=True):
                parameter -= 0.01 * gradient

    report, _ = train(model, num_epochs=2)

    assert report.num_steps == 6
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor)


def test_zero_epochs_change_nothing(model):
    report, _ = train(model, num_epochs=0, schedule=cosine(0))

    assert report.num_steps == 0
    assert not report.has_diverged
    assert same_weights(model, original())


@pytest.mark.parametrize(("epoch", "factor"), [(0, 1.0), (5, 0.5), (9, 0.024471742)])
def test_cosine_starts_at_one_and_is_at_half_midway_and_above_zero_at_the_end(epoch, factor):
    assert cosine(10)(epoch) == pytest.approx(factor)


def test_cosine_of_one_epoch_is_constant():
    assert cosine(1)(0) == constant(0) == 1


def test_the_schedule_scales_the_rate_of_each_epoch(model):
    optimiser, rates = torch.optim.SGD(model.parameters(), lr=0.1), []

    def loss(batch):
        rates.append(optimiser.param_groups[0]["lr"])
        return cross_entropy(model(batch.images), batch.labels)

    fit(model, BATCHES[:1], loss, optimiser, 3, schedule=lambda epoch: (1, 0.5, 2)[epoch])

    assert rates == pytest.approx([0.1, 0.05, 0.2])


def test_train_mode_moves_batch_norms_statistics(model):
    train(model, mode="train")

    assert all(not torch.equal(*pair) for pair in zip(model.buffers(), original().buffers(), strict=True))


def test_eval_mode_leaves_batch_norms_statistics_while_weights_train(model):
    train(model, mode="eval")

    assert all(torch.equal(*pair) for pair in zip(model.buffers(), original().buffers(), strict=True))
    assert all(
        not torch.equal(*pair) for pair in zip(model.parameters(), original().parameters(), strict=True)
    )


def test_a_loss_that_is_not_finite_ends_the_fit_after_its_epoch(model):
    epochs = []
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)

    def loss(batch):
        return cross_entropy(model(batch.images), batch.labels) * (torch.inf if len(epochs) == 2 else 1)

    report = fit(model, BATCHES, loss, optimiser, 100, on_epoch=epochs.append)

    assert report.has_diverged
    assert report.num_steps == 9
    assert epochs == [1, 2]


def test_a_batch_of_one_sample_is_left_out_under_batch_norm_in_train_mode(model):
    single = list(toy_set(9).in_order(8))

    assert train(model, single)[0].num_steps == 1
    assert train(model, single, mode="eval")[0].num_steps == 2


def test_a_batch_of_one_sample_counts_where_there_is_no_batch_norm():
    plain = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3))

    assert train(plain, list(toy_set(9).in_order(8)))[0].num_steps == 2


def test_on_gradients_comes_between_the_backward_pass_and_the_step(model):
    before = [parameter.detach().clone() for parameter in model.parameters()]

    def stop_them():
        assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
        for parameter in model.parameters():
            assert parameter.grad.abs().sum() > 0
            parameter.grad.zero_()

    train(model, on_gradients=stop_them)

    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))


def test_on_epoch_counts_the_epochs_that_are_done(model):
    epochs = []

    train(model, num_epochs=3, on_epoch=epochs.append)

    assert epochs == [1, 2, 3]


def test_no_gradient_is_left_behind(model):
    train(model)

    assert all(parameter.grad is None for parameter in model.parameters())


def test_batches_are_drawn_anew_in_every_epoch(model):
    passes = []

    class Counted:
        def __iter__(self):
            passes.append(None)
            return iter(BATCHES)

    train(model, Counted(), num_epochs=3)

    assert len(passes) == 3


def test_sgd_has_momentum_and_decays_every_parameter():
    optimiser = sgd(ToyNet(), FTHyperparameters(learning_rate=0.3, weight_decay=0.2))

    (group,) = optimiser.param_groups
    assert (group["lr"], group["weight_decay"], group["momentum"]) == (0.3, 0.2, 0.9)
    assert len(group["params"]) == len(list(ToyNet().parameters()))
