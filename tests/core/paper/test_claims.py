"""The paper's claims, tested on the paper's own tables and on others."""

from dataclasses import replace

import pytest

from core.attack_figures import AttackFigures
from core.board import Metric
from core.paper.claims import CLAIMS, Finding, Verdict, ledger
from core.paper.tables import Standings, published
from core.ranking import GroupCounts

WORST = GroupCounts(0, 0, 0, 9)


def findings(found: Standings) -> dict[str, Finding]:
    return {finding.claim.id: finding for finding in ledger(found)}


def verdicts(found: Standings) -> dict[str, Verdict]:
    return {name: finding.verdict for name, finding in findings(found).items()}


def with_counts(name: str, counts: GroupCounts, metrics=tuple(Metric)) -> Standings:
    changed = {m: {**c, name: counts} if m in metrics else c for m, c in published().counts.items()}
    return replace(published(), counts=changed)


def without(name: str) -> Standings:
    counts = {m: {n: c for n, c in found.items() if n != name} for m, found in published().counts.items()}
    times = {n: found for n, found in published().efficiency.items() if n != name}
    return replace(published(), counts=counts, efficiency=times)


def test_all_claims_hold_on_the_papers_own_tables_but_a_count_of_methods_and_a_speed_of_one_cell():
    found = verdicts(published())

    assert {name: verdict for name, verdict in found.items() if verdict is not Verdict.HOLDS} == {
        "three_in_both_tops": Verdict.FAILS,
        "ct_seventeen_times_faster": Verdict.FAILS,
        "ct_and_msg_resist_u_lira": Verdict.NOT_ENOUGH_RUNS,  # drawn, not printed
    }


def test_the_speed_of_one_cell_is_not_the_mean():
    assert findings(published())["ct_seventeen_times_faster"].evidence == "ct 10.59x"


def test_six_methods_are_in_the_top_three_of_both_halves_as_printed():
    evidence = findings(published())["three_in_both_tops"].evidence

    assert evidence == "msg 1 and 1, ct 3 and 1, kde 3 and 2, ft 1 and 3, prmq 2 and 3, cfw 3 and 2"


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("msg", {"msg_first_in_both"}),
        ("ft", {"ft_retains_best", "ft_hides_less"}),
        ("ng_plus", {"ng_plus_beats_ga", "ng_plus_fifth_in_both"}),
        ("prmq", {"prmq_retains_well_hides_less"}),
        ("ct", {"ct_hides_best", "ct_and_msg_hide_where_ft_does_not"}),
    ],
)
def test_a_claim_fails_where_its_method_collapses(name, claims):
    found = verdicts(with_counts(name, WORST))

    assert claims <= {claim for claim, verdict in found.items() if verdict is Verdict.FAILS}


def test_ga_among_the_best_is_not_poor():
    found = verdicts(with_counts("ga", GroupCounts(9, 0, 0, 0), (Metric.INDISCERNIBILITY,)))

    assert (found["ga_poor_in_both"], found["ng_plus_beats_ga"]) == (Verdict.FAILS, Verdict.FAILS)


def test_speed_is_compared_over_the_datasets_that_all_were_measured_on():
    slow = dict.fromkeys(published().efficiency["ct"], 1.0)
    slow_on_the_shared = {**published().efficiency, "ct": {**slow, "digits": 900.0}}

    found = findings(replace(published(), efficiency=slow_on_the_shared))["ct_fastest"]

    assert found.verdict is Verdict.FAILS
    assert "ct 1.00x" in found.evidence


def test_a_slower_msg_is_not_five_times_faster():
    slower = {**published().efficiency, "msg": dict.fromkeys(published().efficiency["msg"], 4.9)}

    found = verdicts(replace(published(), efficiency=slower))

    assert found["msg_five_times_faster"] is Verdict.FAILS


def accuracy(low: float, high: float) -> AttackFigures:
    return AttackFigures((low + high) / 2, low, high)


@pytest.mark.parametrize(("low_of_msg", "verdict"), [(0.503, Verdict.HOLDS), (0.506, Verdict.FAILS)])
def test_who_resists_u_lira_is_found_no_more_than_retrained_models(low_of_msg, verdict):
    figures = {
        "retrained": accuracy(0.495, 0.505),
        "ct": accuracy(0.49, 0.51),
        "msg": accuracy(low_of_msg, 0.51),
    }

    found = findings(replace(published(), attacked=figures))["ct_and_msg_resist_u_lira"]

    assert found.verdict is verdict
    assert "retrained 0.500 (0.495 to 0.505)" in found.evidence


def test_a_claim_about_an_attack_names_who_was_not_attacked():
    figures = {"retrained": accuracy(0.495, 0.505), "ct": accuracy(0.49, 0.51)}

    found = findings(replace(published(), attacked=figures))["ct_and_msg_resist_u_lira"]

    assert (found.verdict, found.missing) == (Verdict.NOT_ENOUGH_RUNS, ("msg",))


def test_a_claim_about_a_place_needs_every_reference_unlearner():
    found = findings(without("bt"))

    assert found["msg_first_in_both"].verdict is Verdict.NOT_ENOUGH_RUNS
    assert found["msg_first_in_both"].missing == ("bt",)
    assert found["ng_plus_beats_ga"].verdict is Verdict.HOLDS


def test_a_claim_about_speed_needs_every_dataset_that_the_paper_timed():
    without_utkface = {name: time for name, time in published().efficiency["ct"].items() if name != "utkface"}

    found = findings(replace(published(), efficiency={**published().efficiency, "ct": without_utkface}))[
        "ct_fastest"
    ]

    assert (found.verdict, found.missing_places) == (Verdict.NOT_ENOUGH_RUNS, ("utkface/resnet18",))


def test_a_claim_about_ranks_is_not_decided_by_other_settings_than_the_papers():
    elsewhere = replace(published(), places=published().places - {"cifar10/tiny_vit"} | {"digits/resnet18"})

    found = findings(elsewhere)["ft_retains_best"]

    assert (found.verdict, found.missing_places) == (Verdict.NOT_ENOUGH_RUNS, ("cifar10/tiny_vit",))
    assert found.evidence == "ft 1 and 3"


def test_without_any_run_no_claim_is_decided():
    found = verdicts(Standings(frozenset(), {metric: {} for metric in Metric}, {}))

    assert found == {claim.id: Verdict.NOT_ENOUGH_RUNS for claim in CLAIMS}
