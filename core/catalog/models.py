"""The architectures that can be asked for: torch-free declarations.

A model's `implementation` is `build(num_classes: int) -> nn.Module`, freshly initialised from torch's global
generator; its `parts` is `parts(model: nn.Module) -> core.models.parts.Parts`, what methods may ask of it.
"""

from pydantic import Field

from core.catalog.declaration import Declaration


class ModelInfo(Declaration):
    """One architecture; `parts` names what methods may ask of it, `num_stages` stages among it."""

    parts: str
    num_stages: int = Field(ge=1)


RESNET18 = ModelInfo(
    id="resnet18",
    title="ResNet18",
    source="He et al. 2016, arXiv 1512.03385; torchvision's layout with its 7×7 stem (protocol §3.1)",
    implementation="core.models.resnet:resnet18",
    parts="core.models.resnet:parts",
    num_stages=4,
)

TINY_VIT = ModelInfo(
    id="tiny_vit",
    title="TinyViT-11M",
    source="Wu et al. 2022, arXiv 2207.10666; exact compact attention (protocol §3.4)",
    implementation="core.models.tiny_vit:tiny_vit",
    parts="core.models.tiny_vit:parts",
    num_stages=3,
)
