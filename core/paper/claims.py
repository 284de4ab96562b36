"""The paper's claims as predicates on standings: which hold on a board, which fail, which lack runs.

Claims about a place ("first", "poorly") need all reference unlearners to be ranked; claims that compare
methods need only those. "Third" is third of eighteen with dense ranks, as the paper counts. A claim is about
the paper's settings: a board that lacks one of them neither confirms nor refutes it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from core.attack_figures import attack_text
from core.board import Metric
from core.cohort import REFERENCE_UNLEARNERS
from core.paper.tables import ATTACKED_PLACE, TIMED_MODEL, Standings, published_settings

RETENTION, INDISCERNIBILITY = Metric.RETENTION_DEVIATION, Metric.INDISCERNIBILITY
TIMED = frozenset(("msg", "cfw", "prmq", "ct", "kde", "ft"))  # the methods of Table 2
TOP = 3


class Verdict(StrEnum):
    """What a board says to a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_ENOUGH_RUNS = "not_enough_runs"


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Attributes:
        text: the claim in short.
        source: where the paper makes it.
        check: what is tested, where the claim's words leave it open.
        subjects: the unlearners that it is about.
        ranked: must have a rank by both metrics before the claim can be tested.
        timed: must have a run-time efficiency on each of the paper's datasets.
        attacked: must have an accuracy of U-LiRA with its interval.
        predicate: whether the claim holds.
    """

    id: str
    text: str
    source: str
    check: str
    subjects: tuple[str, ...]
    predicate: Callable[[Standings], bool]
    ranked: frozenset[str] = frozenset()
    timed: frozenset[str] = frozenset()
    attacked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Finding:
    """A claim, tested.

    Attributes:
        evidence: what the subjects reached, so far.
        missing: the unlearners that still need runs.
        missing_places: the paper's settings that still need runs, as `dataset/model`.
    """

    claim: Claim
    verdict: Verdict
    evidence: str
    missing: tuple[str, ...]
    missing_places: tuple[str, ...]


def ledger(found: Standings) -> tuple[Finding, ...]:
    """Every claim, tested on the standings."""
    return tuple(_test(claim, found) for claim in CLAIMS)


def _test(claim: Claim, found: Standings) -> Finding:
    ranked = set.intersection(*(set(found.counts[metric]) for metric in Metric))
    missing = (
        (claim.ranked - ranked)
        | (claim.timed - found.efficiency.keys())
        | (claim.attacked - found.attacked.keys())
    )
    missing_places = _missing_places(claim, found)
    if missing or missing_places:
        verdict = Verdict.NOT_ENOUGH_RUNS
    else:
        verdict = Verdict.HOLDS if claim.predicate(found) else Verdict.FAILS
    return Finding(claim, verdict, _evidence(claim, found), tuple(sorted(missing)), missing_places)


def _missing_places(claim: Claim, found: Standings) -> tuple[str, ...]:
    """The settings that the claim is about and the standings do not cover."""
    if not claim.timed:
        about = (ATTACKED_PLACE,) if claim.attacked else published_settings()
        return tuple(place for place in about if place not in found.places)
    measured = {f"{dataset}/{TIMED_MODEL}" for dataset in _shared_datasets(claim.timed, found)}
    return tuple(
        place for place in published_settings() if place.endswith(TIMED_MODEL) and place not in measured
    )


def _evidence(claim: Claim, found: Standings) -> str:
    """What the claim's subjects reached, in words."""
    if claim.attacked:
        told = sorted(claim.attacked & found.attacked.keys())
        return ", ".join(f"{name} {attack_text(asdict(found.attacked[name]))}" for name in told)
    if claim.timed:
        datasets = _shared_datasets(claim.timed, found)
        means = {name: _mean_efficiency(name, claim.timed, found) for name in sorted(claim.timed) if datasets}
        return ", ".join(f"{name} {mean:.2f}x" for name, mean in means.items())
    ranks = {metric: found.ranks(metric) for metric in (RETENTION, INDISCERNIBILITY)}
    places = {
        name: " and ".join(str(ranks[metric].get(name, "-")) for metric in ranks) for name in claim.subjects
    }
    return ", ".join(f"{name} {place}" for name, place in places.items())


def _shared_datasets(unlearners: frozenset[str], found: Standings) -> list[str]:
    measured = [set(found.efficiency.get(name, {})) for name in unlearners]
    return sorted(set.intersection(*measured)) if measured else []


def _mean_efficiency(name: str, among: frozenset[str], found: Standings) -> float:
    """Over the datasets in which all of them were measured, so that the means compare."""
    datasets = _shared_datasets(among, found)
    return sum(found.efficiency[name][dataset] for dataset in datasets) / len(datasets)


def _is_fastest(name: str, found: Standings) -> bool:
    return max(TIMED, key=lambda other: _mean_efficiency(other, TIMED, found)) == name


def _in_top_of_both(found: Standings) -> set[str]:
    halves: list[Mapping[str, int]] = [found.ranks(metric) for metric in Metric]
    return {name for name in halves[0] if all(half[name] <= TOP for half in halves)}


def _is_in_last_third(name: str, metric: Metric, found: Standings) -> bool:
    ranks = found.ranks(metric)
    return 3 * ranks[name] > 2 * max(ranks.values())


def _resists_attack(name: str, found: Standings) -> bool:
    """No more is found of it than of models that never had the samples, as far as the intervals tell."""
    own, usual = found.attacked[name].low, found.attacked["retrained"].high
    assert own is not None and usual is not None  # noqa: PT018 - standings have those with intervals alone
    return own <= usual


