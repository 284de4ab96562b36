"""Estimates: the paper's plan counted exactly, and seconds that rest on measurements (protocol §6.1, §9)."""

import json
from collections import Counter
from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest

import core.specs
from core.catalog.datasets import DIGITS
from core.catalog.registry import installed
from core.class_sizes import ClassSizes, class_sizes
from core.estimate import (
    Conditions,
    Estimate,
    Measurement,
    Seconds,
    estimate,
    flop_by_unit,
    measured_rates,
    weights_by_unit,
)
from core.plan import PlannedUnit, plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import UnitId
from core.splits import set_sizes

SETTING = {"dataset": "digits", "model": "resnet18"}
HERE = Conditions("digits", "resnet18", "fp32")


def planned(**changes: object) -> tuple[PlannedUnit, ...]:
    spec = {"settings": [SETTING], "unlearners": ["ft"], "model_seeds": [0], **changes}
    return plan(resolve(parse_job_spec(json.dumps(spec)), installed()))


def estimated(
    units: tuple[PlannedUnit, ...],
    *measurements: Measurement,
    done: tuple[UnitId, ...] = (),
    **sizes: ClassSizes,
) -> Estimate:
    return estimate(units, done, measured_rates(measurements), installed(), sizes)


def measured(
    seconds: float, conditions: Conditions = HERE, device: str = "this", of: str | None = None
) -> Measurement:
    return Measurement(conditions, of, device, work=1000.0, seconds=seconds)


@pytest.fixture(scope="module")
def paper() -> tuple[PlannedUnit, ...]:
    document = (Path(core.specs.__path__[0]) / "paper.json").read_bytes()
    return plan(resolve(parse_job_spec(document), installed()))


def test_the_papers_plan_has_exactly_its_models(paper):
    kinds = Counter(unit.unit.kind for unit in paper)

    assert kinds["train"] == 180  # nine settings, ten seeds, original and retrained
    assert kinds["trial"] == 9 * 18 * 300 == 48_600
    assert kinds["unlearn"] == 9 * 18 * 10
    assert kinds["trial"] + kinds["unlearn"] == 50_220
    assert (kinds["generation"], kinds["selection"], kinds["evaluate"]) == (9 * 18 * 3, 9 * 18, 180)


def test_the_papers_work_is_that_of_the_protocols_table(paper):
    found = estimated(paper)

    # Protocol §9.3 has 12.1 EFLOP by hand, for one timed run and the release's search spaces.
    assert found.flop / 1e18 == pytest.approx(12.1, rel=0.25)
    assert found.seconds is None
    assert any("nothing has been measured" in line for line in found.rests_on)


def test_training_work_is_three_passes_per_image_and_epoch():
    found = estimated(planned(model_seeds=[0]))

    # digits: 1,438 training images, 216 held out, 123 to forget; eight epochs.
    assert found.stages["train"].work == 3 * 8 * (1222 + 1099)
    assert found.stages["evaluate"].work == 2 * (1438 + 359)


def test_a_class_wise_forget_set_is_as_large_as_its_class():
    units = planned(settings=[{**SETTING, "forget": {"rule": "class", "labels": [7, 8]}}], unlearners=["ga"])
    published = class_sizes(DIGITS, Path("/nowhere"))

    found = estimated(units, digits=published)

    # 142 of 1,438 training images show a 7, and 136 an 8; 1,222 of the 1,438 are not held out.
    forgotten = ceil((142 + 136) * 1222 / 1438)
    assert found.stages["train"].work == 3 * 8 * (1222 + 1222 - forgotten)
    assert found.stages["train"].work != estimated(units).stages["train"].work
    assert published.rests_on in found.rests_on


def test_seconds_are_quantiles_of_what_units_under_these_conditions_took():
    both = [measured(seconds, of=method) for seconds in (1.0, 3.0) for method in (None, "ft")]

    found = estimated(planned(), *both)

    assert found.seconds == Seconds(pytest.approx(found.work * 0.002), pytest.approx(found.work * 0.0028))
    assert found.rests_on == ("digits/resnet18 in fp32: 4 finished units on this.",)


def test_a_method_costs_what_its_own_units_have_taken_and_evaluating_it_what_references_have():
    sweep = planned(unlearners=["ft", "iu"], sweep={"seeds": [0], "trials": 5})
    references = [measured(1.0), measured(1.0)]

    found = estimated(sweep, *references, measured(1.0, of="ft"), measured(80.0, of="iu"))
    of_ft = estimated(planned(sweep={"seeds": [0], "trials": 5}), *references, measured(1.0, of="ft"))

    evaluations = 5 * (1222 + 216) * 0.001  # of R, F and V, by the rate of the references
    of_both, only_ft = (each.stages["trial"].seconds for each in (found, of_ft))
    works = [each.stages["trial"].work - evaluations * 1000 for each in (of_ft, found)]
    iu_alone = works[1] - works[0] - evaluations * 1000
    assert only_ft is not None
    assert of_both is not None
    assert only_ft.p50 == pytest.approx(of_ft.stages["trial"].work * 0.001)
    assert of_both.p50 - only_ft.p50 == pytest.approx(iu_alone * 0.08 + evaluations)
    assert found.stages["train"].seconds == of_ft.stages["train"].seconds
    assert found.rests_on == ("digits/resnet18 in fp32: 4 finished units on this.",)


