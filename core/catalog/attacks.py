"""The attacks that can be asked for: torch-free declarations.

An attack on a set has as its `implementation` `attack(forget_losses, heldout_losses) -> float`, the accuracy
in [0, 1] with which it tells the forget set from data that was never trained on.

An attack on single samples is `attack(scores, membership, models, *, retrained) -> LiraResult` over many
models of one method: `(M, N)` logit-scaled scores of the M models on the N samples of a pool, `(M, N)` codes
of what each model had of each sample, `(M, 2)` split and forget set of each model, and the retrained models'
scores or None, all as `core.attacks.u_lira.u_lira` describes them. Scores are kept, so that a new attack runs
on the models of an old one. It raises `ObservationsInvalid` where it cannot be run, which is told with the
result.
"""

from typing import Literal

from core.catalog.declaration import Declaration


class AttackInfo(Declaration):
    """One membership inference attack on unlearned models; `on` says which of the two kinds it is."""

    on: Literal["sets", "samples"] = "sets"


U_MIA = AttackInfo(
    id="u_mia",
    title="U-MIA",
    source="Cadet et al. 2024, Deep Unlearn; protocol §5.3",
    implementation="core.attacks.u_mia:attack_accuracy",
)
U_LIRA = AttackInfo(
    id="u_lira",
    title="U-LiRA",
    source="Hayes et al. 2024, Inexact Unlearning Needs More Careful Evaluations; Carlini et al. 2022; "
    "protocol §8",
    implementation="core.attacks.u_lira:u_lira",
    on="samples",
)
