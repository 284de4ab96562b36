"""From the submitted job spec to the resolved one: every id looked up, every default filled in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.attacks.lira_splits import NUM_DRAWS, NUM_SPLITS
from core.catalog.datasets import DatasetInfo
from core.catalog.protocols import Precision, Protocol, Tuning
from core.catalog.registry import Catalogue, closest
from core.catalog.unlearners import UnlearnerInfo
from core.errors import SpecInvalid, SpecProblem
from core.spec.canonical import content_hash
from core.spec.forget import ForgetRequest, SeedOrModels, SequenceForget
from core.spec.forget_problems import forget_problems
from core.spec.job import (
    ALL,
    AttackRequest,
    HyperparameterValue,
    JobSpec,
    Originals,
    OutModels,
    SelectionRule,
    SettingRequest,
    SweepRequest,
    TuningTarget,
    UnlearnerRequest,
    pointer,
    problems,
)
from core.spec.problems import duplicates, unknown
from core.spec.search import Basis, Range, search_space
from core.spec.setting import Resolved, Setting
from core.spec.studies import (
    SEARCH_SPLITS,
    attack_problems,
    is_beside,
    lira_setting,
    strangers,
    too_few_models,
)


class Entry(Resolved):
    """One unlearner with its hyperparameters, and how they are chosen.

    `space` is what a sweep draws the missing ones from; it is empty where all of them are known.
    """

    unlearner: str
    unlearner_revision: int
    hyperparameters: dict[str, HyperparameterValue]
    space: dict[str, Range]
    tuning: Tuning


class Search(Resolved):
    """How a study tunes hyperparameters: on the first forget set of so many splits (protocol §8.1)."""

    splits: int
    trials: int
    target: TuningTarget
    selection: SelectionRule


class Study(Resolved):
    """An attack on single samples: its grid of models, and the entries that are attacked.

    `setting` is that of the first model; the others differ in their forget rule alone.
    """

    attack: str
    attack_revision: int
    setting: Setting
    entries: tuple[Entry, ...]
    splits: int
    forget_sets: int
    out: OutModels
    originals: Originals
    search: Search | None


class Cell(Resolved):
    """A setting and the entries that run in it; sweeps prune proposals above `max_batch_size`."""

    setting: Setting
    entries: tuple[Entry, ...]
    max_batch_size: int | None
    studies: tuple[Study, ...]


class ResolvedJob(Resolved):
    """A job spec with nothing left open; two specs that mean the same resolve to the same."""

    protocol: str
    cells: tuple[Cell, ...]
    model_seeds: tuple[int, ...]
    sweep: SweepRequest | None
    timed_runs: int

    @property
    def sha256(self) -> str:
        """The job's content hash."""
        return content_hash(self.model_dump(mode="json"))


def resolve(spec: JobSpec, catalogue: Catalogue) -> ResolvedJob:
    """Look every id up and fill every default in.

    Raises:
        SpecInvalid: listing every unknown id, hyperparameter and unsupported pair, with suggestions.
    """
    found: list[SpecProblem] = []
    protocol = catalogue.protocols.get(spec.protocol)
    if protocol is None:
        raise SpecInvalid([unknown("protocol", spec.protocol, catalogue.protocols, "#/protocol")])
    in_full = [_in_full(request, protocol) for request in spec.settings]
    found += duplicates(in_full, "settings") + duplicates(spec.model_seeds or (), "model_seeds")
    found += duplicates(spec.sweep.seeds if spec.sweep else (), "sweep", "seeds")
    found += duplicates(spec.attacks, "attacks")
    sweep = None if spec.sweep is None else spec.sweep.in_order()
    requests = _expand(spec.unlearners, catalogue, found)
    for index, attack in enumerate(spec.attacks):
        found += attack_problems(attack, index, spec.sweep, catalogue)
        found += strangers(attack, index, spec.settings, [request.id for _, request in requests])
    cells = [
        Cell(
            setting=setting,
            entries=_entries(setting, requests, sweep, protocol, catalogue, found),
            max_batch_size=protocol.max_batch_size.get(catalogue.datasets[setting.dataset].recipes_id),
            studies=_studies(setting, spec.attacks, sweep, requests, protocol, catalogue, found),
        )
        for index, request in enumerate(in_full)
        for setting in _settings(request, index, protocol, catalogue, found)
    ]
    if not cells:  # hyperparameters are checked even where no setting is valid
        for index, request in requests:
            _hyperparameters(catalogue.unlearners[request.id], {}, request, index, found)
    if found:
        raise SpecInvalid(list(dict.fromkeys(found)))
    return ResolvedJob(
        protocol=protocol.id,
        cells=tuple(cells),
        model_seeds=spec.model_seeds or protocol.model_seeds,
        sweep=sweep if any(entry.space for cell in cells for entry in cell.entries) else None,
        timed_runs=protocol.timed_runs,
    )


@dataclass(frozen=True)
class _InFull:
    """A request for a setting with what the protocol fills in."""

    dataset: str
    model: str
    forget: ForgetRequest
    precision: Precision
    run_seed: SeedOrModels