def test_a_method_of_which_nothing_is_known_costs_what_the_others_do_each_counting_alike():
    slow = [measured(9.0, of="iu") for _ in range(50)]

    found = estimated(planned(), measured(1.0), measured(2.0, of="ct"), *slow)

    unlearning = found.stages["unlearn"]
    assert unlearning.seconds is not None
    evaluation = 1438 + 359
    assert unlearning.seconds.p50 == pytest.approx(
        (unlearning.work - evaluation) * 0.002 + evaluation * 0.001
    )
    assert found.rests_on == (
        "digits/resnet18 in fp32: 52 finished units on this; none of ft, taken to cost what the others do.",
    )


def test_units_weigh_what_their_methods_have_taken_and_their_arithmetic_until_something_is_known():
    units = planned(unlearners=["ft", "iu"])
    ft, iu = (
        next(each.id for each in units if each.unit.kind == "unlearn" and each.unit.unlearner == name)
        for name in ("ft", "iu")
    )

    unknown = weights_by_unit(units, {}, installed())
    known = weights_by_unit(
        units, measured_rates([measured(1.0), measured(1.0, of="ft"), measured(1e4, of="iu")]), installed()
    )

    assert unknown == flop_by_unit(units, installed())
    assert known[ft] < known[iu] / 10
    assert unknown[ft] > unknown[iu] / 10


def test_another_dataset_or_model_is_scaled_by_arithmetic_per_image():
    found = estimated(planned(settings=[{"dataset": "mnist", "model": "resnet18"}]), measured(1.0))

    assert found.seconds is not None
    assert found.seconds.p50 == pytest.approx(found.work * 0.001 * (32 / 16) ** 2)
    assert "scaled by arithmetic" in found.rests_on[0]


def test_what_is_measured_in_one_precision_is_not_taken_for_the_other():
    slow, quick = measured(3.0), measured(1.0, replace(HERE, precision="bf16"))
    tiny = measured(9.0, Conditions("digits", "tiny_vit", "bf16"))

    in_bf16 = estimated(planned(settings=[{**SETTING, "precision": "bf16"}]), tiny, slow, quick)

    assert in_bf16.seconds is not None
    assert in_bf16.seconds.p50 == pytest.approx(in_bf16.work * 0.001)
    other = estimated(planned(settings=[{**SETTING, "precision": "bf16"}]), tiny, slow)
    assert "units of digits/resnet18 in fp32" in other.rests_on[0]


def test_what_is_to_be_said_of_several_settings_is_said_once_with_their_names():
    elsewhere = [{"dataset": "mnist", "model": model} for model in ("resnet18", "tiny_vit")]

    found = estimated(planned(settings=elsewhere))

    assert found.rests_on == (
        "mnist/resnet18 in fp32, mnist/tiny_vit in fp32: nothing has been measured on this installation, "
        "so no time can be told.",
    )


def test_units_that_are_done_cost_nothing():
    units = planned()
    trained = tuple(unit.id for unit in units if unit.unit.kind == "train")

    found = estimated(units, measured(1.0), done=trained)

    assert (found.stages["train"].units, found.stages["train"].cached) == (2, 2)
    assert found.stages["train"].seconds == Seconds(0, 0)


def test_finals_whose_trials_are_done_or_of_an_earlier_step_can_be_told():
    sweep = {"seeds": [0], "trials": 2}
    units = planned(sweep=sweep)
    searched = tuple(unit.id for unit in units if unit.unit.kind != "unlearn")
    steps = [{**SETTING, "forget": {"rule": "sequence", "steps": [{"count": 100}] * 2}}]

    assert estimated(units, done=searched).stages["unlearn"].work > 0
    assert estimated(planned(sweep=sweep, settings=steps)).stages["unlearn"].units == 2


def test_a_later_step_retrains_on_what_all_steps_before_it_have_left():
    steps = [{"rule": "class", "labels": [3]}, {"count": 100}]

    units = planned(settings=[{**SETTING, "forget": {"rule": "sequence", "steps": steps}}])

    retrained = [unit.unit.setting for unit in units if getattr(unit.unit, "role", None) == "retrained"]
    sizes = [set_sizes(DIGITS, setting) for setting in dict.fromkeys(retrained)]
    assert [(found.forget, found.retain) for found in sizes] == [(123, 1099), (100, 999)]


def test_trials_and_finals_of_a_sweep_cost_what_the_space_averages_to():
    found = estimated(planned(sweep={"seeds": [0], "trials": 10}), measured(1.0))

    # E_max is 2 for eight training epochs: fine-tuning takes one or two passes over 1,099 images.
    per_trial = found.stages["trial"].work / 10
    assert 3 * 1099 < per_trial - 1438 < 2 * 3 * 1099
    assert found.stages["unlearn"].work == pytest.approx(per_trial + 359)
    assert found.stages["selection"].work == 0
