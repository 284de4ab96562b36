"""Who sees what: a private job, its units and its results are its owner's and the administrators'."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select, true

from core.store.tables import JobRow, JobUnitRow

PUBLIC = "public"


@dataclass(frozen=True)
class Viewer:
    """Somebody who reads the store; `owner` is None for the public."""

    owner: str | None = None
    sees_all: bool = False

    def sees(self, visibility: str, owner: str) -> bool:
        """Whether a job with this visibility and owner is shown."""
        return self.sees_all or visibility == PUBLIC or owner == self.owner


THE_PUBLIC = Viewer()
EVERYTHING = Viewer(sees_all=True)


def visible_job(viewer: Viewer) -> Any:  # noqa: ANN401 - an SQL condition on JobRow
    """The job is shown to the viewer."""
    if viewer.sees_all:
        return true()
    return (JobRow.visibility == PUBLIC) | (JobRow.owner == viewer.owner)


def in_visible_job(viewer: Viewer, unit_id: Any) -> Any:  # noqa: ANN401 - a column, an SQL condition
    """Some job that is shown to the viewer needs the unit."""
    if viewer.sees_all:
        return true()
    return exists(
        select(1)
        .select_from(JobUnitRow)
        .join(JobRow, JobRow.id == JobUnitRow.job_id)
        .where(JobUnitRow.unit_id == unit_id, visible_job(viewer))
    )
