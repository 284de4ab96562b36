"""The API's answers. A table row never leaves raw; times are RFC 3339 UTC, shares are fractions in [0, 1]."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from core.attacks.rank_statistic import ForgetReading
from core.spec.units import UnitKind
from core.store.states import JobState, UnitState


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class UnitCounts(Answer):
    """How many of a job's units are in each state."""

    total: int
    waiting: int
    ready: int
    running: int
    done: int
    failed: int
    cancelled: int


class StageAnswer(UnitCounts):
    """A job's units of one kind."""

    mean_seconds: Annotated[
        float | None,
        Field(description="Of those that are done, from start to end; null while there are none."),
    ]


class UnitAnswer(Answer):
    """One unit of work."""

    id: str
    kind: UnitKind
    title: str
    dataset: str
    model: str
    model_seed: int
    unlearner: str | None
    state: UnitState
    attempt: int
    max_attempts: int
    worker: str | None
    progress: Annotated[float | None, Field(description="Fraction in [0, 1], where it is known.")]
    progress_text: str | None
    runtime_seconds: float | None
    failure_class: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobLinks(Answer):
    """Where the rest of a job is."""

    self: str
    events: str
    units: str
    logs: str
    results: str
    trials: str
    attacks: str
    page: str


class WaitingReason(StrEnum):
    """Why a job waits."""

    NO_WORKER = "no_worker"
    WORKERS_REST = "workers_rest"
    WORKERS_START = "workers_start"
    WORKERS_BUSY = "workers_busy"
    DEPENDENCIES = "dependencies"
    BACK_OFF = "back_off"
    PRIORITY = "priority"
    SHORT_JOBS = "short_jobs"
    FAIR_SHARE = "fair_share"
    NEXT = "next"


class WaitingAnswer(Answer):
    """Why a job waits, as a code and in words; how many units of other jobs come before its next one, and how
    many jobs have such units.
    """

    code: WaitingReason
    reason: str
    units_ahead: int
    jobs_ahead: int


class JobAnswer(Answer):
    """A job."""

    id: str
    state: JobState
    label: str
    protocol: str
    spec: dict[str, Any]
    spec_sha256: str
    owner: str
    duplicate_of: Annotated[
        str | None, Field(description="The owner's earlier job that means the same, if there was one.")
    ]
    visibility: Literal["public", "private"]
    units: UnitCounts
    stages: Annotated[
        dict[UnitKind, StageAnswer], Field(description="The same for each kind of unit it has.")
    ]
    priority: int
    waiting: Annotated[
        WaitingAnswer | None, Field(description="Set while nothing of an open job is running.")
    ]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: JobLinks


class JobPage(Answer):
    """Jobs, newest first."""

    items: list[JobAnswer]
    next_cursor: str | None


class UnitPage(Answer):
    """A job's units, in the order of its plan."""

    items: list[UnitAnswer]
    next_cursor: str | None


class SecondsAnswer(Answer):
    """Device-seconds: an even chance of less, and nine chances in ten of less."""

    p50: float
    p90: float


class StageEstimateAnswer(Answer):
    """The units of one kind; those that are cached are done already and cost nothing."""

    units: int
    cached: int
    work: Annotated[float, Field(description="Forward passes of one image; a backward pass counts as two.")]
    seconds: SecondsAnswer | None


class EstimateAnswer(Answer):
    """What a job would cost if it were submitted now."""

    units: int
    cached: int
    stages: dict[UnitKind, StageEstimateAnswer]
    work: float
    flop: float
    seconds: Annotated[
        SecondsAnswer | None, Field(description="On one device, all in all; null while nothing was measured.")
    ]
    rests_on: Annotated[list[str], Field(description="What work and seconds rest on, in words.")]


class TrialWorkAnswer(Answer):
    """Images that an attempt sent through the model, teachers included."""

    forward: float
    backward: float


