"""The harness, over real units on real digits with the tiny model of the throw-away package."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from PIL import Image

from core.artifacts import ArtifactStore
from core.bench import Bench, timer
from core.catalog.datasets import DIGITS
from core.catalog.protocols import QUICK, Recipe
from core.catalog.registry import Catalogue
from core.datasets.digits import load as load_digits
from core.datasets.image_files import ImageFiles
from core.errors import ArtifactMissing, SetWithheld, UnlearnerMissing
from core.execute import Workbench
from core.measurement import AGAINST_RETRAINED, ALL, NOISE, OWN
from core.outcome import Outcome
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import EvaluateUnit, TrainUnit, Unit, UnitId, UnlearnUnit, unit_id

ALL_METRICS = set(ALL)


@pytest.fixture
def bench(tmp_path) -> Workbench:
    return Workbench(ArtifactStore(tmp_path), data_dir=tmp_path, cache_dir=tmp_path, device="cpu")


@pytest.fixture
def store(tmp_path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


def units(catalogue: Catalogue, *unlearners: object) -> dict[UnitId, Unit]:
    """The units of a job on the tiny model, dependencies first; three epochs are enough for it."""
    recipe = Recipe(num_epochs=3, batch_size=32, learning_rate=0.05)
    protocol = QUICK.model_copy(update={"recipes": {"*/*": recipe}})
    setting = {"dataset": "digits", "model": "toy_net"}
    spec = {"settings": [setting], "unlearners": list(unlearners), "model_seeds": [0]}
    quick = replace(catalogue, protocols={QUICK.id: protocol})
    return {planned.id: planned.unit for planned in plan(resolve(parse_job_spec(json.dumps(spec)), quick))}


def execute(bench: Workbench, todo: Mapping[UnitId, Unit]) -> dict[str, Outcome]:
    """What came of each unit, by its title."""
    return {unit.title: bench.execute(unit, lambda progress: None) for unit in todo.values()}


def noise(sigma: float) -> dict[str, object]:
    return {"id": "toy_noise", "hyperparameters": {"sigma": sigma}}


def references(todo: Mapping[UnitId, Unit]) -> dict[UnitId, Unit]:
    return {identity: unit for identity, unit in todo.items() if not isinstance(unit, UnlearnUnit)}


def unlearning(todo: Mapping[UnitId, Unit]) -> dict[UnitId, Unit]:
    return {identity: unit for identity, unit in todo.items() if isinstance(unit, UnlearnUnit)}


def test_a_job_gives_every_metric_of_every_model(bench, catalogue):
    outcomes = execute(bench, units(catalogue, "ga", "ft"))

    for title, outcome in outcomes.items():
        assert outcome.is_usable
        assert outcome.reasons == {}
        assert all(math.isfinite(value) for value in outcome.metrics.values())
        assert set(outcome.metrics) == (set() if title.startswith("train") else ALL_METRICS)


def test_the_models_have_learnt_the_digits_and_the_retrained_one_is_its_own_measure(bench, catalogue):
    outcomes = execute(bench, units(catalogue, "ft"))

    retrained = outcomes["evaluate the retrained model"].metrics
    assert retrained["test_accuracy"] > 0.6
    assert retrained["retention_deviation"] == retrained["l2_distance"] == 0
    assert retrained["runtime_efficiency"] == 1
    assert outcomes["evaluate the original model"].metrics["l2_distance"] > 0


def test_progress_is_reported_in_epochs_while_training_and_in_images_while_unlearning(bench, catalogue):
    heard = {}
    for unit in units(catalogue, "ft").values():
        bench.execute(unit, heard.setdefault(unit.title, []).append)

    assert [step.fraction for step in heard["train the original model"]] == [1 / 3, 2 / 3, 1]
    assert 0 < heard["unlearn with ft"][0].fraction < 1
    assert heard["unlearn with ft"][0].text.endswith("images")


@pytest.mark.parametrize("unlearner", ["toy_noise", "ft", "srl"])
def test_the_same_unit_twice_gives_the_same_weights_bit_for_bit(bench, store, catalogue, unlearner):
    todo = units(catalogue, unlearner)
    execute(bench, todo)
    made = [identity for identity, unit in todo.items() if isinstance(unit, TrainUnit | UnlearnUnit)]
    before = {identity: store.read_tensors(identity, "model") for identity in made}

    torch.rand(17)  # whatever came in between
    execute(bench, todo)

    for identity, weights in before.items():
        again = store.read_tensors(identity, "model")
        assert all(torch.equal(tensor, again[name]) for name, tensor in weights.items())


def test_the_order_of_units_does_not_matter(bench, store, catalogue):
    todo = units(catalogue, "ft", "srl")
    execute(bench, todo)
    before = {identity: store.read_tensors(identity, "model") for identity in unlearning(todo)}

    execute(bench, dict(reversed(unlearning(todo).items())))

    for identity, weights in before.items():
        assert all(torch.equal(t, store.read_tensors(identity, "model")[name]) for name, t in weights.items())


def test_the_original_is_never_changed(bench, store, catalogue):
    todo = units(catalogue, "toy_noise", "ga")
    original = next(identity for identity, unit in todo.items() if unit.title == "train the original model")
    execute(bench, references(todo))
    before = store.read_tensors(original, "model")

    execute(bench, unlearning(todo))

    after = store.read_tensors(original, "model")
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.parametrize("sigma", [1e30, 1e38])
def test_a_model_that_diverged_is_not_usable_for_a_reason_and_without_a_number(bench, catalogue, sigma):
    outcome = execute(bench, units(catalogue, noise(sigma)))["unlearn with toy_noise"]

    assert not outcome.is_usable
    assert set(outcome.metrics) == ALL_METRICS
    assert all(outcome.metrics[name] is None for name in (*OWN, *NOISE, *AGAINST_RETRAINED))
    assert all("diverged" in outcome.reasons[name] for name in (*OWN, *NOISE, *AGAINST_RETRAINED))
    assert "NaN" not in json.dumps([outcome.metrics, outcome.reasons, outcome.provenance])


def test_weights_that_are_not_a_number_are_not_usable(bench, catalogue, monkeypatch):
    def poison(model, task, hp):
        with torch.no_grad():
            next(model.parameters())[0, 0] = torch.nan

    todo = units(catalogue, "toy_noise")
    monkeypatch.setattr("lethe_toy_torch.add_noise", poison)

    outcome = execute(bench, todo)["unlearn with toy_noise"]

    assert not outcome.is_usable
    assert outcome.metrics["test_accuracy"] is None


def test_a_method_that_trains_on_the_validation_set_is_not_measured_by_it(bench, store, catalogue):
    todo = units(catalogue, "kde")

    outcome = execute(bench, todo)["unlearn with kde"]

    biased = {
        "validation_accuracy",
        "mia_validation",
        "indiscernibility_validation",
        "indiscernibility_floor_validation",
    }
    assert outcome.is_usable
    assert {name for name, value in outcome.metrics.items() if value is None} == biased
    assert outcome.reasons == dict.fromkeys(biased, "the method trained on the validation set")
    (identity,) = unlearning(todo)
    assert set(store.read_record(identity)["metrics"]) == ALL_METRICS
    assert "validation" in store.read_tensors(identity, "logits")


def test_where_it_diverged_that_is_the_reason_even_if_it_trained_on_the_validation_set(
    bench, catalogue, monkeypatch
):
    def poison(model, task, hp):
        with torch.no_grad():
            next(model.parameters()).fill_(torch.nan)

    todo = units(catalogue, "kde")
    monkeypatch.setattr("core.unlearners.kde.unlearn", poison)

    outcome = execute(bench, todo)["unlearn with kde"]

    assert "diverged" in outcome.reasons["validation_accuracy"]


def test_a_retrained_model_that_diverged_leaves_only_what_needs_no_comparison(bench, store, catalogue):
    todo = units(catalogue, "toy_noise")
    execute(bench, references(todo))
    retrained = next(identity for identity, unit in todo.items() if unit.title == "train the retrained model")
    weights = {name: tensor * torch.nan for name, tensor in store.read_tensors(retrained, "model").items()}
    store.write(retrained, tensors={"model": weights}, record=store.read_record(retrained))

    outcomes = execute(bench, {i: unit for i, unit in todo.items() if not isinstance(unit, TrainUnit)})

    assert not outcomes["evaluate the retrained model"].is_usable
    outcome = outcomes["unlearn with toy_noise"]
    assert outcome.is_usable
    assert all(outcome.metrics[name] is not None for name in (*OWN, *NOISE))
    assert all(outcome.metrics[name] is None for name in AGAINST_RETRAINED)
    assert all("retrained" in outcome.reasons[name] for name in AGAINST_RETRAINED)


@pytest.mark.parametrize("name", ["retain", "forget", "validation"])
def test_a_set_that_is_not_declared_is_withheld(bench, catalogue, monkeypatch, name):
    todo = units(catalogue, "toy_noise")
    monkeypatch.setattr("lethe_toy_torch.add_noise", lambda model, task, hp: getattr(task, name))

    with pytest.raises(SetWithheld, match=name):
        execute(bench, todo)


def test_a_method_gets_a_seeded_generator_the_parts_and_a_fresh_model(bench, catalogue, monkeypatch):
    seen = []
    todo = units(catalogue, "toy_noise")
    monkeypatch.setattr("lethe_toy_torch.add_noise", lambda model, task, hp: seen.append((model, task)))

    execute(bench, todo)

    ((model, task),) = seen
    assert task.sets == {}
    assert task.num_classes == 10
    assert torch.equal(
        torch.rand(3, generator=task.generator), torch.rand(3, generator=torch.Generator().manual_seed(123))
    )
    assert task.parts_of(model).classifier is model[4]
    assert not torch.equal(task.fresh_model()[4].weight, model[4].weight)


def test_what_a_method_freezes_and_leaves_behind_is_put_right(bench, catalogue, monkeypatch):
    def careless(model, task, hp):
        model(torch.zeros(1, 3, 16, 16)).sum().backward()
        models.append(model.requires_grad_(requires_grad=False).train())

    models = []
    todo = units(catalogue, "toy_noise")
    monkeypatch.setattr("lethe_toy_torch.add_noise", careless)

    assert execute(bench, todo)["unlearn with toy_noise"].is_usable

    (model,) = models
    assert not model.training
    assert not model._forward_pre_hooks
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_run_times_of_different_devices_are_not_compared(bench, catalogue, monkeypatch):
    todo = units(catalogue, "toy_noise")
    execute(bench, references(todo))
    monkeypatch.setattr(Workbench, "device_name", property(lambda self: "another device"))

    outcome = execute(bench, unlearning(todo))["unlearn with toy_noise"]

    assert outcome.metrics["runtime_efficiency"] is None
    assert "another device" in outcome.reasons["runtime_efficiency"]
    assert outcome.metrics["retention_deviation"] is not None
    assert outcome.metrics["runtime_seconds"] > 0


def test_efficiency_is_how_many_times_faster_than_training_anew_it_was(bench, catalogue):
    outcomes = execute(bench, units(catalogue, "toy_noise"))

    unlearnt, retrained = outcomes["unlearn with toy_noise"], outcomes["train the retrained model"]
    ratio = retrained.runtime_seconds / unlearnt.runtime_seconds
    assert unlearnt.metrics["runtime_efficiency"] == pytest.approx(ratio)


def test_a_device_is_warmed_up_before_anything_is_timed(bench, catalogue, monkeypatch):
    seen: list[str] = []

    @contextmanager
    def watched(device: torch.device) -> Iterator[object]:
        seen.append("timed")
        with timer(device) as clock:
            yield clock

    monkeypatch.setattr("core.bench.timer", watched)
    monkeypatch.setattr("core.execute.timer", watched)
    backward = torch.Tensor.backward
    monkeypatch.setattr("torch.Tensor.backward", lambda *args: (seen.append("backward"), backward(*args))[1])
    for unit in units(catalogue, noise(0.1)).values():
        seen.clear()
        bench.execute(unit, lambda progress: None)
        if not isinstance(unit, EvaluateUnit):
            assert seen[:2] == ["backward", "timed"], unit.title


def test_warming_up_moves_no_weight_and_no_metric(store, catalogue, tmp_path, monkeypatch):
    def made(cache: str) -> tuple[dict[str, torch.Tensor], dict[str, float | None]]:
        bench = Workbench(store, data_dir=tmp_path, cache_dir=tmp_path / cache, device="cpu")
        todo = units(catalogue, "ft")
        (last,) = unlearning(todo)
        outcome = execute(bench, todo)[todo[last].title]
        return store.read_tensors(last, "model"), {
            name: value for name, value in outcome.metrics.items() if "runtime" not in name
        }

    warm_weights, warm_metrics = made("warm")
    monkeypatch.setattr(Bench, "warm_up", lambda *_: None)
    cold_weights, cold_metrics = made("cold")

    assert all(torch.equal(weights, cold_weights[name]) for name, weights in warm_weights.items())
    assert warm_metrics == cold_metrics


def test_an_unlearner_that_is_not_installed_is_named(bench, catalogue):
    todo = units(catalogue, "toy_noise")
    execute(bench, references(todo))
    (unit,) = unlearning(todo).values()

    with pytest.raises(UnlearnerMissing, match="'elsewhere'"):
        bench.execute(unit.model_copy(update={"unlearner": "elsewhere"}), lambda progress: None)


def test_a_unit_whose_inputs_are_gone_names_the_unit_that_made_them(bench, catalogue):
    todo = units(catalogue, "toy_noise")
    (unit,) = unlearning(todo).values()

    with pytest.raises(ArtifactMissing) as raised:
        bench.execute(unit, lambda progress: None)

    assert raised.value.unit_id in unit.depends_on


def test_the_record_says_where_the_number_comes_from(bench, store, catalogue):
    todo = units(catalogue, "toy_noise")

    outcome = execute(bench, todo)["unlearn with toy_noise"]

    ((identity, unit),) = unlearning(todo).items()
    assert identity == unit_id(unit)
    record = store.read_record(identity)
    assert record["metrics"] == {n: v for n, v in outcome.metrics.items() if n in record["metrics"]}
    assert outcome.provenance["device_type"] == "cpu"
    assert set(outcome.provenance["split"]) == {"retain", "forget", "validation", "test"}
    assert set(store.read_tensors(identity, "logits")) == {"retain", "forget", "validation", "test"}


def test_the_record_of_a_dataset_of_image_files_has_the_hash_of_their_names(
    bench, catalogue, monkeypatch, tmp_path
):
    whole = load_digits(DIGITS, tmp_path)
    names = tuple(f"{index:04}.png" for index in range(len(whole.labels)))
    for name, pixels in zip(names, whole.pixels, strict=True):
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(tmp_path / name)
    files = ImageFiles(tmp_path, names[::-1], whole.labels.flip(0))
    monkeypatch.setattr("core.datasets.digits.load", lambda *_: files)

    outcome = execute(bench, references(units(catalogue, "ft")))["evaluate the original model"]

    assert outcome.provenance["names_sha256"] == hashlib.sha256("\n".join(names).encode()).hexdigest()


def test_the_provenance_names_classes_that_chance_left_out_of_a_set(bench, catalogue):
    forget = {"rule": "random", "count": 10}  # of ten classes
    setting = {"dataset": "digits", "model": "toy_net", "forget": forget}
    spec = parse_job_spec(json.dumps({"settings": [setting], "unlearners": ["ft"], "model_seeds": [0]}))
    todo = {planned.id: planned.unit for planned in plan(resolve(spec, catalogue))}

    outcome = execute(bench, references(todo))["evaluate the original model"]

    assert list(outcome.provenance["absent_classes"]) == ["forget"]


def test_evaluation_units_keep_the_logits_and_no_second_copy_of_the_model(bench, tmp_path, catalogue):
    todo = units(catalogue, "toy_noise")
    execute(bench, references(todo))

    for identity, unit in todo.items():
        if isinstance(unit, EvaluateUnit):
            files = {path.name for path in (tmp_path / identity[:2] / identity).iterdir()}
            assert files == {"logits.safetensors", "record.json", "manifest.json"}
