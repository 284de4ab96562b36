"""FCS's own identities (methods §4.1)."""

import math
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from core.catalog.challenge import FCS
from core.losses import uniform_kl
from core.training import fit
from core.unlearners import fcs
from core.unlearners.batches import Lockstep
from core.unlearners.fcs import contrast
from tests.toys import numbered, numbers, original, poisoned, run, same_weights, toy_sets

ONLY_CONTRAST = {"uniform_learning_rate": 1e-12, "learning_rate": 1e-12}


@pytest.fixture
def fits(monkeypatch):
    """Every call of `fit`, as it comes: the optimiser, its learning rate at each step, and the report."""
    calls = []

    def recorded(model, batches, loss, optimiser, num_epochs):
        rates = []
        handle = optimiser.register_step_pre_hook(lambda *_: rates.append(optimiser.param_groups[0]["lr"]))
        report = fit(model, batches, loss, optimiser, num_epochs)
        handle.remove()
        calls.append((optimiser, rates, report))
        return report

    monkeypatch.setattr(fcs, "fit", recorded)
    return calls


def outputs(model, data):
    with torch.no_grad():
        return model(data.batch(torch.arange(len(data))).images)


def test_the_uniform_loss_is_zero_for_uniform_outputs_and_positive_for_others():
    assert uniform_kl(torch.full((5, 4), 7.0)).item() == pytest.approx(0, abs=1e-6)
    assert uniform_kl(torch.randn(5, 4, generator=torch.Generator().manual_seed(0))) > 0.01


def test_the_uniform_loss_is_the_divergence_from_the_uniform_distribution():
    p = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])

    expected = sum(math.log(1 / 3 / q) / 3 for q in p.flatten().tolist()) / 2

    assert uniform_kl(p.log()).item() == pytest.approx(expected)


def test_the_contrast_is_log_of_the_retain_batch_when_all_inner_products_of_a_row_are_equal():
    forget = torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 0.0]])
    retain = torch.tensor([[4.0, 4.0]]).repeat(7, 1)

    assert contrast(forget, retain, 0.7).item() == pytest.approx(math.log(7))


def test_the_contrast_is_above_log_of_the_retain_batch_otherwise():
    generator = torch.Generator().manual_seed(0)
    forget, retain = torch.randn(4, 3, generator=generator), torch.randn(7, 3, generator=generator)

    assert contrast(forget, retain, 1.0) > math.log(7) + 0.01


def test_the_contrast_of_one_retain_sample_is_zero_without_a_gradient():
    forget = torch.randn(4, 3, requires_grad=True)

    loss = contrast(forget, torch.randn(1, 3), 1.0)
    loss.backward()

    assert loss == 0
    assert not forget.grad.any()


def test_large_logits_and_a_small_temperature_do_not_overflow():
    assert contrast(torch.full((4, 3), 300.0), 100 * torch.randn(5, 3), 0.01).isfinite()


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ValidationError, match="temperature"):
        FCS.hyperparameters(temperature=0.0)


def test_zero_epochs_are_the_uniform_pass_alone_without_labels_and_without_the_retain_set():
    sets = toy_sets()
    forget = sets["forget"]
    others = {
        **sets,
        "forget": replace(forget, labels=forget.labels.roll(1)),
        "retain": poisoned(sets["retain"]),
    }

    unlearned = run(FCS, sets=sets, num_epochs=0)

    assert same_weights(run(FCS, sets=others, num_epochs=0), unlearned)
    assert uniform_kl(outputs(unlearned, forget)) < uniform_kl(outputs(original(), forget))


def test_the_rounds_are_one_uniform_pass_and_then_contrast_and_retain_in_turns(fits):
    run(FCS, sets=toy_sets(retain=48, forget=20), num_epochs=2, batch_size=16)

    assert [report.num_steps for _, _, report in fits] == [2, 2, 3, 2, 3]
    uniformer, contraster, strengthener, *_ = optimisers = [optimiser for optimiser, _, _ in fits]
    assert optimisers == [uniformer, contraster, strengthener, contraster, strengthener]


def test_each_optimiser_has_momentum_of_its_own(fits):
    run(FCS, num_epochs=2)

    optimisers = {id(optimiser): optimiser for optimiser, _, _ in fits}.values()
    buffers = [state["momentum_buffer"].data_ptr() for sgd in optimisers for state in sgd.state.values()]
    assert len(optimisers) == 3
    assert len(set(buffers)) == len(buffers) == 3 * len(list(original().parameters()))


@pytest.mark.parametrize("eta_min", [1e-4, 0.05])
def test_every_contrast_step_moves_the_rate_along_one_cosine_to_eta_min(fits, eta_min):
    run(
        FCS, sets=toy_sets(forget=32), num_epochs=3, batch_size=16, forget_learning_rate=0.01, eta_min=eta_min
    )

    rates = [*fits[1][1], *fits[3][1], *fits[5][1]]
    cosine = [eta_min + (0.01 - eta_min) * (1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert rates == pytest.approx(cosine)


def test_the_other_rates_stay_and_the_retain_one_is_that_of_64_samples(fits):
    run(FCS, num_epochs=2, batch_size=16, uniform_learning_rate=0.03, learning_rate=0.02)

    (_, uniform, _), _, (_, first, _), _, (_, second, _) = fits
    assert set(uniform) == {0.03}
    assert set(first + second) == {0.02 * 16 / 64}


def test_the_contrast_ignores_all_labels():
    sets = toy_sets()
    others = {name: replace(data, labels=data.labels.roll(1)) for name, data in sets.items()}
    chosen = {**ONLY_CONTRAST, "forget_learning_rate": 0.01, "num_epochs": 1}

    for one, other in zip(
        run(FCS, sets=sets, **chosen).parameters(), run(FCS, sets=others, **chosen).parameters(), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_a_uniform_pass_that_diverges_ends_the_run(fits):
    sets = toy_sets()

    run(FCS, sets={**sets, "forget": poisoned(sets["forget"])}, num_epochs=3)

    assert [report.has_diverged for _, _, report in fits] == [True]


def test_a_contrast_round_that_diverges_ends_the_run(fits):
    sets = toy_sets()

    run(FCS, sets={**sets, "retain": poisoned(sets["retain"])}, num_epochs=3)

    assert [report.has_diverged for _, _, report in fits] == [False, True]


@pytest.mark.parametrize(("num_retain", "num_forget"), [(40, 12), (12, 40)])
def test_lockstep_ends_with_the_shorter_set_and_is_drawn_anew_each_epoch(num_retain, num_forget):
    pairs = Lockstep(numbered(0, num_retain), numbered(100, num_forget), 5, torch.Generator().manual_seed(0))

    first, second = list(pairs), list(pairs)

    assert len(first) == len(second) == 3
    assert numbers(first[0].retain.images) != numbers(second[0].retain.images)
    assert numbers(first[0].forget.images) != numbers(second[0].forget.images)
    shorter = [pair.forget if num_forget < num_retain else pair.retain for pair in first]
    assert len({number for batch in shorter for number in numbers(batch.images)}) == 12
