"""The attacks that can be asked for: torch-free declarations.

An attack on a set has as its `implementation` `attack(forget_losses, heldout_losses) -> float`, the accuracy
in [0, 1] with which it tells the forget set from data that was never trained on.

An attack on single samples has `attack(observed: Observations) -> Evidence`, both of
`core.attacks.observations`: it is given the scores of many models of one method on the samples of a pool, and
what each model had of each sample, and says of every observation how surely that model was trained on that
sample and forgot it. Accuracies, curves and intervals are computed from that for all such attacks alike
(`core.attacks.sample_attack`). It raises `ObservationsInvalid` where it cannot be run, which is told with the
result. A job keeps its models' scores, so a new attack runs on the models of an old one.
"""

from typing import Literal

from pydantic import Field

from core.catalog.declaration import Declaration


class AttackInfo(Declaration):
    """One membership inference attack on unlearned models.

    Attributes:
        on: which of the two kinds it is.
        min_splits: of one on single samples: in how many splits a sample has to be forgotten, and in how many
            never seen, so that it can be attacked with one of them left out.
    """

    on: Literal["sets", "samples"] = "sets"
    min_splits: int = Field(2, ge=2)


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
    min_splits=5,  # four to fit on, and the one that is classified (protocol §8.2)
)
U_LIRA_POOLED = AttackInfo(
    id="u_lira_pooled",
    title="U-LiRA, pooled variance",
    source="Carlini et al. 2022, Membership Inference Attacks From First Principles; as U-LiRA for the rest",
    implementation="core.attacks.u_lira:u_lira_pooled",
    on="samples",
)
RMIA = AttackInfo(
    id="rmia",
    title="RMIA",
    source="Zarifzadeh et al. 2024, Low-Cost High-Power Membership Inference Attacks, arXiv 2312.03262",
    implementation="core.attacks.rmia:rmia",
    on="samples",
)
