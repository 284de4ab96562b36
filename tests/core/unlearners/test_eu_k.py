"""EU-k's own identities (methods §5.3)."""

import pytest
import torch
from torch import nn

from core.catalog.published import EU_K
from core.models import tiny_vit
from core.unlearners.eu_k import reinitialise
from core.unlearners.pieces import tail
from tests.toys import original, run, same_weights, toy_sets


def layers_of(model: nn.Module) -> list[nn.Module]:
    """Stem, stages and classifier."""
    return [model.stem, *model.stages, model.classifier]


def running(model: nn.Module) -> list[torch.Tensor]:
    """The means and variances of each of stem and stages."""
    return [torch.stack([layer[1].running_mean, layer[1].running_var]) for layer in layers_of(model)[:-1]]


def fresh(num_inputs: int) -> torch.Tensor:
    return torch.stack([torch.zeros(num_inputs), torch.ones(num_inputs)])


@pytest.mark.parametrize("variant", ["official", "fixed"])
@pytest.mark.parametrize("num_stages", [0, 1, 2, 3])
def test_without_epochs_the_last_k_stages_and_the_classifier_are_fresh_and_the_rest_is_as_it_was(
    num_stages, variant
):
    unlearned = run(EU_K, num_epochs=0, num_stages=num_stages, variant=variant)

    layers = zip(layers_of(original()), layers_of(unlearned), strict=True)
    changed = [not same_weights(before, after) for before, after in layers]
    assert changed == [False] * (4 - num_stages) + [True] * (num_stages + 1)


def test_fresh_convolutions_fill_the_kaiming_bound_and_biases_are_zero():
    unlearned = run(EU_K, num_epochs=0, num_stages=3)

    for stage in unlearned.stages:
        convolution, norm, _ = stage
        bound = (6 / (convolution.out_channels * 9)) ** 0.5
        assert 0.9 * bound < convolution.weight.abs().max() <= bound
        assert torch.equal(norm.weight, torch.ones_like(norm.weight))
        assert not norm.bias.any()
    bound = (6 / (12 + 3)) ** 0.5
    assert 0.8 * bound < unlearned.classifier.weight.abs().max() <= bound
    assert not unlearned.classifier.bias.any()


def test_a_depthwise_convolutions_groups_do_not_count_and_its_bias_is_zero():
    depthwise = nn.Conv2d(50, 50, 3, groups=50)

    reinitialise([depthwise], torch.Generator().manual_seed(0), statistics=False)

    bound = (6 / (50 * 9)) ** 0.5
    assert 0.9 * bound < depthwise.weight.abs().max() <= bound
    assert not depthwise.bias.any()


def test_batch_norm_without_weights_is_reinitialised_too():
    norm = nn.BatchNorm2d(4, affine=False)
    norm.running_mean.fill_(3)

    reinitialise([norm], torch.Generator(), statistics=True)

    assert not norm.running_mean.any()


def test_the_official_variant_changes_no_running_statistic():
    for num_epochs in (0, 2):
        unlearned = run(EU_K, num_epochs=num_epochs, num_stages=3, variant="official")
        for before, after in zip(original().buffers(), unlearned.buffers(), strict=True):
            assert torch.equal(before, after)


def test_the_fixed_variant_resets_the_statistics_of_the_tail_alone():
    before, after = (running(m) for m in (original(), run(EU_K, num_epochs=0, num_stages=2, variant="fixed")))

    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [True, True, False, False]
    assert all(torch.equal(statistics, fresh(statistics.shape[1])) for statistics in after[2:])


def test_the_fixed_variant_estimates_them_anew_while_the_frozen_part_stays_in_eval_mode():
    before, after = (running(m) for m in (original(), run(EU_K, num_stages=2, variant="fixed")))

    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [True, True, False, False]
    assert not any(torch.equal(statistics, fresh(statistics.shape[1])) for statistics in after[2:])


def test_a_fresh_tail_owes_nothing_to_the_old_one():
    other = run(EU_K, num_stages=2, num_epochs=1, seed=5)  # another tail, the same frozen part
    settings = {"num_stages": 2, "variant": "fixed"}

    from_original, from_other = run(EU_K, **settings), run(EU_K, model=other, **settings)

    learnt = zip(from_original.parameters(), from_other.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in learnt)
    assert all(torch.equal(*pair) for pair in zip(running(from_original), running(from_other), strict=True))


def test_a_single_sample_is_skipped_only_where_the_tail_normalises_by_batch():
    sets = toy_sets(retain=1)
    start, trained = (
        run(EU_K, num_epochs=number, num_stages=0, variant="fixed", sets=sets) for number in (0, 1)
    )
    assert not same_weights(start, trained)

    start, skipped = (
        run(EU_K, num_epochs=number, num_stages=1, variant="fixed", sets=sets) for number in (0, 1)
    )
    assert same_weights(start, skipped)


def test_the_penalty_pulls_to_the_fresh_weights():
    settings = {"num_stages": 1, "learning_rate": 0.1, "batch_size": 64, "decay_factor": 1.0}

    def drift(penalty: float) -> float:
        start, end = (run(EU_K, penalty=penalty, num_epochs=number, **settings) for number in (0, 20))
        return (end.classifier.weight - start.classifier.weight).norm().item()

    assert drift(1.0) < 0.7 * drift(0.0)


def test_more_stages_than_there_are_mean_all_of_them():
    assert same_weights(run(EU_K, num_stages=9), run(EU_K, num_stages=3))


@pytest.mark.parametrize("variant", ["official", "fixed"])
def test_a_diverging_run_ends_without_an_error(variant):
    diverged = run(EU_K, learning_rate=10.0, penalty=1.0, num_epochs=30, decay_factor=1.0, variant=variant)

    assert not diverged.classifier.weight.isfinite().all()


def test_tiny_vit_gets_fresh_linear_layers_and_convolutions_but_keeps_its_layer_norms():
    torch.manual_seed(0)
    model = tiny_vit.tiny_vit(3)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}

    reinitialise(tail(tiny_vit.parts(model), 1), torch.Generator().manual_seed(0), statistics=True)

    for name, module in model.named_modules():
        is_fresh = name.startswith(("stages.3.blocks", "head.fc"))
        if isinstance(module, nn.Linear | nn.Conv2d):
            assert torch.equal(module.weight, before[f"{name}.weight"]) is not is_fresh, name
        if isinstance(module, nn.LayerNorm):
            assert torch.equal(module.weight, before[f"{name}.weight"])
    assert all(
        torch.equal(weight, before[name]) for name, weight in model.named_parameters() if "biases" in name
    )
