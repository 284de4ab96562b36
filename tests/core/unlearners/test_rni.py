"""RNI's own identities (methods §4.7)."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from core.catalog.challenge import RNI, RNIHyperparameters
from core.models.resnet import resnet18
from core.models.tiny_vit import tiny_vit
from core.training import FitReport, fit
from core.unlearners import rni
from core.unlearners.rni import parameters_by_kind
from tests.toys import ToyNet, block, original, run, toy_sets


class Deep(ToyNet):
    """Thirteen tensors outside batch norm, so that nine of them are a choice."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(block(4, 8, stride=2), *(block(8, 8) for _ in range(8)), block(8, 12))


@dataclass
class Epoch:
    """One epoch as `fit` was asked for it: the parameters as they were, and what was to be trained."""

    start: dict[str, Tensor]
    trainable: set[str]
    learning_rate: float
    weight_decay: float


def deep() -> Deep:
    torch.manual_seed(0)
    return Deep()


def batch_norm_of(model: nn.Module) -> set[str]:
    return {
        f"{name}.{key}"
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for key, _ in module.named_parameters()
    }


def all_others() -> set[str]:
    return dict(deep().named_parameters()).keys() - batch_norm_of(deep())


def untrained_epochs(monkeypatch, model: nn.Module, **overrides) -> list[Epoch]:
    """The epochs of a run in which nothing is trained, so that all changes between them are noise."""
    epochs = []

    def recorded(model, batches, loss, optimiser, num_epochs):
        assert num_epochs == 1
        group = optimiser.param_groups[0]
        trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        epochs.append(Epoch(start, trainable, group["lr"], group["weight_decay"]))
        return FitReport(0, has_diverged=False)

    monkeypatch.setattr(rni, "fit", recorded)
    run(RNI, model=model, **overrides)
    return epochs


def noised(epochs: list[Epoch], new: dict[str, Tensor]) -> list[set[str]]:
    """The names of the tensors that change at the start of each epoch, `new` being what came before it."""
    before = [new, *(epoch.start for epoch in epochs)]
    return [
        {name for name, tensor in epoch.start.items() if not torch.equal(tensor, previous[name])}
        for previous, epoch in zip(before, epochs, strict=False)
    ]


def noise_of_a_run(monkeypatch, model: nn.Module, **overrides) -> tuple[list[Epoch], list[set[str]]]:
    new = dict(run(RNI, model=model, num_epochs=0).named_parameters())
    epochs = untrained_epochs(monkeypatch, model, **overrides)
    return epochs, noised(epochs, new)


def test_zero_epochs_draw_the_classifier_anew_and_change_nothing_else():
    unlearned = run(RNI, num_epochs=0).state_dict()

    changed = {
        name for name, tensor in original().state_dict().items() if not torch.equal(tensor, unlearned[name])
    }
    assert changed == {"classifier.weight", "classifier.bias"}
    assert max(unlearned[name].abs().max() for name in changed) <= 12**-0.5


def test_a_noise_epoch_trains_nine_tensors_and_all_of_batch_norm(monkeypatch):
    epochs = untrained_epochs(monkeypatch, deep(), num_epochs=3, fine_share=0.0)

    for epoch in epochs:
        assert batch_norm_of(deep()) < epoch.trainable
        assert len(epoch.trainable - batch_norm_of(deep())) == 9
    assert len({frozenset(epoch.trainable) for epoch in epochs}) > 1


def test_a_model_with_fewer_tensors_than_nine_has_all_of_them_drawn(monkeypatch):
    (epoch,) = untrained_epochs(monkeypatch, original(), num_epochs=1, fine_share=0.0)

    assert epoch.trainable == dict(original().named_parameters()).keys()


@pytest.mark.parametrize(("ratio", "num_noised"), [(0.0, 0), (0.1, 0), (0.12, 1), (0.7, 6), (1.0, 9)])
def test_the_share_of_the_nine_is_noised_and_nothing_else(monkeypatch, ratio, num_noised):
    (epoch,), (names,) = noise_of_a_run(
        monkeypatch, deep(), num_epochs=1, fine_share=0.0, reset_share=0.0, noise_ratio=ratio
    )

    assert len(names) == num_noised
    assert names <= epoch.trainable - batch_norm_of(deep())


def test_the_noise_has_the_standard_deviation_that_was_asked_for(monkeypatch):
    new = dict(run(RNI, num_epochs=0).named_parameters())

    (epoch,) = untrained_epochs(
        monkeypatch, original(), num_epochs=1, fine_share=0.0, reset_share=0.0, noise_ratio=1.0, noise_sd=0.3
    )

    noise = torch.cat(
        [(epoch.start[name] - new[name]).flatten() for name in new.keys() - batch_norm_of(original())]
    )
    assert noise.std().item() == pytest.approx(0.3, rel=0.05)
    assert noise.mean().abs() < 0.05


