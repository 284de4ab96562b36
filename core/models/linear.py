"""Matrix products of training in fp32 on a CPU, by oneDNN, which multiplies torch's convolutions too.

Torch itself multiplies fp32 matrices on x86 by MKL, which leaves AVX-512 unused on AMD's processors: 200
GFLOP/s on two such cores, against 450 by oneDNN; without AVX-512, 200 against 230. On Intel's it has not been
measured.
Forward-mode derivatives (`torch.func.jvp`) are not there.
"""

from typing import Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

# The operator to which torch's own compiler lowers a linear layer; builds without oneDNN lack it.
_is_x86 = torch.backends.cpu.get_cpu_capability().startswith("AVX")
BY_ONE_DNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if _is_x86 else None


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` of `(N, I)` rows, an `(O, I)` weight and an `(O,)` bias: `(N, O)`, to the rounding of its
    sums.
    """
    if _is_for_one_dnn(rows, weight, bias):
        return cast(Tensor, _Linear.apply(rows, weight, bias))  # type: ignore[no-untyped-call]
    return F.linear(rows, weight, bias)


def _is_for_one_dnn(rows: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether it multiplies these; what torch refuses is left to it, and single rows, where it is faster."""
    if BY_ONE_DNN is None or rows.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    is_fp32 = all(tensor.dtype == torch.float32 for tensor in (rows, weight, bias) if tensor is not None)
    return is_fp32 and len(rows) > 1 and rows.shape[1] == weight.shape[1]


class Linear(nn.Linear):
    """`nn.Linear` by `linear`; parameters, their names and the function are the same."""

    @classmethod
    def sharing(cls, layer: nn.Linear) -> Self:
        """The same layer, with its very parameters."""
        mine = cls(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
        mine.weight, mine.bias = layer.weight, layer.bias
        return mine

    def forward(self, inputs: Tensor) -> Tensor:
        """`(…, I)` to `(…, O)`."""
        if inputs.dim() == 1:
            return super().forward(inputs)
        rows = linear(inputs.flatten(0, -2), self.weight, self.bias)
        return rows.view(*inputs.shape[:-1], self.out_features)


class _Saved(FunctionCtx):
    """What the way back must know."""

    saved_tensors: tuple[Tensor, Tensor]
    needs_input_grad: tuple[bool, bool, bool]


class _Linear(torch.autograd.Function):
    """Torch's compiler has an operator for the way there only; the products of the way back are the same."""

    @staticmethod
    def forward(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        assert BY_ONE_DNN is not None
        return cast(Tensor, BY_ONE_DNN(_dense(rows), _dense(weight), bias, "none", [], ""))

    @staticmethod
    def setup_context(
        ctx: FunctionCtx, inputs: tuple[Tensor, Tensor, Tensor | None], _output: Tensor
    ) -> None:
        rows, weight, _ = inputs
        ctx.save_for_backward(rows, weight)

    @staticmethod
    def backward(ctx: _Saved, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        of_rows, of_weight, of_bias = ctx.needs_input_grad
        return (
            linear(gradient, weight.t()) if of_rows else None,
            linear(gradient.t(), rows.t()) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )

    @staticmethod
    def vmap(
        _info: object, dims: tuple[int | None, ...], rows: Tensor, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, int]:
        """Many products at once are torch's: oneDNN's operator takes matrices only."""
        multiply = torch.vmap(F.linear, in_dims=dims)
        return multiply(rows, weight, bias), 0


def _dense(matrix: Tensor) -> Tensor:
    """The matrix without gaps between its rows or columns; through gaps oneDNN takes a thousand times as
    long.
    """
    return matrix if matrix.is_contiguous() or matrix.t().is_contiguous() else matrix.contiguous()
