"""A job's progress in a terminal, from where it stands to its end."""

from collections.abc import Mapping
from typing import Any

from api.client import Client, RequestRefused, ServerEvent, ServiceOutdated, ServiceUnreachable
from api.commands.asking import console
from api.schemas import EstimateAnswer, StageAnswer
from core.foreign_text import last_words
from core.spec.units import UnitKind
from core.store.states import JobState, UnitState
from core.terminal import JobProgress, Weights


def follow_to_end(client: Client, job_id: str) -> int:
    """Show a job's progress until it ends; 0 if every unit succeeded, else 1 with what failed."""
    job, news = client.get_job(job_id), client.follow_job(job_id, new_only=True)
    first = next(news)  # where the job stands: the stream is open, and tells what happens from then on
    stages = _stages(first)
    total, done = sum(stage.total for stage in stages.values()), sum(stage.done for stage in stages.values())
    if done:
        console.print(f"{done:,} of {total:,} units are done already.", highlight=False)
    progress = JobProgress(console, total=total, done=done, weights=_weights(client, job.spec, stages))
    progress.show(first.name, first.data)
    with progress:
        for event in news:
            progress.show(event.name, event.data)
    ended = client.get_job(job_id)
    if ended.state == JobState.SUCCEEDED:
        return 0
    console.print(f"The job ended {ended.state}.", style="red")
    for unit in client.list_job_units(job_id, state=[UnitState.FAILED]):
        reason = last_words(unit.error)
        console.print(f"  {unit.title} (seed {unit.model_seed}): {reason}", markup=False)
    return 1


def equal_weights(stages: Mapping[UnitKind, StageAnswer]) -> Weights:
    """Of a job whose units count alike."""
    return _by_kind(stages, dict.fromkeys(stages, 1.0))


def mean_weights(estimate: EstimateAnswer, stages: Mapping[UnitKind, StageAnswer]) -> Weights:
    """What each unit of a job takes, as the mean of its kind's that are not done: in seconds, or in images
    where not every kind has been measured.
    """
    estimated = estimate.stages
    is_timed = all(stage.seconds is not None for stage in estimated.values())
    means = {
        kind: (stage.seconds.p50 if is_timed and stage.seconds else stage.work)
        / max(stage.units - stage.cached, 1)
        for kind, stage in estimated.items()
    }
    return _by_kind(stages, means)


def _by_kind(stages: Mapping[UnitKind, StageAnswer], weights: Mapping[UnitKind, float]) -> Weights:
    """Of a job whose units of a kind weigh the same; those of a kind without a weight, nothing."""
    by_name: dict[str, float] = {kind: weights.get(kind, 0.0) for kind in stages}
    return Weights(
        total=sum(by_name[kind] * (of.total - of.failed - of.cancelled) for kind, of in stages.items()),
        done=sum(by_name[kind] * of.done for kind, of in stages.items()),
        of=lambda _unit, kind: by_name.get(kind, 0.0),
    )


def _stages(standing: ServerEvent) -> dict[UnitKind, StageAnswer]:
    if "stages" not in standing.data:
        raise ServiceOutdated("the stages of a job that is followed")
    stages = standing.data["stages"].items()
    return {kind: StageAnswer.model_validate(stage, extra="ignore") for kind, stage in stages}


def _weights(client: Client, spec: dict[str, Any], stages: Mapping[UnitKind, StageAnswer]) -> Weights:
    try:
        return mean_weights(client.estimate_job(spec), stages)
    except (RequestRefused, ServiceUnreachable):  # a plug-in of its spec has gone, or the service is busy
        return equal_weights(stages)