def _in_full(request: SettingRequest, protocol: Protocol) -> _InFull:
    return _InFull(
        dataset=request.dataset,
        model=request.model,
        forget=request.forget,
        precision=request.precision or protocol.precision,
        run_seed=protocol.run_seed if request.run_seed is None else request.run_seed,
    )


def _expand(
    requests: tuple[UnlearnerRequest, ...], catalogue: Catalogue, found: list[SpecProblem]
) -> list[tuple[int, UnlearnerRequest]]:
    """The requests for known unlearners with their index in the spec; `"all"` becomes the whole catalogue."""
    if len(requests) == 1 and requests[0].id == ALL:
        found += _of_all(requests[0])
        return [(0, UnlearnerRequest(id=unlearner)) for unlearner in catalogue.unlearners]
    found += duplicates(requests, "unlearners")
    for index, request in enumerate(requests):
        if request.id == ALL:
            where = pointer("unlearners", index)
            found.append(SpecProblem(where, "all_and_others", 'Either "all", or a list of unlearners.'))
        elif request.id not in catalogue.unlearners:
            found.append(
                unknown("unlearner", request.id, catalogue.unlearners, pointer("unlearners", index, "id"))
            )
    return [(index, request) for index, request in enumerate(requests) if request.id in catalogue.unlearners]


def _of_all(request: UnlearnerRequest) -> list[SpecProblem]:
    """Hyperparameters for the whole catalogue, which has none in common."""
    detail = "Each unlearner has hyperparameters of its own: list the unlearners, and give them theirs."
    where = pointer("unlearners", 0, "hyperparameters")
    return [SpecProblem(where, "hyperparameters_of_all", detail)] if request.hyperparameters else []


def _settings(
    request: _InFull, index: int, protocol: Protocol, catalogue: Catalogue, found: list[SpecProblem]
) -> list[Setting]:
    """The setting that is asked for, a sequence's one per step; none, with what is wrong added to `found`."""
    dataset, model = catalogue.datasets.get(request.dataset), catalogue.models.get(request.model)
    if dataset is None:
        found.append(
            unknown("dataset", request.dataset, catalogue.datasets, pointer("settings", index, "dataset"))
        )
    if model is None:
        found.append(unknown("model", request.model, catalogue.models, pointer("settings", index, "model")))
    if dataset is None or model is None:
        return []
    recipe = protocol.recipe(dataset.recipes_id, model.id)
    if recipe is None:
        known = sorted({pair.partition("/")[0] for pair in protocol.recipes})
        detail = (
            f"{protocol.id} has no training recipe for {model.id} on {dataset.recipes_id}, but for "
            f"{', '.join(known)}. Take another protocol, or declare it with `recipes_of` one of them."
        )
        found.append(SpecProblem(pointer("settings", index), "unsupported_pair", detail))
        return []
    rule, where = request.forget, pointer("settings", index, "forget")
    settings = [
        Setting(
            protocol=protocol.id,
            dataset=dataset.id,
            dataset_revision=dataset.revision,
            model=model.id,
            model_revision=model.revision,
            forget=forget,
            precision=request.precision,
            recipe=recipe,
            validation_fraction=protocol.validation_fraction,
            split_seed=protocol.split_seed,
            run_seed=request.run_seed,
        )
        for forget in (rule.each() if isinstance(rule, SequenceForget) else (rule,))
    ]
    problems = forget_problems(settings, rule, dataset, where)
    found += problems
    return [] if problems else settings


def _entries(
    setting: Setting,
    requests: list[tuple[int, UnlearnerRequest]],
    sweep: SweepRequest | None,
    protocol: Protocol,
    catalogue: Catalogue,
    found: list[SpecProblem],
) -> tuple[Entry, ...]:
    entries, dataset = [], catalogue.datasets[setting.dataset]
    for index, request in requests:
        info = catalogue.unlearners[request.id]
        if sweep is not None:
            entry = _swept(setting, request, index, sweep, protocol, catalogue, found)
            entries += [] if entry is None else [entry]
            continue
        tuned = dict(protocol.defaults(dataset.recipes_id, setting.model, info.id))
        hyperparameters = _hyperparameters(info, tuned, request, index, found)
        if hyperparameters is None:
            continue
        # A variant is another method, not another tuning of it.
        default = _filled(
            info, {**tuned, **{k: v for k, v in request.hyperparameters.items() if k == "variant"}}
        )
        entries.append(
            Entry(
                unlearner=info.id,
                unlearner_revision=info.revision,
                hyperparameters=hyperparameters,
                space={},
                tuning="default" if hyperparameters == default else "given",
            )
        )
    return tuple(entries)


