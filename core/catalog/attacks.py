"""The attacks that can be asked for: torch-free declarations.

An attack's `implementation` is `attack(forget_losses, heldout_losses) -> float`, the accuracy in [0, 1] with
which it tells the forget set from data that was never trained on.
"""

from core.catalog.declaration import Declaration


class AttackInfo(Declaration):
    """One membership inference attack on unlearned models."""


U_MIA = AttackInfo(
    id="u_mia",
    title="U-MIA",
    source="Cadet et al. 2024, Deep Unlearn; protocol §5.3",
    implementation="core.attacks.u_mia:attack_accuracy",
)
