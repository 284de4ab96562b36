"""KDE's own identities (methods §4.6)."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from core.catalog.challenge import KDE
from core.losses import kl
from core.models import resnet, tiny_vit
from core.training import fit
from core.unlearners import kde
from tests.toys import numbered, numbers, original, poisoned, run, same_weights, small, task_for, toy_sets

ONLY_RESET = {"warmup_num_epochs": 0, "num_epochs": 0}


@pytest.fixture
def fits(monkeypatch):
    """Every call of `fit`, as it comes: batches, loss, learning rate of each epoch, report."""
    calls = []

    def recorded(model, batches, loss, optimiser, num_epochs, **options):
        rates = []
        on_epoch = {"on_epoch": lambda done: rates.append(optimiser.param_groups[0]["lr"])}
        report = fit(model, batches, loss, optimiser, num_epochs, **options, **on_epoch)
        calls.append((batches, loss, rates, report))
        return report

    monkeypatch.setattr(kde, "fit", recorded)
    return calls


def changed(before, after):
    other = after.state_dict()
    return {name for name, tensor in before.state_dict().items() if not torch.equal(tensor, other[name])}


def divergence(model, data):
    images = data.batch(torch.arange(len(data))).images
    with torch.no_grad():
        return kl(original()(images), model(images)).item()


def test_zero_epochs_reset_the_first_convolution_and_the_classifier_and_nothing_else():
    unlearned = run(KDE, **ONLY_RESET)

    assert changed(original(), unlearned) == {"stem.0.weight", "classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("architecture", [resnet, tiny_vit])
def test_every_architecture_has_three_tensors_reset(architecture):
    build = resnet.resnet18 if architecture is resnet else tiny_vit.tiny_vit
    torch.manual_seed(1)  # not the method's seed, which may draw the very same stem again
    before = build(10)
    after = deepcopy(before)
    task = replace(task_for(KDE, toy_sets()), parts_of=architecture.parts)

    kde.unlearn(after, task, small(KDE, **ONLY_RESET))

    sizes = {after.state_dict()[name].shape for name in changed(before, after)}
    found = architecture.parts(after)
    assert sizes == {found.first_convolution.weight.shape, found.classifier.weight.shape, (10,)}
    assert len(changed(before, after)) == 3


def test_what_is_reset_is_drawn_as_torch_draws_it():
    unlearned = run(KDE, **ONLY_RESET)

    for layer, bound in ((unlearned.stem[0], 27**-0.5), (unlearned.classifier, 12**-0.5)):
        assert 0.9 * bound < layer.weight.abs().max() <= bound


def test_the_soft_cross_entropy_of_the_paper_has_the_gradient_of_the_divergence():
    generator = torch.Generator().manual_seed(0)
    teacher = torch.randn(6, 4, generator=generator)
    student = torch.randn(6, 4, generator=generator, requires_grad=True)
    temperature = 3.0

    soft = F.cross_entropy(student / temperature, (teacher / temperature).softmax(dim=1))
    (theirs,) = torch.autograd.grad(soft + kl(teacher, student, temperature), student)
    (ours,) = torch.autograd.grad(2 * kl(teacher, student, temperature), student)

    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("temperature", [0.5, 5.0])
def test_without_a_reset_there_is_nothing_to_learn_from_the_teacher(fits, monkeypatch, temperature):
    monkeypatch.setattr(kde, "reset", lambda layer, generator: None)
    run(KDE, temperature=temperature, **ONLY_RESET)  # leaves the student in eval mode

    (validation, warmup_loss, _, _), _ = fits

    assert [warmup_loss(batch).item() for batch in validation] == pytest.approx([0.0], abs=1e-6)


def test_the_warm_up_brings_the_student_towards_the_original():
    validation = toy_sets()["validation"]
    chosen = {"num_epochs": 0, "temperature": 1.0, "warmup_learning_rate": 0.05}

    start, warm = (run(KDE, warmup_num_epochs=epochs, **chosen) for epochs in (0, 20))

    assert divergence(warm, validation) < 0.5 * divergence(start, validation)


def test_the_warm_up_ignores_labels_and_the_retain_set():
    sets = toy_sets()
    validation = sets["validation"]
    others = {
        "retain": poisoned(sets["retain"]),
        "validation": replace(validation, labels=validation.labels.roll(1)),
    }

    assert same_weights(run(KDE, sets=others, num_epochs=0), run(KDE, sets=sets, num_epochs=0))


def test_validation_comes_in_order_and_retain_shuffled(fits):
    sets = {"retain": numbered(0, 40), "validation": numbered(100, 10)}

    run(KDE, sets=sets, batch_size=4)

    (validation, *_), (retain, *_) = fits
    assert [number for batch in validation for number in numbers(batch.images)] == list(range(100, 110))
    assert sorted(order := [number for batch in retain for number in numbers(batch.images)]) == list(
        range(40)
    )
    assert order != sorted(order)


def test_the_warm_up_rate_is_constant_and_the_retain_rate_follows_a_cosine(fits):
    run(KDE, warmup_num_epochs=3, warmup_learning_rate=0.01, num_epochs=2, learning_rate=0.02)

    (_, _, warmup, _), (_, _, retain, _) = fits
    assert warmup == [0.01, 0.01, 0.01]
    assert retain == pytest.approx([0.02, 0.01])


def test_the_retain_loss_is_cross_entropy_and_twice_the_divergence(fits):
    sets = toy_sets()
    unlearned = run(KDE, sets=sets, temperature=2.0)
    batch = sets["retain"].batch(torch.arange(5))

    _, (_, retain_loss, _, _) = fits

    logits = unlearned(batch.images)
    expected = F.cross_entropy(logits, batch.labels) + 2 * kl(original()(batch.images), logits, 2.0)
    torch.testing.assert_close(retain_loss(batch), expected)


def test_a_warm_up_that_diverges_ends_the_run(fits):
    sets = toy_sets()

    run(KDE, sets={**sets, "validation": poisoned(sets["validation"])})

    assert [report.has_diverged for *_, report in fits] == [True]


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ValidationError, match="temperature"):
        KDE.hyperparameters(temperature=0.0)