def _swept(
    setting: Setting,
    request: UnlearnerRequest,
    index: int,
    sweep: SweepRequest,
    protocol: Protocol,
    catalogue: Catalogue,
    found: list[SpecProblem],
) -> Entry | None:
    """The entry of a sweep: what is given stays, everything else that has a search space is drawn."""
    info = catalogue.unlearners[request.id]
    complete = _hyperparameters(info, {}, request, index, found)
    if complete is None:
        return None
    stages = catalogue.models[setting.model].num_stages
    basis = Basis(setting.recipe.num_epochs, stages, _variant(complete))
    space = {
        name: values.range(basis)
        for name, values in search_space(info.hyperparameters).items()
        if name not in request.hyperparameters
    }
    found += _too_large(request, index, catalogue.datasets[setting.dataset], protocol)
    return Entry(
        unlearner=info.id,
        unlearner_revision=info.revision,
        hyperparameters={name: value for name, value in complete.items() if name not in space},
        space=space,
        tuning=_sweep_tuning(sweep, request, protocol) if space else "given",
    )


def _sweep_tuning(sweep: SweepRequest, request: UnlearnerRequest, protocol: Protocol) -> Tuning:
    """`sweep` where it is what the protocol asks for, and so ranked; a variant may be given."""
    budget = protocol.sweep
    is_protocols = (
        budget is not None
        and set(request.hyperparameters) <= {"variant"}
        and (set(sweep.seeds), sweep.trials) == (set(budget.seeds), budget.trials)
        and sweep.target == "retrained"
    )
    return "sweep" if is_protocols else "other_sweep"


def _too_large(
    request: UnlearnerRequest, index: int, dataset: DatasetInfo, protocol: Protocol
) -> list[SpecProblem]:
    """A given batch size above what the protocol prunes."""
    limit, given = protocol.max_batch_size.get(dataset.recipes_id), request.hyperparameters.get("batch_size")
    if limit is None or not isinstance(given, int) or given <= limit:
        return []
    where = pointer("unlearners", index, "hyperparameters", "batch_size")
    detail = f"{protocol.id} prunes batch sizes above {limit} on {dataset.id}; got {given}."
    return [SpecProblem(where, "batch_size_pruned", detail)]


def _hyperparameters(
    info: UnlearnerInfo,
    tuned: dict[str, Any],
    request: UnlearnerRequest,
    index: int,
    found: list[SpecProblem],
) -> dict[str, HyperparameterValue] | None:
    """The complete hyperparameters, or None with what is wrong added to `found`."""
    try:
        return _filled(info, {**tuned, **request.hyperparameters})
    except ValidationError as error:
        for problem in problems(error, prefix=pointer("unlearners", index, "hyperparameters")):
            suggestion = None
            if problem.code == "extra_forbidden":
                name = problem.pointer.rsplit("/", 1)[-1]
                suggestion = closest(name, info.hyperparameters.model_fields)
            found.append(SpecProblem(problem.pointer, problem.code, problem.detail, suggestion))
        return None


def _filled(info: UnlearnerInfo, values: dict[str, Any]) -> dict[str, Any]:
    return info.hyperparameters.model_validate(values).model_dump(mode="json")


def _studies(
    setting: Setting,
    attacks: Sequence[AttackRequest],
    sweep: SweepRequest | None,
    requests: list[tuple[int, UnlearnerRequest]],
    protocol: Protocol,
    catalogue: Catalogue,
    found: list[SpecProblem],
) -> tuple[Study, ...]:
    """The attacks on single samples beside a setting, which a later step of a sequence shares."""
    studies: list[Study] = []
    if setting.first_step != setting:
        return ()
    for index, request in enumerate(attacks):
        info = catalogue.attacks.get(request.id)
        if info is None or info.on != "samples" or not is_beside(request, setting):
            continue
        attacked = [
            (position, unlearner)
            for position, unlearner in requests
            if request.unlearners is None or unlearner.id in request.unlearners
        ]
        splits, forget_sets = request.splits or NUM_SPLITS, request.forget_sets or NUM_DRAWS
        out = request.out or "same_method"
        dataset = catalogue.datasets[setting.dataset]
        num_train = dataset.num_train
        found += too_few_models(index, info, num_train, splits, forget_sets, out)
        of_study = lira_setting(setting, dataset, protocol)
        studies.append(
            Study(
                attack=info.id,
                attack_revision=info.revision,
                setting=of_study,
                entries=_entries(of_study, attacked, sweep, protocol, catalogue, found),
                splits=splits,
                forget_sets=forget_sets,
                out=out,
                originals=request.originals or "per_forget_set",
                search=_search(index, request, sweep, splits, found),
            )
        )
    return tuple(studies)


def _search(
    index: int, request: AttackRequest, sweep: SweepRequest | None, splits: int, found: list[SpecProblem]
) -> Search | None:
    if sweep is None:
        return None
    search = Search(
        splits=min(request.search_splits or SEARCH_SPLITS, splits),
        trials=request.trials or sweep.trials,
        target=sweep.target,
        selection=request.selection or "best_trial",
    )
    if search.selection == "rescored" and search.splits < 2:
        detail = "A winner is scored again on the other splits searched on; ask for two at least."
        found.append(SpecProblem(pointer("attacks", index, "search_splits"), "too_few_splits", detail))
    return search


def _variant(hyperparameters: dict[str, HyperparameterValue]) -> str | None:
    return str(hyperparameters["variant"]) if "variant" in hyperparameters else None
