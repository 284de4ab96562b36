"""Lethe's exceptions.

LetheError
├── SpecInvalid            a job spec names something that does not exist or is out of bounds
├── NotFound               an id that nothing has
├── Conflict               the thing exists, but its state forbids what was asked
├── KeyReused              an idempotency key came again with other content
├── KeyRefused             no key was sent where one is needed, or one that does not hold
├── Forbidden              the key holds, but does not allow this
├── TargetRefused          a webhook leads to where this service sends nothing
├── AllowanceSpent         a job would take more device-seconds than its key may still use
├── PluginInvalid          an installed package declares something we cannot use
├── DatasetMissing         files that belong under the data directory are not there
├── ObservationsInvalid    models' scores or memberships that an attack cannot be run on
├── ForgetSetInvalid       a forget rule takes what is not there, or leaves nothing
├── AttackMissing          a unit names an attack that is not installed where it runs
├── SweepExhausted         a search space holds nothing that may be tried
├── ArtifactMissing        a unit's files are not where its record says
├── ArtifactCorrupt        a unit's files are there, but not what was written
├── ArtifactsFull          there is no space for a unit's files
├── StoreNotReady          the database is unreachable, or at another revision
└── DeploymentInvalid      this machine cannot run what was asked: port taken, directory unwritable …
"""

from dataclasses import asdict, dataclass


class LetheError(Exception):
    """Base of all errors that Lethe raises on purpose; the message is written for people."""


@dataclass(frozen=True)
class SpecProblem:
    """One thing that is wrong with a submitted document.

    `pointer` is an RFC 6901 JSON pointer in its URI-fragment form (`#/settings/0/dataset`).
    """

    pointer: str
    code: str
    detail: str
    suggestion: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """The problem as plain JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """The problem in one line of text."""
        hint = f" Did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"{self.pointer}: {self.detail}{hint}"


class SpecInvalid(LetheError):
    """A job spec was refused whole; `problems` says where and why."""

    def __init__(self, problems: list[SpecProblem]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"The job spec is not valid ({len(problems)} problem(s)):\n{lines}")


class NotFound(LetheError):
    """Nothing has this id."""

    def __init__(self, kind: str, identity: str) -> None:
        self.kind = kind
        self.identity = identity
        super().__init__(f"There is no {kind} {identity!r}.")


class Conflict(LetheError):
    """The state of the thing forbids what was asked of it."""


class KeyReused(LetheError):
    """An idempotency key came again with other content."""


class KeyRefused(LetheError):
    """No key was sent where one is needed, or one that does not hold."""


class Forbidden(LetheError):
    """Whoever asks is known, and may not do this."""


class TargetRefused(LetheError):
    """A webhook's target is not a public address; the message names it."""


class AllowanceSpent(LetheError):
    """A job would take more device-seconds than its key has left."""

    def __init__(self, key_id: str, *, left: float, estimated: float | None) -> None:
        takes = (
            "nobody can tell yet what the job takes"
            if estimated is None
            else (f"the job is estimated to take {estimated:,.0f}")
        )
        super().__init__(
            f"The key {key_id} has {left:,.0f} device-seconds left, open jobs counted; {takes}. "
            "Wait for refunds, cancel jobs, ask for less, or ask an administrator for more."
        )


class PluginInvalid(LetheError):
    """An entry point of an installed package cannot be used; the message names the package."""


class DatasetMissing(LetheError):
    """A dataset's files are absent; the message names the file and where it belongs."""


class DatasetInvalid(LetheError):
    """A dataset's files are truncated, of another dataset, or lack a class."""


class UnlearnerMissing(LetheError):
    """A unit names an unlearner that is not installed where it runs."""


class AttackMissing(LetheError):
    """A unit names an attack that is not installed where it runs."""


class SetWithheld(LetheError):
    """A method reads a set that its declaration does not name."""


class ModelUnsuitable(LetheError):
    """A method meets an architecture that it cannot work on; the message names the layer."""


class ObservationsInvalid(LetheError):
    """An attack cannot be run on these scores or memberships; the message says which and why."""


class ForgetSetInvalid(LetheError):
    """A forget rule takes samples that are not there, or leaves none."""


class SweepExhausted(LetheError):
    """A sweep finds nothing in its search space that it may try."""


class ArtifactMissing(LetheError):
    """The files of a finished unit are gone; `unit_id` made them."""

    def __init__(self, unit_id: str) -> None:
        self.unit_id = unit_id
        super().__init__(f"The artifact of unit {unit_id} is missing; the unit must run again.")


class ArtifactCorrupt(LetheError):
    """The files of a finished unit are not what was written; `unit_id` made them."""

    def __init__(self, unit_id: str, reason: str) -> None:
        self.unit_id = unit_id
        super().__init__(f"The artifact of unit {unit_id} is corrupt ({reason}); the unit must run again.")


class ArtifactsFull(LetheError):
    """There is no space for a unit's files; `needed_bytes` is how much they need."""

    def __init__(self, place: str, needed_bytes: int) -> None:
        self.needed_bytes = needed_bytes
        super().__init__(
            f"There is no space for {needed_bytes:,} bytes in {place}. Make room there; "
            "LETHE_MIN_FREE_GB is what stays free, LETHE_ARTIFACTS_BUDGET_GB how large artifacts may get."
        )


class StoreNotReady(LetheError):
    """The database cannot be used as it is; the message says what to run."""


class DeploymentInvalid(LetheError):
    """This machine, port or directory cannot serve; the message says what to change."""
