"""A job's progress in a terminal, from where it stands to its end."""

from collections.abc import Iterable
from itertools import chain

from api.client import Client, RequestRefused, ServiceUnreachable
from api.commands.asking import console
from api.schemas import EstimateAnswer, JobAnswer, UnitAnswer
from core.foreign_text import last_words
from core.spec.units import UnitId
from core.store.states import JobState, UnitState
from core.terminal import JobProgress


def follow_to_end(client: Client, job_id: str) -> int:
    """Show a job's progress until it ends; 0 if every unit succeeded, else 1 with what failed."""
    job, news = client.get_job(job_id), client.follow_job(job_id, new_only=True)
    first = next(news)  # the stream is open: what happens while the units are listed is told by it
    units = list(client.list_job_units(job_id))
    done = [UnitId(unit.id) for unit in units if unit.state == UnitState.DONE]
    weights = _weights(client, job, units)
    with JobProgress(console, total=len(units), done=done, work=weights) as progress:
        if done:
            console.print(f"{len(done):,} of {len(units):,} units are done already.", highlight=False)
        for event in chain([first], news):
            progress.show(event.name, event.data)
    ended = client.get_job(job_id)
    if ended.state == JobState.SUCCEEDED:
        return 0
    console.print(f"The job ended {ended.state}.", style="red")
    for unit in client.list_job_units(job_id):
        if unit.state == UnitState.FAILED:
            reason = last_words(unit.error)
            console.print(f"  {unit.title} (seed {unit.model_seed}): {reason}", markup=False)
    return 1


def mean_weights(estimate: EstimateAnswer, units: Iterable[UnitAnswer]) -> dict[UnitId, float]:
    """What each unit of a job takes, as the mean of its kind's that are not done: in seconds, or in images
    where not every kind has been measured.
    """
    stages = estimate.stages
    is_timed = all(stage.seconds is not None for stage in stages.values())
    means = {
        kind: (stage.seconds.p50 if is_timed and stage.seconds else stage.work)
        / max(stage.units - stage.cached, 1)
        for kind, stage in stages.items()
    }
    return {UnitId(unit.id): means.get(unit.kind, 0.0) for unit in units}


def _weights(client: Client, job: JobAnswer, units: Iterable[UnitAnswer]) -> dict[UnitId, float]:
    try:
        return mean_weights(client.estimate_job(job.spec), units)
    except (RequestRefused, ServiceUnreachable):  # a plug-in of its spec has gone, or the service is busy
        return {}  # units count alike
