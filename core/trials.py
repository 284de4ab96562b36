"""The units of a sweep: try, propose, select (protocol §6). No weights are kept, no test set is touched."""

import math
from dataclasses import asdict

import torch

from core.bench import Bench, MethodRun, Report, is_finite
from core.errors import LetheError
from core.evaluation import evaluate, own_metrics
from core.foreign_text import told
from core.measurement import DIVERGED
from core.outcome import Metrics, Outcome
from core.spec.forget import forgets_classes
from core.spec.units import (
    POPULATION,
    GenerationUnit,
    RescoreUnit,
    SelectionUnit,
    Sweep,
    TrialUnit,
    UnitId,
    unit_id,
)
from core.sweep import (
    MAX_ATTEMPTS,
    WORST,
    Attempt,
    Parameters,
    Proposal,
    Trial,
    Winner,
    choose,
    choose_rescored,
    objectives,
    propose,
    redrawn,
)

SEARCHED_SETS = ("retain", "forget", "validation")
NO_WINNER = "no trial of the sweep gave a finite score"


def run_trial(bench: Bench, unit: TrialUnit, report: Report) -> Outcome:
    """One completed trial; a method that raises is tried again with other hyperparameters."""
    sweep = unit.sweep
    attempts: list[Attempt] = []
    for number in range(MAX_ATTEMPTS):
        proposal = redrawn(sweep, unit.index, number) if number else _proposal(bench, unit)
        attempts += [Attempt(parameters, "pruned") for parameters in proposal.pruned]
        attempts.append(_attempt(bench, sweep, proposal.parameters, report))
        if attempts[-1].state == "completed":
            break
    documents = tuple(attempt.as_json() for attempt in attempts)
    where = bench.provenance(sweep.setting, sweep.model_seed)
    record = {"attempts": documents, "provenance": where}
    artifact = bench.artifacts.write(unit_id(unit), tensors={}, record=record)
    last = attempts[-1]
    return Outcome(
        math.isfinite(last.score),
        last.seconds or 0.0,
        provenance=where,
        artifact=asdict(artifact),
        attempts=documents,
        reason=last.reason,
    )


def propose_generation(bench: Bench, unit: GenerationUnit) -> Outcome:
    """The proposals of a generation, from the trials of all earlier ones."""
    history = [trial for earlier in range(unit.generation) for trial in _trials(bench, unit.sweep, earlier)]
    proposals = [asdict(proposal) for proposal in propose(unit.sweep, unit.generation, history)]
    artifact = bench.artifacts.write(unit_id(unit), tensors={}, record={"proposals": proposals})
    return Outcome(is_usable=True, runtime_seconds=0.0, artifact=asdict(artifact))


def rescore(bench: Bench, unit: RescoreUnit, report: Report) -> Outcome:
    """A search's winner on the models of another split; nothing where the search has none."""
    winner = _winner(bench, unit.winner)
    attempt = None if winner is None else _attempt(bench, unit.sweep, winner.parameters, report)
    record = {"attempt": None if attempt is None else attempt.as_json()}
    artifact = bench.artifacts.write(unit_id(unit), tensors={}, record=record)
    if attempt is None:
        return Outcome(is_usable=False, runtime_seconds=0.0, artifact=asdict(artifact), reason=NO_WINNER)
    is_usable = math.isfinite(attempt.score)
    return Outcome(is_usable, attempt.seconds or 0.0, artifact=asdict(artifact), reason=attempt.reason)


def select(bench: Bench, unit: SelectionUnit) -> Outcome:
    """The best configuration of the sweeps; none where no score is finite."""
    if unit.rule == "rescored":
        winners = [(_winner(bench, of_winner[0].winner), of_winner) for of_winner in unit.rescores]
        winner = choose_rescored(
            (winner, [_rescored(bench, rescored) for rescored in of_winner])
            for winner, of_winner in winners
            if winner is not None
        )
    else:
        winner = choose((sweep.model_seed, _all_trials(bench, sweep)) for sweep in unit.sweeps)
    record = {"winner": None if winner is None else asdict(winner)}
    artifact = bench.artifacts.write(unit_id(unit), tensors={}, record=record)
    reason = NO_WINNER if winner is None else None
    return Outcome(winner is not None, 0.0, artifact=asdict(artifact), reason=reason)


def chosen_hyperparameters(bench: Bench, given: Parameters, selection: UnitId) -> Parameters | None:
    """What is given and what a selection chose; None where no score was finite."""
    winner = bench.artifacts.read_record(selection)["winner"]
    return None if winner is None else {**given, **winner["parameters"]}


def _proposal(bench: Bench, unit: TrialUnit) -> Proposal:
    if unit.generation == 0:
        return propose(unit.sweep, 0, [])[unit.index]
    generation = unit_id(GenerationUnit(sweep=unit.sweep, generation=unit.generation))
    return Proposal(**bench.artifacts.read_record(generation)["proposals"][unit.index % POPULATION])


def _attempt(bench: Bench, sweep: Sweep, parameters: Parameters, report: Report) -> Attempt:
    """Run the method once and score the model; an error of the method's own is a failed attempt."""
    hyperparameters = {**sweep.given, **parameters}
    run = MethodRun(sweep.setting, sweep.unlearner, hyperparameters, sweep.model_seed, sweep.original)
    try:
        unlearned = bench.unlearn(run, report)
    except (LetheError, MemoryError, OSError, torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a method raises is told with the trial
        return Attempt(parameters, "failed", reason=told(f"{type(error).__name__}: {error}"))
    evaluation = evaluate(unlearned.model, bench.sets(sweep.setting, sweep.model_seed), SEARCHED_SETS)
    if not (is_finite(unlearned.model) and evaluation.is_finite):
        return Attempt(
            parameters, "completed", WORST, unlearned.seconds, reason=DIVERGED, work=unlearned.work
        )
    metrics = own_metrics(evaluation, same_classes=forgets_classes(sweep.setting.forget))
    aim = _aim(bench, sweep)
    if aim is None:
        why = f"the {sweep.target} model diverged"
        return Attempt(parameters, "completed", WORST, unlearned.seconds, metrics, why, unlearned.work)
    losses = objectives(metrics, aim, sweep)
    return Attempt(parameters, "completed", losses, unlearned.seconds, metrics, work=unlearned.work)


def _aim(bench: Bench, sweep: Sweep) -> Metrics | None:
    """The metrics of the model that is aimed at; None where it diverged."""
    if sweep.reference is None:
        return bench.accuracies_of_original(sweep.setting, sweep.model_seed, sweep.original)
    target = bench.artifacts.read_record(sweep.reference)
    return target["metrics"] if target["is_usable"] else None


def _winner(bench: Bench, selection: SelectionUnit) -> Winner | None:
    winner = bench.artifacts.read_record(unit_id(selection))["winner"]
    return None if winner is None else Winner(**winner)


def _rescored(bench: Bench, unit: RescoreUnit) -> float:
    """The winner's score there, +∞ where the model has none."""
    return Attempt.from_json(bench.artifacts.read_record(unit_id(unit))["attempt"]).score


def _trials(bench: Bench, sweep: Sweep, generation: int) -> list[Trial]:
    records = [bench.artifacts.read_record(unit_id(trial)) for trial in sweep.trials(generation)]
    return [[Attempt.from_json(attempt) for attempt in record["attempts"]] for record in records]


def _all_trials(bench: Bench, sweep: Sweep) -> list[Trial]:
    generations = range(sweep.num_generations)
    return [trial for generation in generations for trial in _trials(bench, sweep, generation)]
