"""TinyViT-11M that pays only for real tokens: timm's model with exact compact attention (protocol §3.2–3.4).

timm pads a grid that is smaller than its window with zeros, and the padded tokens take part in attention.
They are all alike: LayerNorm turns zeros into its bias, so their key and value are one constant vector each.
For a query i their joint weight is that of one virtual token with bias log Σ exp(b_ip) over the padded
positions p. Attention over the real tokens and that virtual one has the same output and gradients at a
fourteenth of the arithmetic at 32 px.

Biases are gathered on every forward pass, in both modes: timm's cache in eval mode would cut their gradient
and hide changes made to them (methods §1.3).
"""

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.linear import Linear
from core.models.parts import Parts
from core.torchvision_operators import declare_missing_operators

if TYPE_CHECKING:
    from timm.models.tiny_vit import Attention, TinyVitBlock

TIMM_NAME = "tiny_vit_11m_224"


def tiny_vit(num_classes: int) -> nn.Module:
    """TinyViT-11M, freshly initialised, for `(B, 3, H, W)` images; 10,552,462 parameters for 10 classes.

    Parameters, their names and initial values are timm's.

    Source: Wu et al. 2022, arXiv 2207.10666.
    """
    declare_missing_operators()
    import timm

    model: nn.Module = timm.create_model(TIMM_NAME, num_classes=num_classes)
    for stage in list(cast(nn.Sequential, model.stages))[1:]:  # stage 0 is convolutional
        blocks = cast(nn.Sequential, stage.blocks)
        stage.blocks = nn.Sequential(*(CompactBlock(cast("TinyVitBlock", block)) for block in blocks))
    for name, module in list(model.named_modules()):
        if type(module) is nn.Linear:
            model.set_submodule(name, Linear.sharing(module))
    return model


def parts(model: nn.Module) -> Parts:
    """Three stages, each with the down-sampling behind it, as in the paper's code (protocol §3.3)."""
    get = model.get_submodule
    return Parts(
        classifier=cast(nn.Linear, get("head.fc")),
        first_convolution=cast(nn.Conv2d, get("patch_embed.conv1.conv")),
        stages=(
            (get("stages.1.blocks"), get("stages.2.downsample")),
            (get("stages.2.blocks"), get("stages.3.downsample")),
            (get("stages.3.blocks"),),
        ),
    )


class CompactAttention(nn.Module):
    """The parameters of timm's `Attention`, over any part of its window."""

    attention_bias_idxs: Tensor

    def __init__(self, attention: "Attention") -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        self.head_width = attention.key_dim
        self.norm = attention.norm
        self.qkv = attention.qkv
        self.proj = attention.proj
        self.attention_biases = attention.attention_biases
        indices = cast(Tensor, attention.attention_bias_idxs)
        self.register_buffer("attention_bias_idxs", indices, persistent=False)

    def forward(self, tokens: Tensor, positions: Tensor, padding: Tensor) -> Tensor:
        """Attend among the tokens of a window whose other positions are padding.

        Args:
            tokens: `(B, N, C)`.
            positions: `(N,)` int64, where in the window each token is.
            padding: `(P,)` int64, the rest of the window, which is zeros.

        Returns:
            `(B, N, C)`.
        """
        query, key, value = self._project(tokens)
        bias_indices = self.attention_bias_idxs[positions]
        bias = self.attention_biases[:, bias_indices[:, positions]]
        if padding.numel():
            virtual = self._project(tokens.new_zeros(1, 1, tokens.shape[-1]))
            key, value = (
                torch.cat([real, one.expand(len(tokens), -1, -1, -1)], dim=2)
                for real, one in ((key, virtual[1]), (value, virtual[2]))
            )
            padding_bias = self.attention_biases[:, bias_indices[:, padding]].logsumexp(-1, keepdim=True)
            bias = torch.cat([bias, padding_bias], dim=-1)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        output: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return output

    def _project(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, each `(B, heads, N, head width)`."""
        qkv = self.qkv(self.norm(tokens)).unflatten(-1, (self.num_heads, 3, self.head_width))
        query, key, value = qkv.permute(3, 0, 2, 1, 4).unbind()
        return query, key, value


class CompactBlock(nn.Module):
    """The parameters of timm's `TinyVitBlock`; padding is attended to in its compact form where one window
    holds all.
    """

    def __init__(self, block: "TinyVitBlock") -> None:
        super().__init__()
        self.window_size: int = block.window_size
        self.attn = CompactAttention(block.attn)
        self.drop_path1 = block.drop_path1
        self.mlp = block.mlp
        self.drop_path2 = block.drop_path2
        self.local_conv = block.local_conv

    def forward(self, grid: Tensor) -> Tensor:
        """`(B, H, W, C)` to the same shape."""
        height, width = grid.shape[1:3]
        fits = max(height, width) <= self.window_size
        grid = grid + self.drop_path1(self._one_window(grid) if fits else self._windows(grid))
        tokens = self.local_conv(grid.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
        tokens = tokens + self.drop_path2(self.mlp(tokens))
        output: Tensor = tokens.unflatten(1, (height, width))
        return output

    def _one_window(self, grid: Tensor) -> Tensor:
        height, width = grid.shape[1:3]
        size = self.window_size
        window = torch.arange(size * size, device=grid.device).view(size, size)
        # Taken by slices: a mask would make a GPU tell the host how many it has found.
        padding = torch.cat([window[:height, width:].flatten(), window[height:].flatten()])
        attended: Tensor = self.attn(grid.flatten(1, 2), window[:height, :width].flatten(), padding)
        return attended.view(grid.shape)

    def _windows(self, grid: Tensor) -> Tensor:
        """Several windows: pad to whole ones and attend in each, as timm does."""
        batch, height, width, channels = grid.shape
        size = self.window_size
        padded = F.pad(grid, (0, 0, 0, -width % size, 0, -height % size))
        down, across = padded.shape[1] // size, padded.shape[2] // size
        windows = padded.view(batch, down, size, across, size, channels).transpose(2, 3)
        every_position = torch.arange(size * size, device=grid.device)
        tokens = windows.reshape(-1, size * size, channels)
        attended: Tensor = self.attn(tokens, every_position, every_position[:0])
        attended = attended.view(batch, down, across, size, size, channels).transpose(2, 3)
        return attended.reshape(padded.shape)[:, :height, :width]