SeedAnswer: TypeAlias = int | Literal["model_seed"]
RunSeedAnswer: TypeAlias = Annotated[
    SeedAnswer,
    Field(description="Of every training and unlearning run; `model_seed` where it is that of the model."),
]


class ForgetAnswer(Answer):
    """A forget-set rule; what it does not have is null."""

    rule: str
    fraction: float | None = None
    count: int | None = None
    seed: Annotated[
        SeedAnswer | None,
        Field(description="Of the draw; `model_seed` where each model seed has a forget set of its own."),
    ] = None
    labels: list[int] | None = None
    step: Annotated[int | None, Field(description="Of a sequence, from 0.")] = None
    before: Annotated[
        "list[ForgetAnswer] | None", Field(description="The forget sets of the steps before, first to last.")
    ] = None
    sha256: Annotated[
        str | None, Field(description="Of listed indices, ascending, as little-endian int64.")
    ] = None


class ForgetOfModelAnswer(ForgetAnswer):
    """A forget-set rule; also that of a model of a study of single samples, `lira`."""

    split: Annotated[int | None, Field(description="Of a study, from 0.")] = None
    forget_set: Annotated[int | None, Field(description="Of its split, from 0.")] = None


class PlacedAnswer(Answer):
    """What belongs to a setting, and which that is."""

    dataset: str
    model: str
    forget: ForgetOfModelAnswer
    precision: str
    run_seed: RunSeedAnswer


class TrialAnswer(PlacedAnswer):
    """One attempt at a trial of a sweep."""

    unit_id: str
    setting_id: str
    unlearner: str
    sweep_seed: int
    index: Annotated[int, Field(description="Of the trial in its sweep, from 0.")]
    attempt: Annotated[int, Field(description="From 1; only the last attempt at a trial may be completed.")]
    state: Literal["completed", "pruned", "failed"]
    hyperparameters: dict[str, Any]
    objectives: Annotated[
        dict[str, float] | None, Field(description="The four losses (protocol §6.4); null unless finite.")
    ]
    score: Annotated[float | None, Field(description="Their Euclidean norm: the smallest wins.")]
    metrics: dict[str, float | None] | None
    runtime_seconds: float | None
    reason: str | None
    work: Annotated[
        TrialWorkAnswer | None,
        Field(description="Null where the attempt was not completed, or its work not known."),
    ]
    provenance: Annotated[
        dict[str, Any] | None,
        Field(description="As that of results; null with trials of versions that kept none."),
    ]
    created_at: datetime


class TrialPage(Answer):
    """A job's trials, in the order of its plan."""

    items: list[TrialAnswer]
    next_cursor: str | None


class AttackFiguresAnswer(Answer):
    """An attack on single samples in short, as boards and results carry it; null, with the reason, where it
    was not run. The whole of it is at `/attacks/{setting_id}/{unlearner}`.
    """

    mean_accuracy: Annotated[float | None, Field(description="Over samples; 0.5 is no trace.")]
    low: Annotated[float | None, Field(description="Of the accuracy's 95 % interval.")]
    high: Annotated[float | None, Field(description="Of the accuracy's 95 % interval.")]
    tpr_at_fpr_1pct: float | None
    out: str | None
    splits: int | None
    forget_sets: int | None
    reason: str | None


class ResultAnswer(PlacedAnswer):
    """The metrics of one model. A metric that does not exist is null, with its reason."""

    id: str
    unit_id: str
    setting_id: str
    unlearner: str
    variant: str | None
    tuning: str | None
    hyperparameters: dict[str, Any]
    model_seed: int
    is_usable: bool
    is_superseded: bool
    metrics: dict[str, float | None]
    attack_accuracy: dict[str, float] = Field({}, description="Mean over samples, by attack.")
    attacks: dict[str, AttackFiguresAnswer] = Field(
        {}, description="What attacks on single samples found of the method in this setting, by attack."
    )
    forget_reading: Annotated[
        ForgetReading | None,
        Field(
            description="How the losses of the forget set lie to those of the test set, beyond noise: lower, "
            "`remembered`; higher, `over_unlearned`, which tells them apart as well. Only of forget sets "
            "that are random draws of their classes, as others differ from the test set in retrained models "
            "too: there it is null, `reasons` says why, and `forget_auc_test` is read beside the retrained "
            "model's. Null also where no result says it."
        ),
    ] = None
    reasons: dict[str, str]
    provenance: dict[str, Any]
    created_at: datetime


