"""ResNet18 with torchvision's ImageNet stem, also at 32 px (protocol §3.1)."""

from typing import cast

from torch import nn

from core.models.convolution import with_compact_convolutions
from core.models.parts import Parts
from core.torchvision_operators import declare_missing_operators


def resnet18(num_classes: int) -> nn.Module:
    """Torchvision's ResNet18, freshly initialised, for `(B, 3, H, W)` images; 11,181,642 parameters for 10
    classes. Convolutions down to one pixel are compact, those on 4×4 pixels have fewer products, and the stem
    pools before its ReLU, with the same outputs and gradients.

    Source: He et al. 2016, arXiv 1512.03385.
    """
    declare_missing_operators()
    from torchvision.models import resnet18 as build

    model = build(num_classes=num_classes)
    # A ReLU changes no order, so the maximum may come first; the ReLU is then of a quarter of the pixels.
    model.relu, model.maxpool = nn.Identity(), nn.Sequential(model.maxpool, model.relu)
    return with_compact_convolutions(model)


def resnet18_cifar(num_classes: int) -> nn.Module:
    """The same with a 3×3 stem of stride 1 and no max pool, so that 32 px are not down to one pixel at the
    end.

    Source: He et al. 2016, arXiv 1512.03385, §4.2; outside the paper's benchmark (protocol §3.1).
    """
    model = resnet18(num_classes)
    stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    model.conv1 = stem
    # What is left of the pool: `resnet18` has put the ReLU behind it.
    model.maxpool = nn.ReLU(inplace=True)
    return model


def parts(model: nn.Module) -> Parts:
    """Four stages: `layer1` … `layer4`."""
    stages = tuple((model.get_submodule(f"layer{number}"),) for number in (1, 2, 3, 4))
    return Parts(
        classifier=cast(nn.Linear, model.get_submodule("fc")),
        first_convolution=cast(nn.Conv2d, model.get_submodule("conv1")),
        stages=stages,
    )
