"""The attacks that can be asked for: torch-free declarations.

The one on whole sets is U-MIA: every result's record has it, whether or not a job lists it, and no other can
be declared. Its `implementation` is `attack(forget_losses, heldout_losses) -> float`, the accuracy in [0, 1]
with which it tells the forget set from data that was never trained on.

An attack on single samples, which any package may declare, has `attack(observed: Observations) -> Evidence`,
both of `core.attacks.observations`: it is given the scores of many models of one method on the samples of a
pool, and what each model had of each sample, and says of every observation how surely that model was trained
on that sample and forgot it. Accuracies, curves and intervals are computed from that for all such attacks
alike (`core.attacks.sample_attack`). It raises `ObservationsInvalid` where it cannot be run, which is told
with the result. A job keeps its models' scores, so a new attack runs on the models of an old one.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from core.catalog.declaration import Declaration

ON_SETS = "u_mia"


class AttackInfo(Declaration):
    """One membership inference attack on unlearned models.

    Attributes:
        on: which of the two kinds it is.
        min_splits: of one on single samples: in how many splits a sample has to be forgotten, and in how many
            never seen, so that it can be attacked with one of them left out.
    """

    on: Literal["sets", "samples"] = "samples"
    min_splits: int = Field(2, ge=2)

    @model_validator(mode="after")
    def _is_run(self) -> Self:
        if self.on == "sets" and self.id != ON_SETS:
            raise ValueError(
                f"the attack {self.id!r} is declared on sets, where {ON_SETS} alone is run, with every "
                'result: declare it on "samples"'
            )
        return self


U_MIA = AttackInfo(
    id=ON_SETS,
    title="U-MIA",
    source="Cadet et al. 2024, Deep Unlearn; protocol §5.3",
    implementation="core.attacks.u_mia:attack_accuracy",
    on="sets",
)
U_LIRA = AttackInfo(
    id="u_lira",
    title="U-LiRA",
    source="Hayes et al. 2024, Inexact Unlearning Needs More Careful Evaluations; Carlini et al. 2022; "
    "protocol §8",
    implementation="core.attacks.u_lira:u_lira",
    min_splits=5,  # four to fit on, and the one that is classified (protocol §8.2)
)
U_LIRA_POOLED = AttackInfo(
    id="u_lira_pooled",
    title="U-LiRA, pooled variance",
    source="Carlini et al. 2022, Membership Inference Attacks From First Principles; as U-LiRA for the rest",
    implementation="core.attacks.u_lira:u_lira_pooled",
)
RMIA = AttackInfo(
    id="rmia",
    title="RMIA",
    source="Zarifzadeh et al. 2024, Low-Cost High-Power Membership Inference Attacks, arXiv 2312.03262",
    implementation="core.attacks.rmia:rmia",
)