def test_the_official_variant_noises_a_tensor_only_when_it_is_first_drawn(monkeypatch):
    epochs, names = noise_of_a_run(
        monkeypatch, deep(), num_epochs=6, fine_share=0.0, reset_share=0.0, noise_ratio=1.0
    )

    before = set()
    for epoch, noised_now in zip(epochs, names, strict=True):
        drawn = epoch.trainable - batch_norm_of(deep())
        assert noised_now == drawn - before
        before |= drawn
    assert len(before) == 13


def test_the_fixed_variant_noises_a_tensor_each_time_it_is_drawn(monkeypatch):
    epochs, names = noise_of_a_run(
        monkeypatch, deep(), num_epochs=6, fine_share=0.0, reset_share=0.0, noise_ratio=1.0, variant="fixed"
    )

    assert names == [epoch.trainable - batch_norm_of(deep()) for epoch in epochs]


def test_tensors_drawn_before_noise_begins_are_never_noised_officially(monkeypatch):
    epochs, names = noise_of_a_run(
        monkeypatch, deep(), num_epochs=8, fine_share=0.0, reset_share=0.25, noise_ratio=1.0
    )

    early = (epochs[0].trainable | epochs[1].trainable) - batch_norm_of(deep())
    assert names[:2] == [set(), set()]
    assert set().union(*names) == all_others() - early


def test_the_phases_follow_one_another(monkeypatch):
    overrides = {"num_epochs": 9, "noise_ratio": 1.0, "variant": "fixed"}
    rates = {"learning_rate": 0.1, "weight_decay": 0.2, "fine_learning_rate": 0.3, "fine_weight_decay": 0.4}

    epochs, names = noise_of_a_run(monkeypatch, deep(), **overrides, **rates)

    assert [len(noised_now) for noised_now in names] == [0, 9, 9, 9, 9, 0, 0, 0, 0]
    assert [len(epoch.trainable) for epoch in epochs] == 5 * [9 + 22] + 4 * [13 + 22]
    assert [(epoch.learning_rate, epoch.weight_decay) for epoch in epochs] == 5 * [(0.1, 0.2)] + 4 * [
        (0.3, 0.4)
    ]


def test_the_optimiser_is_new_in_every_epoch(monkeypatch):
    momenta = []

    def recorded(model, batches, loss, optimiser, num_epochs):
        momenta.append(bool(optimiser.state))
        return fit(model, batches, loss, optimiser, num_epochs)

    monkeypatch.setattr(rni, "fit", recorded)
    run(RNI, num_epochs=4)

    assert momenta == 4 * [False]


def test_tensors_that_are_not_drawn_stay_as_they_are_even_under_weight_decay():
    model = deep()
    start = dict(run(RNI, model=model, num_epochs=0).named_parameters())

    unlearned = run(RNI, model=model, num_epochs=1, fine_share=0.0, reset_share=1.0, weight_decay=0.5)

    kept = {name for name, parameter in unlearned.named_parameters() if torch.equal(parameter, start[name])}
    assert len(kept) == 13 - 9
    assert not kept & batch_norm_of(model)


def test_with_the_fine_phase_alone_all_tensors_are_trained_and_none_is_noised(monkeypatch):
    model = deep()
    epochs, names = noise_of_a_run(monkeypatch, model, num_epochs=3, fine_share=1.0, reset_share=0.0)
    assert names == 3 * [set()]
    assert all(epoch.trainable == dict(model.named_parameters()).keys() for epoch in epochs)
    monkeypatch.undo()

    start = dict(run(RNI, model=model, num_epochs=0).named_parameters())
    unlearned = run(RNI, model=model, num_epochs=1, fine_share=1.0)
    assert not any(torch.equal(tensor, start[name]) for name, tensor in unlearned.named_parameters())


@pytest.mark.parametrize(
    ("num_epochs", "fine", "reset"), [(9, 4, 1), (0, 0, 0), (1, 0, 0), (2, 1, 0), (37, 16, 4)]
)
def test_by_default_the_phases_are_those_of_the_published_nine_epochs_scaled(num_epochs, fine, reset):
    hyperparameters = RNIHyperparameters(num_epochs=num_epochs)

    assert (hyperparameters.num_fine_epochs, hyperparameters.num_reset_epochs) == (fine, reset)


@pytest.mark.parametrize(("build", "num_batch_norm", "num_others"), [(resnet18, 40, 22), (tiny_vit, 54, 161)])
def test_on_the_real_architectures_batch_norm_is_told_by_its_type(build, num_batch_norm, num_others):
    with torch.device("meta"):
        batch_norm, others = parameters_by_kind(build(10))

    assert (len(batch_norm), len(others)) == (num_batch_norm, num_others)


def test_divergence_ends_the_run_without_raising(monkeypatch):
    reports = []

    def recorded(*args, **kwargs):
        reports.append(fit(*args, **kwargs))
        return reports[-1]

    monkeypatch.setattr(rni, "fit", recorded)
    sets = toy_sets()
    run(RNI, sets={**sets, "retain": replace(sets["retain"], std=torch.zeros(3))}, num_epochs=9)

    assert [report.has_diverged for report in reports] == [True]
