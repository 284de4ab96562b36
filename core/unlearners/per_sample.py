"""Gradients of single samples, many at once."""

import warnings
from collections.abc import Callable

from torch import Tensor, nn
from torch.func import functional_call, grad, vmap


def per_sample_gradients(
    model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], images: Tensor, targets: Tensor
) -> tuple[Tensor, ...]:
    """Each sample's own gradient, per parameter in the model's order: `(B, *shape)`.

    Memory is `B` times that of the parameters, so take `GRADIENT_BLOCK` samples at most. The model should be
    in eval mode, where samples do not meet in batch norm.

    Args:
        loss: `(1, C)` logits and one sample's target to the scalar that is differentiated.
        images: `(B, 3, H, W)`.
        targets: `(B,)`.
    """

    def one_loss(parameters: dict[str, Tensor], image: Tensor, target: Tensor) -> Tensor:
        return loss(functional_call(model, parameters, (image.unsqueeze(0),)), target)

    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    with warnings.catch_warnings():
        # Average pooling of a channels-last image takes the slow path, of one small operator; it is as exact.
        warnings.filterwarnings("ignore", message="There is a performance drop", category=UserWarning)
        gradients = vmap(grad(one_loss), in_dims=(None, 0, 0))(parameters, images, targets)
    return tuple(gradients.values())
