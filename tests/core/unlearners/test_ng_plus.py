"""NG+'s own identities (methods §5.8)."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from core.catalog.published import NG_PLUS
from core.training import fit
from core.unlearners import ng_plus
from core.unlearners.batches import Paired
from tests.toys import mean_loss, numbered, numbers, original, run, same_weights, toy_sets

ONE_STEP = {"num_epochs": 1, "batch_size": 64, "weight_decay": 0.0}


def relabelled(data):
    return replace(data, labels=data.labels.roll(1))


def test_zero_epochs_are_the_identity():
    assert same_weights(run(NG_PLUS, num_epochs=0), original())


def test_at_alpha_one_the_forget_labels_are_ignored():
    sets = toy_sets()
    others = {**sets, "forget": relabelled(sets["forget"])}

    assert same_weights(run(NG_PLUS, sets=others, alpha=1.0), run(NG_PLUS, sets=sets, alpha=1.0))
    assert not same_weights(run(NG_PLUS, sets=others, alpha=0.9), run(NG_PLUS, sets=sets, alpha=0.9))


def test_at_alpha_one_an_infinite_forget_loss_does_no_harm():
    sets = toy_sets()
    infinite = replace(sets["forget"], std=torch.zeros(3))

    unlearned = run(NG_PLUS, sets={**sets, "forget": infinite}, alpha=1.0)

    assert all(parameter.isfinite().all() for parameter in unlearned.parameters())


def test_at_alpha_zero_the_forget_loss_rises():
    forget = toy_sets()["forget"]

    assert mean_loss(run(NG_PLUS, alpha=0.0, num_epochs=1), forget) > mean_loss(original(), forget)


def test_a_step_is_the_weighted_sum_of_the_two_separate_steps():
    retain, forget, both = (run(NG_PLUS, alpha=alpha, **ONE_STEP) for alpha in (1.0, 0.0, 0.7))

    models = (original(), retain, forget, both)
    for start, down, up, joint in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(joint - start, 0.7 * (down - start) + 0.3 * (up - start))


def test_the_official_variant_leaves_batch_norm_as_it_was():
    unlearned = run(NG_PLUS, variant="official")

    for before, after in zip(original().buffers(), unlearned.buffers(), strict=True):
        assert torch.equal(before, after)


def test_the_fixed_variant_trains_batch_norm():
    unlearned = run(NG_PLUS, variant="fixed")

    moved = [not torch.equal(*pair) for pair in zip(original().buffers(), unlearned.buffers(), strict=True)]
    assert all(moved)


@pytest.mark.parametrize(("retain", "forget"), [(48, 24), (48, 96), (50, 3)])
def test_there_are_as_many_steps_as_retain_batches(monkeypatch, retain, forget):
    reports = []
    monkeypatch.setattr(ng_plus, "fit", lambda *args, **kwargs: reports.append(fit(*args, **kwargs)))

    run(NG_PLUS, sets=toy_sets(retain=retain, forget=forget), num_epochs=3, batch_size=16)

    assert [report.num_steps for report in reports] == [3 * -(-retain // 16)]


def test_forget_batches_are_replayed_in_their_order_and_drawn_anew_each_epoch():
    pairs = Paired(numbered(0, 40), numbered(40, 8), 4, torch.Generator().manual_seed(0))

    first, second = ([numbers(pair.forget.images) for pair in pairs] for _ in range(2))

    assert first == (first[:2] * 5)
    assert sorted(first[0] + first[1]) == list(range(40, 48))
    assert second[:2] != first[:2]


@pytest.mark.parametrize(("drop_single", "sizes"), [(False, [4, 4, 1]), (True, [4, 4, 4])])
def test_a_forget_tail_of_one_sample_is_replayed_unless_batch_norm_could_not_take_it(drop_single, sizes):
    pairs = Paired(
        numbered(0, 40), numbered(40, 9), 4, torch.Generator().manual_seed(0), drop_single=drop_single
    )

    assert [len(pair.forget) for pair in islice(pairs, 3)] == sizes
