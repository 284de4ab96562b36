"""The architectures that can be asked for: torch-free declarations.

A model's `implementation` is `build(num_classes: int) -> nn.Module`, freshly initialised from torch's global
generator; its `parts` is `parts(model: nn.Module) -> core.models.parts.Parts`, what methods may ask of it.
"""

from collections.abc import Mapping

from pydantic import Field

from core.catalog.declaration import Declaration


class ModelInfo(Declaration):
    """One architecture; `parts` names what methods may ask of it, `num_stages` stages among it.

    `forward_mflop` gives MFLOP of one forward pass by image size (protocol §9.1).
    """

    parts: str
    num_stages: int = Field(ge=1)
    forward_mflop: Mapping[int, float] = Field(min_length=1)

    def forward_flop(self, image_size: int) -> float:
        """Floating-point operations of one image's forward pass; other sizes scale with the image's area."""
        nearest = min(self.forward_mflop, key=lambda size: abs(size - image_size))
        return 1e6 * self.forward_mflop[nearest] * (image_size / nearest) ** 2


RESNET18 = ModelInfo(
    id="resnet18",
    title="ResNet18",
    source="He et al. 2016, arXiv 1512.03385; torchvision's layout with its 7×7 stem (protocol §3.1)",
    implementation="core.models.resnet:resnet18",
    parts="core.models.resnet:parts",
    num_stages=4,
    forward_mflop={32: 74.0, 224: 3627.1},
)

RESNET18_CIFAR = ModelInfo(
    id="resnet18_cifar",
    title="ResNet18 with a CIFAR stem",
    source="He et al. 2016, arXiv 1512.03385, §4.2; 3×3 stem, no max pool; not in the paper (protocol §3.1)",
    implementation="core.models.resnet:resnet18_cifar",
    parts="core.models.resnet:parts",
    num_stages=4,
    forward_mflop={32: 1110.8},
)

TINY_VIT = ModelInfo(
    id="tiny_vit",
    title="TinyViT-11M",
    source="Wu et al. 2022, arXiv 2207.10666; exact compact attention (protocol §3.4)",
    implementation="core.models.tiny_vit:tiny_vit",
    parts="core.models.tiny_vit:parts",
    num_stages=3,
    forward_mflop={32: 78.1, 224: 4031.2},
)