def _place(name: str, metric: Metric, found: Standings) -> int:
    return found.ranks(metric)[name]


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="msg_first_in_both",
        text="MSG ranks first in retention deviation and in indiscernibility.",
        source="§5, on newly proposed methods",
        check="rank 1 by both",
        subjects=("msg",),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: all(_place("msg", metric, found) == 1 for metric in Metric),
    ),
    Claim(
        id="three_in_both_tops",
        text="Three methods are in the top 3 of both: MSG, CT and KDE.",
        source="Table 1, caption",
        check="exactly these have rank 3 or better by both",
        subjects=("msg", "ct", "kde", "ft", "prmq", "cfw"),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: _in_top_of_both(found) == {"msg", "ct", "kde"},
    ),
    Claim(
        id="ft_retains_best",
        text="FT, the simplest baseline, performs best in retention deviation.",
        source="§5, on baselines",
        check="rank 1 by retention deviation",
        subjects=("ft",),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: _place("ft", RETENTION, found) == 1,
    ),
    Claim(
        id="ft_hides_less",
        text="FT retains better than it hides: it is third in indiscernibility.",
        source="§5, on baselines",
        check="a worse rank by indiscernibility than by retention deviation",
        subjects=("ft",),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: _place("ft", INDISCERNIBILITY, found) > _place("ft", RETENTION, found),
    ),
    Claim(
        id="ga_poor_in_both",
        text="GA performs poorly by both metrics.",
        source="§5, on baselines",
        check="in the last third of the ranks by both",
        subjects=("ga",),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: all(_is_in_last_third("ga", metric, found) for metric in Metric),
    ),
    Claim(
        id="ng_plus_fifth_in_both",
        text="NG+ ranks fifth by both metrics.",
        source="§5, on baselines",
        check="rank 5 by both",
        subjects=("ng_plus",),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: all(_place("ng_plus", metric, found) == 5 for metric in Metric),
    ),
    Claim(
        id="ng_plus_beats_ga",
        text="NG+, GA with a correction on the retain set, is the more suitable baseline.",
        source="§5, on baselines",
        check="a better rank than GA by both",
        subjects=("ng_plus", "ga"),
        ranked=frozenset(("ng_plus", "ga")),
        predicate=lambda found: all(
            _place("ng_plus", metric, found) < _place("ga", metric, found) for metric in Metric
        ),
    ),
    Claim(
        id="prmq_retains_well_hides_less",
        text="PRMQ ranks second in retention deviation and, like FT, lower in indiscernibility.",
        source="§5, on newly proposed methods",
        check="rank 2 or better by retention deviation, and a worse one by indiscernibility",
        subjects=("prmq",),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: (
            _place("prmq", RETENTION, found) <= 2
            and _place("prmq", INDISCERNIBILITY, found) > _place("prmq", RETENTION, found)
        ),
    ),
    Claim(
        id="ct_hides_best",
        text="CT ranks first in indiscernibility and third in retention deviation.",
        source="§5, on newly proposed methods",
        check="rank 1 by indiscernibility, and 3 or better by retention deviation",
        subjects=("ct",),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: (
            _place("ct", INDISCERNIBILITY, found) == 1 and _place("ct", RETENTION, found) <= TOP
        ),
    ),
    Claim(
        id="ct_and_msg_hide_where_ft_does_not",
        text="CT and MSG are both among the top performers in indiscernibility, where FT performs poorly.",
        source="§5, on newly proposed methods",
        check="both have rank 3 or better by indiscernibility, and FT a worse one than either",
        subjects=("ct", "msg", "ft"),
        ranked=REFERENCE_UNLEARNERS,
        predicate=lambda found: all(
            _place(name, INDISCERNIBILITY, found) <= TOP
            and _place(name, INDISCERNIBILITY, found) < _place("ft", INDISCERNIBILITY, found)
            for name in ("ct", "msg")
        ),
    ),
    Claim(
        id="ct_and_msg_resist_u_lira",
        text="MSG and CT resist U-LiRA attacks.",
        source="§5, on a stronger attack; Figure 1",
        check="on CIFAR-10 and ResNet18, U-LiRA's accuracy is not above the retrained models' beyond their "
        "95 % intervals; the paper prints no numbers",
        subjects=("msg", "ct"),
        attacked=frozenset(("msg", "ct", "retrained")),
        predicate=lambda found: all(_resists_attack(name, found) for name in ("msg", "ct")),
    ),
    Claim(
        id="ct_fastest",
        text="CT is the fastest of the best methods on average.",
        source="Table 2, caption",
        check="the largest mean run-time efficiency of the six methods of Table 2, on ResNet18",
        subjects=("ct",),
        timed=TIMED,
        predicate=lambda found: _is_fastest("ct", found),
    ),
    Claim(
        id="ct_seventeen_times_faster",
        text="CT is the fastest, with a speedup of 17.5x over retraining.",
        source="§5, on speed",
        check="a mean run-time efficiency of 17 or more, on ResNet18; Table 2 has that of CIFAR-10 alone",
        subjects=("ct",),
        timed=frozenset(("ct",)),
        predicate=lambda found: _mean_efficiency("ct", frozenset(("ct",)), found) >= 17,
    ),
    Claim(
        id="msg_five_times_faster",
        text="MSG runs five times faster than retraining on average.",
        source="§5, on speed; Table 2",
        check="a mean run-time efficiency of 5 or more, on ResNet18",
        subjects=("msg",),
        timed=frozenset(("msg",)),
        predicate=lambda found: _mean_efficiency("msg", frozenset(("msg",)), found) >= 5,
    ),
)
