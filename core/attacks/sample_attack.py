"""Run an attack on single samples and report how well it tells forgotten from never seen (protocol §8)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.attacks.observations import Evidence, Mask, Observations, SampleAttack
from core.attacks.sample_figures import (
    REPLICATES,
    SEED,
    Figure,
    RocPoints,
    Tallies,
    figure_values,
    figures_of,
)
from core.errors import ObservationsInvalid

MAX_GROUPS = 20  # of splits, left out one after the other: each costs an attack

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SampleResult:
    """What an attack found out.

    Attributes:
        out: where the never-seen observations came from, `same_method` or `retrain` (protocol §8.3).
        samples: `(A,)` positions of the attacked samples, ascending.
        accuracies: `(A,)` balanced accuracies of the attack on each, in [0, 1]; 0.5 is no trace.
        left_out: why a sample was not attacked → how many.
        figures: by name, with intervals: mean, sd, median, p90, p95, p99, share_above_0.6 of the accuracies;
            auc, tpr_at_fpr_1pct, tpr_at_fpr_0.1pct of all observations ranked together.
        roc: points of the curve behind the last three.
    """

    out: str
    samples: NDArray[np.int64]
    accuracies: Array
    left_out: dict[str, int]
    figures: dict[str, Figure]
    roc: RocPoints

    def as_dict(self) -> dict[str, object]:
        """The result as plain JSON, without the per-sample accuracies."""
        return {
            "out": self.out,
            "num_attacked": len(self.samples),
            "left_out": dict(self.left_out),
            "figures": {name: figure.as_dict() for name, figure in self.figures.items()},
            "roc": {"fpr": self.roc.fpr.tolist(), "tpr": self.roc.tpr.tolist()},
        }


def attack_samples(
    attack: SampleAttack,
    observed: Observations,
    *,
    min_splits: int,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> SampleResult:
    """Attack every sample that enough splits have observations of.

    The calibration rows of protocol §8.4 are this function on the scores of the retrained and of the original
    models.

    Args:
        attack: as `core.catalog.attacks` describes it.
        observed: of all models of one method.
        min_splits: in which a sample has to be forgotten, and to be never seen, at least 2.
        replicates: of the bootstrap behind the intervals; 0 for none.
        seed: of the bootstrap.

    Raises:
        ObservationsInvalid: no sample is in enough splits, or the attack's evidence is of a wrong shape or
            not finite.
    """
    splits_in, splits_out = _splits_with(observed)
    seldom_in, seldom_out = splits_in < min_splits, splits_out < min_splits
    attacked = ~(seldom_in | seldom_out)
    if not attacked.any():
        raise ObservationsInvalid(
            f"No sample is forgotten in at least {min_splits} splits and never seen in at least "
            f"{min_splits}, so none can be attacked leaving one split out; these models have "
            f"{observed.num_splits} split(s)."
        )
    tallies = _tallies(attack, observed, attacked)
    refitted = _refitted(attack, observed, attacked, min_splits) if replicates else ()
    figures, roc = figures_of(tallies, refitted, replicates=replicates, seed=seed)
    reasons = {
        f"forgotten in fewer than {min_splits} splits": int(np.count_nonzero(seldom_in)),
        f"never seen in fewer than {min_splits} splits": int(np.count_nonzero(seldom_out & ~seldom_in)),
    }
    return SampleResult(
        out="same_method" if observed.retrained is None else "retrain",
        samples=np.flatnonzero(attacked),
        accuracies=tallies.accuracies,
        left_out={reason: count for reason, count in reasons.items() if count},
        figures=figures,
        roc=roc,
    )


def _refitted(
    attack: SampleAttack, observed: Observations, attacked: Mask, min_splits: int
) -> tuple[dict[str, float | None], ...]:
    """The figures without one group of splits after the other, on the same samples as far as that goes."""
    groups = np.array_split(np.arange(observed.num_splits), min(observed.num_splits, MAX_GROUPS))
    enough = max(2, min_splits - len(groups[0]))
    found = []
    for group in groups:
        others = observed.without_splits(group)
        splits_in, splits_out = _splits_with(others)
        still = attacked & (splits_in >= enough) & (splits_out >= enough)
        found.append(figure_values(_tallies(attack, others, still)) if still.any() else {})
    return tuple(found)


def _splits_with(observed: Observations) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(N,)` splits in which each sample is forgotten, and in which it is never seen."""
    splits_in, splits_out = (
        observed.by_split(mask).any(axis=1).sum(axis=0)
        for mask in (observed.is_forgotten, observed.is_unseen)
    )
    return splits_in, splits_out


def _tallies(attack: SampleAttack, observed: Observations, attacked: Mask) -> Tallies:
    evidence = attack(observed)
    _require_evidence(evidence, observed, attacked)
    is_in, is_out = (mask & attacked for mask in (observed.is_forgotten, observed.is_unseen))
    in_hits, in_counts = _counted(observed, (evidence.of_forgotten > 0) & is_in, is_in, attacked)
    out_hits, out_counts = _counted(observed, (evidence.of_unseen <= 0) & is_out, is_out, attacked)
    return Tallies(
        in_hits=in_hits,
        in_counts=in_counts,
        out_hits=out_hits,
        out_counts=out_counts,
        in_evidence=_ranked(observed, evidence.of_forgotten, is_in),
        out_evidence=_ranked(observed, evidence.of_unseen, is_out),
    )


def _counted(
    observed: Observations, hits: Mask, mask: Mask, attacked: Mask
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """`(S, A)` right answers and how many there were, of the attacked samples."""
    of_hits, of_all = (
        observed.by_split(each).sum(axis=1, dtype=np.uint16)[:, attacked] for each in (hits, mask)
    )
    return of_hits, of_all


def _ranked(observed: Observations, evidence: NDArray[np.float32], mask: Mask) -> list[NDArray[np.float32]]:
    pairs = zip(observed.by_split(evidence), observed.by_split(mask), strict=True)
    return [of_split[named].astype(np.float32) for of_split, named in pairs]


def _require_evidence(evidence: Evidence, observed: Observations, attacked: Mask) -> None:
    sides = {
        "of_forgotten": (evidence.of_forgotten, observed.is_forgotten),
        "of_unseen": (evidence.of_unseen, observed.is_unseen),
    }
    for name, (values, mask) in sides.items():
        if values.shape != mask.shape:
            raise ObservationsInvalid(
                f"The attack's evidence {name} is of shape {values.shape}, not {mask.shape}."
            )
        unusable = mask & attacked & ~np.isfinite(values)
        if unusable.any():
            row, sample = np.argwhere(unusable)[0]
            split, draw = observed.models[row]
            raise ObservationsInvalid(
                f"The attack's evidence {name} is not finite at {np.count_nonzero(unusable):,} observations; "
                f"the first is of split {split}, draw {draw}, sample {sample}."
            )
