"""Losses that several unlearners share, on logits `(B, C)` (methods §0.1)."""

import math

import torch.nn.functional as F
from torch import Tensor


def kl(teacher: Tensor, student: Tensor, temperature: float = 1.0) -> Tensor:
    """`KL_T(teacher ‖ student)`: summed over classes, averaged over samples, without a factor `T²`."""
    return F.kl_div(
        F.log_softmax(student / temperature, dim=1),
        F.log_softmax(teacher / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )


def entropy(logits: Tensor) -> Tensor:
    """Each sample's entropy in nats, `(B,)`."""
    log_probabilities = F.log_softmax(logits, dim=1)
    return -(log_probabilities.exp() * log_probabilities).sum(dim=1)


def uniform_kl(logits: Tensor) -> Tensor:
    """`KL(U ‖ p)`, from uniform to the model: summed over classes, averaged over samples."""
    return -F.log_softmax(logits, dim=1).mean() - math.log(logits.shape[1])
