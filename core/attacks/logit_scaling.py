"""Logit scaling: a model's confidence in the label, on a scale where it is roughly normal (protocol §8.2)."""

import numpy as np
from numpy.typing import NDArray

from core.errors import ObservationsInvalid


def scaled_logits(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """`z = a_y − log Σ_{c≠y} exp(a_c)`, which is `log(p_y / (1 − p_y))` without rounding `p_y` to 1.

    Args:
        logits: `(N, C)` with at least two classes.
        labels: `(N,)` classes in `[0, C)`.

    Returns:
        `(N,)` float64, finite, any sign.

    Raises:
        ObservationsInvalid: shapes or labels do not fit, or a logit is not finite.

    Source: Carlini et al. 2022, Membership Inference Attacks From First Principles, §IV-C; protocol §8.2.
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or labels.shape != logits.shape[:1]:
        raise ObservationsInvalid(
            f"Logit scaling takes (N, C ≥ 2) logits and (N,) labels, not {logits.shape} and {labels.shape}."
        )
    finite = np.isfinite(logits).all(axis=1)
    if not finite.all():
        raise ObservationsInvalid(
            f"The logits of {int((~finite).sum())} of {len(finite)} samples are not finite (first: sample "
            f"{int(np.argmin(finite))}); a model with such outputs cannot be attacked."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < logits.shape[1]:
        raise ObservationsInvalid(
            f"Labels run from {labels.min()} to {labels.max()}, but there are {logits.shape[1]} classes."
        )
    others = logits.astype(np.float64)
    rows = np.arange(len(labels))
    own = others[rows, labels]
    others[rows, labels] = -np.inf
    largest = others.max(axis=1)
    scaled: NDArray[np.float64] = own - (largest + np.log(np.exp(others - largest[:, None]).sum(axis=1)))
    return scaled
