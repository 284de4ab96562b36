"""What a sweep's trial costs beyond the steps of its method. Goal: a ratio of at most 1.15.

Two figures, both of fine-tuning on digits. In a run as `lethe run` does it, the wall time from the end of one
trial to the end of the next, with claim, evaluation and publishing, against the seconds of its method alone;
with the epochs of an average trial of the paper where these are fewest (MNIST: 1 to 10), so that evaluation
has its real share. And the harness alone: the same hyperparameters on the same original, turn about, as a
unit and as the method and the forward passes by themselves.
"""

import json
import logging
import statistics
import tempfile
import time
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import select

from core.artifacts import ArtifactStore
from core.bench import Bench, MethodRun
from core.catalog.registry import installed
from core.evaluation import evaluate
from core.execute import Workbench
from core.logs import configure_logs
from core.outcome import Progress
from core.plan import plan
from core.settings import Settings
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import TrialUnit
from core.store.session import Store
from core.store.tables import TrialRow, UnitRow
from core.trials import SEARCHED_SETS
from worker.local import run_here

TRIALS = 8
PAPERS_EPOCHS = 5  # the mean of 1 to 10, rounded down


def spec(num_epochs: int) -> dict[str, Any]:
    """A sweep of fine-tuning on digits."""
    return {
        "settings": [{"dataset": "digits", "model": "resnet18"}],
        "unlearners": [{"id": "ft", "hyperparameters": {"num_epochs": num_epochs}}],
        "model_seeds": [0],
        "sweep": {"seeds": [0], "trials": TRIALS},
    }


def main() -> None:
    configure_logs(logging.WARNING)
    print(f"median ratio of a trial in a run to its method: {statistics.median(in_a_run()):.3f}")
    print(f"median ratio of a trial to its method and evaluation: {statistics.median(in_the_harness()):.3f}")


def in_a_run() -> list[float]:
    """From one trial's end to the next one's, over the seconds of its method, by trial."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings = Settings(var_dir=place)
        run_here(json.dumps(spec(PAPERS_EPOCHS)).encode(), settings, out=place, console=Console(quiet=True))
        store = Store(Settings(var_dir=place, database_url="").database)
        with store.read() as session:
            rows = session.execute(
                select(UnitRow.finished_at, TrialRow.runtime_seconds)
                .join(TrialRow, TrialRow.unit_id == UnitRow.id)
                .order_by(UnitRow.finished_at)
            ).all()
    return [(end - before).total_seconds() / seconds for (before, _), (end, seconds) in pairwise(rows)]


def in_the_harness() -> list[float]:
    """A trial through the harness over its method and evaluation alone, by trial; the first one warms up."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        artifacts = ArtifactStore(place)
        workbench = Workbench(artifacts, data_dir=place, cache_dir=place, device="cpu")
        bare = Bench(artifacts, data_dir=place, cache_dir=place, device="cpu")
        units = [planned.unit for planned in plan(resolve(parse_job_spec(json.dumps(spec(1))), installed()))]
        for unit in units:
            if unit.kind in ("train", "evaluate"):
                workbench.execute(unit, in_silence)
        ratios = []
        for unit in (unit for unit in units if isinstance(unit, TrialUnit)):
            started = time.perf_counter()
            outcome = workbench.execute(unit, in_silence)
            through = time.perf_counter() - started
            ratios.append(through / alone(bare, unit, outcome.attempts[-1]["parameters"]))
    return ratios[1:]


def in_silence(_progress: Progress) -> None:
    """Nobody listens."""


def alone(bench: Bench, unit: TrialUnit, parameters: dict) -> float:
    """Seconds of the method and the evaluation of its model."""
    sweep = unit.sweep
    run = MethodRun(
        sweep.setting,
        sweep.unlearner,
        {**sweep.given, **deepcopy(parameters)},
        sweep.model_seed,
        sweep.original,
    )
    unlearned = bench.unlearn(run, in_silence)
    started = time.perf_counter()
    evaluate(unlearned.model, bench.sets(sweep.setting, sweep.model_seed), SEARCHED_SETS)
    return unlearned.seconds + time.perf_counter() - started


if __name__ == "__main__":
    main()
