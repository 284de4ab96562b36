"""What may be asked of jobs once they are submitted, and the API's answers to it."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from api.schemas import Answer, JobAnswer


class JobChange(Answer):
    """What to change about a job; what is left out stays."""

    label: Annotated[str | None, Field(max_length=200, pattern=r"^[^\x00]*$")] = None
    priority: Annotated[StrictInt | None, Field(ge=-10, le=10, description="Above 0 for administrators.")] = (
        None
    )
    visibility: Literal["public", "private"] | None = None


class BulkCancelRequest(Answer):
    """Which jobs to stop."""

    ids: Annotated[list[str], Field(min_length=1, max_length=100)]


class RefusedAnswer(Answer):
    """A job that was not stopped, and why."""

    id: str
    detail: str


class BulkCancelAnswer(Answer):
    """What became of each job that was to be stopped."""

    cancelled: list[JobAnswer]
    refused: list[RefusedAnswer]
