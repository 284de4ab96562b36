"""From a setting to its four sets."""

from pathlib import Path

import pytest
import torch

from core.catalog.datasets import DIGITS
from core.catalog.protocols import QUICK
from core.datasets.augment import shift
from core.datasets.digits import load
from core.datasets.load import DataCache
from core.errors import DatasetMissing
from core.spec.forget import ClassForget, RandomForget
from core.spec.setting import Setting

CPU = torch.device("cpu")


def setting(dataset: str = "digits", seed: int = 123) -> Setting:
    return Setting(
        protocol=QUICK.id,
        dataset=dataset,
        dataset_revision=1,
        model="resnet18",
        model_revision=1,
        forget=RandomForget(fraction=0.1, seed=seed),
        precision="fp32",
        recipe=QUICK.recipes["digits/*"],
        validation_fraction=0.15,
        split_seed=123,
        run_seed=123,
    )


@pytest.fixture
def cache(tmp_path) -> DataCache:
    return DataCache(tmp_path, CPU, cache_dir=tmp_path / "cache")


def test_the_sets_have_the_sizes_of_the_protocol(cache):
    sets = cache.sets(setting())

    # of 1,438: 216 for validation, then 123 of the remaining 1,222 to forget
    assert [len(s) for s in (sets.retain, sets.forget, sets.validation, sets.test)] == [1099, 123, 216, 359]
    assert sets.num_classes == 10


def test_each_set_holds_the_samples_that_the_split_names(cache):
    source, sets = load(DIGITS, Path("/nowhere")), cache.sets(setting())

    for name in ("retain", "forget", "validation", "test"):
        indices = torch.from_numpy(getattr(sets.split, name))
        assert torch.equal(getattr(sets, name).pixels, source.pixels[indices])
        assert torch.equal(getattr(sets, name).labels, source.labels[indices])


def test_sets_carry_the_scale_and_the_training_transform_of_the_catalogue(cache):
    retain = cache.sets(setting()).retain

    assert retain.augmentation is shift
    assert retain.mean.tolist() == pytest.approx([0.3053] * 3)
    assert retain.std.tolist() == pytest.approx([0.3186] * 3)


def test_the_last_settings_sets_are_kept_and_another_settings_are_drawn_anew(cache):
    first, again = cache.sets(setting()), cache.sets(setting())

    other = cache.sets(setting(seed=7))

    assert first is again
    assert not torch.equal(first.forget.pixels, other.forget.pixels)
    assert torch.equal(first.validation.pixels, other.validation.pixels)


def test_sets_say_which_classes_they_have_no_sample_of(cache):
    assert cache.sets(setting()).absent_classes == {}

    threes = ClassForget(rule="class", labels=(3,))
    sets = cache.sets(setting().model_copy(update={"forget": threes}))

    assert sets.absent_classes == {"retain": [3], "forget": [0, 1, 2, 4, 5, 6, 7, 8, 9]}


def test_a_dataset_whose_files_are_absent_says_so(cache):
    with pytest.raises(DatasetMissing, match="train-images-idx3-ubyte"):
        cache.sets(setting("mnist"))
