"""What ranks hang on: which rows move when the same results are ranked otherwise."""

import pytest

from core.board import Method, Metric
from core.seed_values import SeedValue
from core.sensitivity import Alternative, sensitivity
from tests.core.test_board import setting

DIGITS, MNIST, DIGITS_VIT = setting("digits"), setting("mnist"), setting("digits", "tiny_vit")
SEEDS = range(5)
SPREAD = {"ft": 0.0, "ct": 1.1, "srl": 2.1, "ga": 3.3, "msg": 5.3, "kde": 9.0}


def models(unlearner: str, *values: float, where=DIGITS, variant: str | None = None) -> list[SeedValue]:
    """One model per seed; a single value stands for all of them."""
    each = values if len(values) > 1 else values * len(SEEDS)
    return [SeedValue(where.id, Method(unlearner, variant), seed, value) for seed, value in enumerate(each)]


def alternatives(
    *cells, settings=(DIGITS,), metric=Metric.RETENTION_DEVIATION, seeds=SEEDS
) -> dict[str, Alternative]:
    values = [value for cell in cells for value in cell]
    found = sensitivity("quick/1.0", metric, settings, values, seeds)
    return {alternative.id: alternative for alternative in found}


def moves(alternative: Alternative) -> dict[str, tuple[int | None, int | None]]:
    return {move.method.label: (move.rank_before, move.rank_after) for move in alternative.moved}


def everywhere(values: dict[str, float], where=DIGITS) -> list[list[SeedValue]]:
    return [models(unlearner, value, where=where) for unlearner, value in values.items()]


def test_another_linkage_moves_the_rows_whose_group_hangs_on_it():
    found = alternatives(*everywhere(SPREAD))["linkage:single"]

    assert found.ranks == {"ct": 1, "ft": 1, "ga": 1, "srl": 1, "msg": 2, "kde": 3}
    assert moves(found) == {"ga": (2, 1)}


def test_a_board_that_hangs_on_nothing_moves_under_no_alternative():
    found = alternatives(*everywhere({"ft": 0.1, "ct": 0.1, "ga": 10.0, "msg": 1.0}))

    assert all(alternative.moved == () for alternative in found.values())
    assert {"linkage:average", "linkage:complete", "linkage:single", "cohort:all", "scale:log"} <= set(found)


def test_a_collapsed_method_hides_differences_that_the_logarithm_shows():
    found = alternatives(*everywhere({"ft": 0.01, "ct": 0.2, "srl": 0.3, "msg": 1.0, "ga": 40.0}))

    assert found["scale:log"].ranks["ct"] == 2
    assert moves(found["scale:log"])["ct"] == (1, 2)


def test_a_retention_deviation_of_zero_has_a_place_on_the_logarithmic_board():
    found = alternatives(*everywhere({"ft": 0.0, "ct": 0.01, "srl": 1.0, "ga": 100.0}))

    assert found["scale:log"].ranks == {"ct": 1, "ft": 1, "srl": 2, "ga": 3}


def test_indiscernibility_has_no_logarithmic_board():
    assert "scale:log" not in alternatives(*everywhere(SPREAD), metric=Metric.INDISCERNIBILITY)


def test_the_seeds_that_tuning_saw_can_be_left_out():
    lucky_while_tuned = models("ft", 0.0, 0.0, 0.0, 0.9, 0.9)

    found = alternatives(lucky_while_tuned, models("ct", 0.5))["seeds:fresh"]

    assert found.title == "Only model seeds 3 to 4, unseen by tuning"
    assert moves(found) == {"ct": (2, 1), "ft": (1, 2)}
    assert {cell.method.label: (cell.mean, cell.seeds) for cell in found.summaries} == {
        "ft": (0.9, 2),
        "ct": (0.5, 2),
    }


@pytest.mark.parametrize("seeds", [range(3), range(3, 6)])
def test_without_both_kinds_of_seeds_there_is_nothing_to_leave_out(seeds):
    assert "seeds:fresh" not in alternatives(*everywhere(SPREAD), seeds=seeds)


def test_fixed_variants_take_the_places_of_the_official_ones():
    cells = [
        models("ft", 0.1),
        models("ct", 0.5),
        models("msg", 0.9, variant="official"),
        models("msg", 0.1, variant="fixed"),
    ]

    found = alternatives(*cells)["variant:fixed"]

    assert found.ranks == {"ft": 1, "msg": 1, "ct": 2}
    assert moves(found) == {"msg": (3, 1)}


def test_without_a_fixed_variant_there_is_none_to_put_in_place():
    assert "variant:fixed" not in alternatives(*everywhere(SPREAD))


def test_each_model_and_each_dataset_is_ranked_alone():
    cells = [
        *everywhere({"ft": 0.1, "ga": 0.9}),
        *everywhere({"ft": 0.1, "ga": 0.9}, MNIST),
        *everywhere({"ft": 0.9, "ga": 0.1}, DIGITS_VIT),
    ]

    found = alternatives(*cells, settings=(DIGITS, MNIST, DIGITS_VIT))

    assert found["model:tiny_vit"].ranks == {"ga": 1, "ft": 2}
    assert found["dataset:digits"].ranks == {"ft": 1, "ga": 1}
    assert moves(found["model:tiny_vit"]) == {"ft": (1, 2), "ga": (2, 1)}


def test_a_board_of_one_setting_has_no_parts():
    assert not any(name.startswith(("model:", "dataset:")) for name in alternatives(*everywhere(SPREAD)))


def test_a_provisional_row_has_no_rank_in_any_alternative():
    found = alternatives(*everywhere(SPREAD), models("cfw", 0.1, 0.2, 0.1, 0.2))

    assert {alternative.ranks["cfw"] for alternative in found.values()} == {None}
