"""The paper's five datasets as the protocol has them (protocol §1, §2.1)."""

import pytest

from core.catalog.registry import installed
from core.spec.job import RandomForget
from core.splits import draw_split

# Sizes of D, R, F, V and T, number of classes, image size.
PUBLISHED = {
    "mnist": (51_000, 45_900, 5_100, 9_000, 10_000, 10, 32),
    "fashion_mnist": (51_000, 45_900, 5_100, 9_000, 10_000, 10, 32),
    "cifar10": (42_500, 38_250, 4_250, 7_500, 10_000, 10, 32),
    "cifar100": (42_500, 38_250, 4_250, 7_500, 10_000, 100, 32),
    "utkface": (16_121, 14_508, 1_613, 2_846, 4_741, 5, 224),
}


@pytest.mark.parametrize(("dataset", "published"), PUBLISHED.items())
def test_sets_classes_and_images_have_the_published_sizes(dataset, published):
    info = installed().datasets[dataset]

    split = draw_split(info.num_train, info.num_test, RandomForget(), validation_fraction=0.15, seed=123)

    retain, forget = len(split.retain), len(split.forget)
    sizes = (retain + forget, retain, forget, len(split.validation), len(split.test))
    assert (*sizes, info.num_classes, info.image_size) == published


def test_training_transforms_are_the_published_ones():
    assert {name: installed().datasets[name].augmentation for name in PUBLISHED} == {
        "mnist": "flip",
        "fashion_mnist": "flip",
        "cifar10": "crop_flip",
        "cifar100": "crop_flip",
        "utkface": "none",
    }
