"""What every unlearner of the catalogue owes the harness, whoever wrote it (methods §0.5, §0.6)."""

from copy import deepcopy
from typing import Any, get_args

import pytest
import torch
from pydantic.fields import FieldInfo

from core.catalog.registry import implementation, installed
from core.catalog.unlearners import UnlearnerInfo
from core.catalog.work import SetSizes
from core.errors import SetWithheld
from tests.toys import (
    NUM_CLASSES,
    accuracy,
    original,
    poisoned,
    run,
    same_weights,
    small,
    task_for,
    toy_sets,
    work_of,
)

INFOS = list(installed().unlearners.values())
WITH_EPOCHS = [info for info in INFOS if "num_epochs" in info.hyperparameters.model_fields]
TRAINED_ON_RETAIN = [info for info in WITH_EPOCHS if "retain" in info.uses]
WHOLE_BATCHES = toy_sets(retain=64, forget=32, validation=16)
SIZES_OF_WORK = SetSizes(retain=64, forget=32, validation=16, num_classes=NUM_CLASSES)
# What a method needs beside the toys' own setting to keep three classes apart.
SANE: dict[str, dict[str, Any]] = {"eu_k": {"learning_rate": 0.1}}
# What a method needs for all of its fields to matter, where the toys' own setting and its defaults hide some.
LIVE: dict[str, dict[str, Any]] = {
    "cfw": {"sets": toy_sets(retain=46)},  # classes of different size, which it weighs
    "rni": {"num_epochs": 10, "reset_share": 0.0},
    "cf_k": {"num_epochs": 3},  # the rate's decay comes with the third epoch
    "eu_k": {"num_epochs": 3},
}
FIELDS = [
    pytest.param(info, name, id=f"{info.id}-{name}")
    for info in INFOS
    for name in info.hyperparameters.model_fields
]

every_unlearner = pytest.mark.parametrize("info", INFOS, ids=lambda info: info.id)


@every_unlearner
def test_the_model_keeps_its_shape_and_is_left_ready_to_evaluate(info):
    before = {name: (tensor.shape, tensor.dtype) for name, tensor in original().state_dict().items()}

    unlearned = run(info)

    assert {name: (tensor.shape, tensor.dtype) for name, tensor in unlearned.state_dict().items()} == before
    assert [type(module) for module in unlearned.modules()] == [
        type(module) for module in original().modules()
    ]
    assert all(parameter.is_leaf and parameter.requires_grad for parameter in unlearned.parameters())
    assert not any(module.training for module in unlearned.modules())


@every_unlearner
def test_the_method_does_something_and_the_seed_decides_what(info):
    first, again, other = run(info, seed=1), run(info, seed=1), run(info, seed=2)

    assert same_weights(first, again)
    assert same_weights(first, other) is not draws(info)
    assert not same_weights(first, original())


@pytest.mark.parametrize("info", WITH_EPOCHS, ids=lambda info: info.id)
def test_training_draws_from_the_run_s_generator(info):
    assert draws(info)


@every_unlearner
def test_sets_that_are_not_declared_change_nothing(info):
    sets = toy_sets()
    others = {name: data if name in info.uses else poisoned(data) for name, data in sets.items()}

    assert same_weights(run(info, sets=others), run(info, sets=sets))


@every_unlearner
def test_a_poisoned_set_that_is_declared_does_change_the_result(info):
    sets = toy_sets()

    for name in info.uses:
        others = {**sets, name: poisoned(sets[name])}
        assert not same_weights(run(info, sets=others), run(info, sets=sets))


@every_unlearner
def test_reading_a_set_that_is_not_declared_is_refused(info):
    task = task_for(info, toy_sets())

    for name in {"retain", "forget", "validation"} - info.uses:
        with pytest.raises(SetWithheld, match=name):
            getattr(task, name)


@pytest.mark.parametrize("info", WITH_EPOCHS, ids=lambda info: info.id)
def test_zero_epochs_are_legal(info):
    first, again = run(info, num_epochs=0), run(info, num_epochs=0)

    assert same_weights(first, again)
    assert all(tensor.isfinite().all() for tensor in first.state_dict().values())


@every_unlearner
@pytest.mark.parametrize("sizes", [{"retain": 33, "forget": 17}, {"retain": 17, "forget": 33}], ids=str)
def test_a_last_batch_of_one_sample_does_no_harm(info, sizes):
    unlearned = run(info, sets=toy_sets(**sizes))

    assert all(tensor.isfinite().all() for tensor in unlearned.state_dict().values())


@pytest.mark.parametrize(("info", "name"), FIELDS)
def test_every_hyperparameter_has_an_effect(info, name):
    live = LIVE.get(info.id, {})
    base = run(info, **live)

    changed = run(info, **{**live, name: another_value(info.hyperparameters.model_fields[name])})

    assert not same_weights(base, changed)


@every_unlearner
@pytest.mark.parametrize("num_epochs", [0, 1, 3])
def test_the_work_it_declares_is_the_work_it_does(info, num_epochs):
    chosen = {"num_epochs": num_epochs} if "num_epochs" in info.hyperparameters.model_fields else {}
    variants = get_args(info.hyperparameters.model_fields["variant"].annotation) if has_variants(info) else ()

    for override in [{"variant": variant} for variant in variants] or [{}]:
        declared = small(info, **chosen, **override).work(SIZES_OF_WORK)
        assert work_of(info, WHOLE_BATCHES, **chosen, **override) == declared, override


@pytest.mark.parametrize("info", TRAINED_ON_RETAIN, ids=lambda info: info.id)
def test_methods_that_train_on_the_retain_set_keep_it(info):
    sets = toy_sets()

    unlearned = run(info, sets=sets, num_epochs=8, **SANE.get(info.id, {}))

    assert accuracy(unlearned, sets["retain"]) > 0.9


@every_unlearner
def test_no_hook_and_no_gradient_is_left_behind(info):
    unlearned = run(info)

    assert all(parameter.grad is None for parameter in unlearned.parameters())
    assert not any(parameter._backward_hooks for parameter in unlearned.parameters())
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    assert not any(getattr(module, kind) for module in unlearned.modules() for kind in hooks)


def draws(info: UnlearnerInfo) -> bool:
    """Whether a run takes anything from its generator: a method that does not is the same for all seeds."""
    task = task_for(info, toy_sets())
    before = task.generator.get_state()
    implementation(info.implementation)(deepcopy(original()), task, small(info))
    return not torch.equal(task.generator.get_state(), before)


def has_variants(info: UnlearnerInfo) -> bool:
    return "variant" in info.hyperparameters.model_fields


def another_value(field: FieldInfo) -> Any:
    """A legal value that is far from the default and from the toys' own setting."""
    if isinstance(field.default, str):
        return next(choice for choice in get_args(field.annotation) if choice != field.default)
    if isinstance(field.default, bool):
        return not field.default
    if isinstance(field.default, int):
        return 5
    return field.default / 2 or 0.1
