"""The board of one job: its own settings, methods and model seeds, ranked as a protocol's are. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from core.board import Board, CellSummary, Method, Metric, build_board
from core.catalog.protocols import Protocol, Tuning
from core.places import setting_document, special
from core.plan import PlannedUnit
from core.seed_values import SeedValue, summarise
from core.spec.canonical import content_hash
from core.spec.resolve import Cell, Entry, ResolvedJob
from core.spec.units import EvaluateUnit, UnitId, UnlearnUnit

TUNINGS: Mapping[Tuning, str] = {
    "default": "default hyperparameters",
    "given": "given hyperparameters",
    "sweep": "the protocol's own sweep",
    "other_sweep": "a sweep that is not the protocol's",
}


def models_of(job: ResolvedJob, planned: Iterable[PlannedUnit]) -> dict[UnitId, SeedValue]:
    """The units that make what the job's board shows, each with its place there, still without a value."""
    methods = {
        (cell.setting.id, entry.unlearner, content_hash(entry.hyperparameters)): _method(entry, cell)
        for cell in job.cells
        for entry in cell.entries
    }
    settings = {cell.setting.id for cell in job.cells}
    models: dict[UnitId, SeedValue] = {}
    for found in planned:
        match found.unit:
            case EvaluateUnit(setting=setting, role=role, model_seed=seed):
                if setting.id in settings and seed in job.model_seeds:  # a sweep may look at other seeds
                    models[found.id] = SeedValue(setting.id, Method(role), seed, None)
            case UnlearnUnit(setting=setting, unlearner=name, hyperparameters=given, model_seed=seed):
                method = methods[setting.id, name, content_hash(given)]
                models[found.id] = SeedValue(setting.id, method, seed, None)
    return models


def build_job_board(
    job: ResolvedJob, metric: Metric, models: Iterable[SeedValue], values: Sequence[SeedValue]
) -> Board:
    """The board over the job's settings; methods of which no model has ended yet are on it, without a rank.

    Args:
        models: every model that the job asks for.
        values: those that have ended; one that is not usable has failed.
    """
    found = summarise(values)
    told = {(summary.setting, summary.method) for summary in found}
    awaited = dict.fromkeys((model.setting, model.method) for model in models)
    nothing = [
        CellSummary(setting, method, mean=None, sd=None, seeds=0, usable=0, runtime_efficiency=None)
        for setting, method in awaited
        if (setting, method) not in told
    ]
    return build_board(
        job.protocol,
        metric,
        [cell.setting for cell in job.cells],
        [*found, *nothing],
        required_seeds=len(job.model_seeds),
    )


def unranked(job: ResolvedJob, protocol: Protocol) -> list[str]:
    """What keeps results of the job off its protocol's own board, or unranked there; one phrase each."""
    phrases = [
        f"{setting.dataset}/{setting.model} with {what}"
        for setting in (cell.setting for cell in job.cells)
        if (what := special(setting_document(setting), protocol))
    ]
    tuned = {
        (entry.tuning, entry.unlearner)
        for cell in job.cells
        for entry in cell.entries
        if entry.tuning != protocol.ranked_tuning
    }
    for tuning, of_tuning in groupby(sorted(tuned), key=lambda pair: pair[0]):
        names = [name for _, name in of_tuning]
        who = ", ".join(names) if len(names) < 5 else f"{len(names)} unlearners"
        phrases.append(f"{who} with {TUNINGS[tuning]}")
    strange = [seed for seed in job.model_seeds if seed not in protocol.model_seeds]
    lacking = [seed for seed in protocol.model_seeds if seed not in job.model_seeds]
    if strange:
        phrases.append(_listed(strange))
    if lacking:
        phrases.append(f"what lacks {_listed(lacking)}")
    return phrases


def _listed(seeds: Sequence[int]) -> str:
    """The seeds in words."""
    is_run = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    told = f"{seeds[0]} to {seeds[-1]}" if is_run else ", ".join(map(str, seeds))
    return f"model seed{'s' if len(seeds) > 1 else ''} {told}"


def _method(entry: Entry, cell: Cell) -> Method:
    """The row of an entry; where a job runs a method several times, also with what these differ in."""
    given = entry.hyperparameters.get("variant")
    variant = None if given is None else str(given)
    rivals = [
        other.hyperparameters
        for other in cell.entries
        if other.unlearner == entry.unlearner and other.hyperparameters.get("variant") == given
    ]
    own = [
        f"{name}={value}"
        for name, value in entry.hyperparameters.items()
        if any(rival.get(name) != value for rival in rivals)
    ]
    if own:
        variant = ", ".join([*([variant] if variant not in (None, "official") else []), *own])
    return Method(entry.unlearner, variant)
