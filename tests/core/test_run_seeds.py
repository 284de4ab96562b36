"""Settings whose forget set, or whose runs, go by the model seed (protocol §2.3)."""

import json
from dataclasses import replace

import pytest
import torch

from core.artifacts import ArtifactStore
from core.catalog.protocols import PROTOCOLS, QUICK, Recipe
from core.catalog.registry import installed
from core.errors import SpecInvalid
from core.execute import Workbench
from core.job_board import unranked
from core.places import place_names, setting_document
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import ResolvedJob, resolve
from core.spec.units import UnitId

PER_MODEL = {"seed": "model_seed"}


def resolved(*settings, catalogue=None, model="resnet18", **changes) -> ResolvedJob:
    spec = {
        "settings": [{"dataset": "digits", "model": model, **setting} for setting in settings],
        "unlearners": ["ft"],
        "model_seeds": [0, 1],
        **changes,
    }
    return resolve(parse_job_spec(json.dumps(spec)), catalogue or installed())


def refusal(**setting):
    with pytest.raises(SpecInvalid) as refused:
        resolved(setting)
    (problem,) = refused.value.problems
    return problem


@pytest.fixture
def execute(tmp_path, catalogue):
    """Run a job on the tiny model: by kind and role or unlearner, then by model seed, weights and split."""
    protocol = QUICK.model_copy(
        update={"recipes": {"*/*": Recipe(num_epochs=2, batch_size=64, learning_rate=0.05)}}
    )
    quick = replace(catalogue, protocols={QUICK.id: protocol})
    artifacts = ArtifactStore(tmp_path)
    bench = Workbench(artifacts, data_dir=tmp_path, cache_dir=tmp_path / "cache", device="cpu")

    def run(**setting):
        models, splits = {}, {}
        for planned in plan(resolved(setting, catalogue=quick, model="toy_net")):
            unit, outcome = planned.unit, bench.execute(planned.unit, lambda progress: None)
            name = getattr(unit, "role", None) or unit.unlearner
            if unit.kind != "evaluate":
                models[name, unit.model_seed] = artifacts.read_tensors(UnitId(planned.id), "model")
            if unit.kind != "train":
                splits[name, unit.model_seed] = outcome.provenance["split"]
        return models, splits

    return run


def are_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_each_model_seed_can_have_a_forget_set_of_its_own(execute):
    _, splits = execute(forget={"count": 100, **PER_MODEL})
    _, of_seed_1 = execute(forget={"count": 100, "seed": 1})

    for sets in ("forget", "retain"):
        assert splits["ft", 0][sets] != splits["ft", 1][sets]
    assert splits["ft", 1] == splits["retrained", 1] == splits["original", 1] == of_seed_1["ft", 1]
    assert splits["ft", 0]["validation"] == splits["ft", 1]["validation"]


def test_each_model_seed_can_have_an_order_of_batches_of_its_own(execute):
    per_model, splits = execute(run_seed="model_seed")
    by_one, _ = execute(run_seed=1)
    by_default, _ = execute()

    assert splits["ft", 0] == splits["ft", 1]
    for name in ("original", "retrained", "ft"):
        assert are_equal(per_model[name, 1], by_one[name, 1])
        assert not are_equal(per_model[name, 0], by_one[name, 0])
        assert not are_equal(per_model[name, 1], by_default[name, 1])


def test_steps_of_a_sequence_go_by_the_model_seed_too(execute):
    step = {"count": 50, **PER_MODEL}
    _, splits = execute(forget={"rule": "sequence", "steps": [step, step]})
    _, of_seed_1 = execute(forget={"rule": "sequence", "steps": [{"count": 50, "seed": 1}] * 2})

    assert splits["ft", 0] != splits["ft", 1]
    assert splits["ft", 1] == of_seed_1["ft", 1]


def test_such_settings_are_others_than_the_protocols_and_are_named_so():
    job = resolved({}, {"forget": {**PER_MODEL}}, {"run_seed": "model_seed"}, {"run_seed": 7})
    protocol = PROTOCOLS[job.protocol]

    settings = [cell.setting for cell in job.cells]
    assert len({setting.id for setting in settings}) == 4
    assert [setting.is_standard(protocol) for setting in settings] == [True, False, False, False]
    assert place_names(job.protocol, [setting_document(setting) for setting in settings]) == [
        "digits/resnet18",
        "digits/resnet18, 10 % at random, seed per model",
        "digits/resnet18, run seed per model",
        "digits/resnet18, run seed 7",
    ]
    assert unranked(job, protocol)[:3] == [
        "digits/resnet18 with 10 % at random, seed per model",
        "digits/resnet18 with run seed per model",
        "digits/resnet18 with run seed 7",
    ]


def test_the_protocols_own_seed_is_the_same_setting_written_or_not():
    written, left_out = resolved({"run_seed": 123}), resolved({})

    assert written.cells[0].setting.id == left_out.cells[0].setting.id
    with pytest.raises(SpecInvalid, match=r"repeats settings\[0\]"):
        resolved({}, {"run_seed": 123, "precision": "fp32"})


def test_a_study_of_single_samples_is_the_same_beside_either_setting():
    def studies(**setting):
        study = {"id": "u_lira", "splits": 16, "forget_sets": 4}
        (cell,) = resolved(setting, attacks=["u_mia", study]).cells
        return cell.studies

    assert studies(run_seed="model_seed") == studies()
    assert studies(run_seed=7) != studies()


@pytest.mark.parametrize("seed", ["model", "1", -1, 2**32, 1.5, True])
def test_other_words_and_numbers_are_refused_in_one_sentence(seed):
    for problem, pointer in (
        (refusal(run_seed=seed), "#/settings/0/run_seed"),
        (refusal(forget={"seed": seed}), "#/settings/0/forget/seed"),
    ):
        assert problem.pointer == pointer
        assert 'from 0 to 4294967295, or "model_seed"' in problem.detail


def test_listed_images_cannot_follow_a_step_that_may_take_them():
    listed = {"rule": "indices", "indices": [0]}
    problem = refusal(forget={"rule": "sequence", "steps": [{"count": 50, **PER_MODEL}, listed]})

    assert problem.pointer == "#/settings/0/forget/steps/1"
    assert "list them before it" in problem.detail