class ResultDetail(ResultAnswer):
    """One result with the jobs that it came of."""

    jobs: Annotated[list[str], Field(description="Those that the caller sees, newest first.")]


class ResultPage(Answer):
    """Results."""

    items: list[ResultAnswer]
    next_cursor: str | None


class SettingAnswer(Answer):
    """A setting that has results."""

    id: str
    dataset: str
    model: str
    forget: ForgetAnswer
    precision: str
    run_seed: RunSeedAnswer
    results: int
    is_standard: Annotated[bool, Field(description="Whether the protocol's own board shows it.")]


class SettingsAnswer(Answer):
    """All settings of a protocol that have results."""

    items: list[SettingAnswer]


class UnlearnerAnswer(Answer):
    """An unlearner: `hyperparameters` is a JSON schema whose `search` members are the sweep's spaces."""

    id: str
    title: str
    name: str
    source: str
    uses: list[str]
    hyperparameters: dict[str, Any]


class DatasetAnswer(Answer):
    """A dataset."""

    id: str
    title: str
    source: str
    num_classes: int
    num_train: int
    num_test: int
    image_size: int
    is_present: Annotated[bool, Field(description="Whether its files are where this service looks for them.")]


class EntryAnswer(Answer):
    """A model."""

    id: str
    title: str
    source: str


class AttackInfoAnswer(EntryAnswer):
    """An attack: on whole sets, which every result has, or on single samples, which a job asks for."""

    on: Literal["sets", "samples"]
    min_splits: Annotated[
        int | None,
        Field(description="Splits that have to forget a sample, and not to have it, to attack it."),
    ]


class ProtocolAnswer(Answer):
    """A protocol; `hyperparameters` are the defaults it brings, by `dataset/model`, then by unlearner."""

    id: str
    title: str
    summary: str
    model_seeds: list[int]
    precision: str
    ranked_tuning: Annotated[
        str, Field(description="Only results whose hyperparameters were chosen this way count on its board.")
    ]
    recipes: dict[str, Any]
    hyperparameters: dict[str, Any]


class CatalogAnswer(Answer):
    """Everything that can be asked for."""

    unlearners: list[UnlearnerAnswer]
    datasets: list[DatasetAnswer]
    models: list[EntryAnswer]
    attacks: list[AttackInfoAnswer]
    protocols: list[ProtocolAnswer]


class WorkerAnswer(Answer):
    """A worker, as it last described itself: `waiting_for_slot`, `starting`, `idle`,
    `busy`, `disk_full`, `draining` or `drained`.

    `memory_bytes` is the resident memory of its processes.
    """

    id: str
    host: str
    pid: int
    queues: list[str]
    device: str
    version: str
    is_same_version: bool
    state: str
    unit_id: str | None
    memory_bytes: int | None
    is_online: bool
    silent_seconds: float
    started_at: datetime
    beat_at: datetime


class WorkersAnswer(Answer):
    """All workers heard of lately; `version` is that of the service."""

    version: str
    items: list[WorkerAnswer]


class QueueAnswer(Answer):
    """What waits and what runs, over all jobs."""

    ready: dict[str, int]
    waiting: int
    running: int
    workers_online: int


class HealthAnswer(Answer):
    """The process or the service is well."""

    status: Literal["ok"] = "ok"


class ProblemError(Answer):
    """One thing that is wrong with what was sent."""

    pointer: str
    code: str
    detail: str
    suggestion: str | None = None


class Problem(Answer):
    """RFC 9457: what every error looks like."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str
    errors: list[ProblemError] = []
