"""What a sweep's trial costs beyond the method and its evaluation. Goal: a ratio of at most 1.15.

Both sides run the same hyperparameters on the same original, turn about: the unit through the harness
(proposal, copy, timing, attack, artifact), and the method and the forward passes alone.
"""

import json
import statistics
import tempfile
import time
from copy import deepcopy
from pathlib import Path

from core.artifacts import ArtifactStore
from core.bench import Bench, MethodRun
from core.catalog.registry import installed
from core.evaluation import evaluate
from core.execute import Workbench
from core.outcome import Progress
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import TrialUnit
from core.trials import SEARCHED_SETS

TRIALS = 8
SPEC = {
    "settings": [{"dataset": "digits", "model": "resnet18"}],
    "unlearners": [{"id": "ft", "hyperparameters": {"num_epochs": 1}}],
    "model_seeds": [0],
    "sweep": {"seeds": [0], "trials": TRIALS},
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        artifacts = ArtifactStore(place)
        workbench = Workbench(artifacts, data_dir=place, cache_dir=place, device="cpu")
        bare = Bench(artifacts, data_dir=place, cache_dir=place, device="cpu")
        units = [planned.unit for planned in plan(resolve(parse_job_spec(json.dumps(SPEC)), installed()))]
        for unit in units:
            if unit.kind in ("train", "evaluate"):
                workbench.execute(unit, in_silence)
        ratios = []
        for unit in (unit for unit in units if isinstance(unit, TrialUnit)):
            started = time.perf_counter()
            outcome = workbench.execute(unit, in_silence)
            through = time.perf_counter() - started
            ratios.append(through / alone(bare, unit, outcome.attempts[-1]["parameters"]))
            print(f"trial {unit.index + 1}: {through:.2f} s, ratio {ratios[-1]:.3f}")
    print(f"median ratio of a trial to its method and evaluation: {statistics.median(ratios[1:]):.3f}")


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
    evaluate(unlearned.model, bench.sets(sweep.setting), SEARCHED_SETS)
    return unlearned.seconds + time.perf_counter() - started


if __name__ == "__main__":
    main()
