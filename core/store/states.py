"""States and reasons, as the store keeps them and the API shows them."""

from enum import StrEnum


class UnitState(StrEnum):
    """The life of a unit."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobState(StrEnum):
    """The life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkerState(StrEnum):
    """What a worker does."""

    WAITING_FOR_SLOT = "waiting_for_slot"
    STARTING = "starting"
    DISK_FULL = "disk_full"
    IDLE = "idle"
    BUSY = "busy"
    DRAINING = "draining"
    DRAINED = "drained"


class FailureClass(StrEnum):
    """Why a unit failed; only the first three are tried again, until they have become the quarantine.

    A worker that goes silent, `worker_lost`, says little of the unit that it had; a runner that dies,
    `infra_lost`, may well have died of it.
    """

    WORKER_LOST = "worker_lost"
    INFRA_LOST = "infra_lost"
    OOM = "oom"
    TIMEOUT = "timeout"
    USER_CODE = "user_code"
    BAD_SPEC = "bad_spec"
    QUARANTINED = "quarantined"
    DEPENDENCY_FAILED = "dependency_failed"


class DeliveryState(StrEnum):
    """The life of a message for a webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


METHODS_FAULT = frozenset({FailureClass.USER_CODE, FailureClass.TIMEOUT})
RETRIED = frozenset({FailureClass.WORKER_LOST, FailureClass.INFRA_LOST, FailureClass.OOM})
OPEN_UNIT = (UnitState.WAITING, UnitState.READY, UnitState.RUNNING)
LIVE_JOB = (JobState.QUEUED, JobState.RUNNING)  # it still wants its units
OPEN_JOB = (*LIVE_JOB, JobState.CANCELLING)
FINAL_JOB = tuple(state for state in JobState if state not in OPEN_JOB)
