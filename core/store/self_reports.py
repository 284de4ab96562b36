"""Self-reported results in the store, away from those that were run here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.errors import NotFound
from core.self_reports import SelfReport
from core.store.session import changed, database_now
from core.store.tables import SelfReportRow


@dataclass(frozen=True)
class SelfReportRecord:
    """A report, and who imported it when."""

    id: str
    owner: str
    created_at: datetime
    report: SelfReport


def add_report(session: Session, report: SelfReport, *, owner: str) -> SelfReportRecord:
    """Keep a report."""
    row = SelfReportRow(
        id=f"rep_{uuid7()}",
        protocol=report.protocol,
        report=report.model_dump(mode="json", exclude_none=True),
        owner=owner,
        created_at=session.execute(select(database_now())).scalar_one(),
    )
    session.add(row)
    session.flush()
    return _record(row)


def list_reports(
    session: Session, *, limit: int, before: str | None = None, protocol: str | None = None
) -> list[SelfReportRecord]:
    """Reports, newest first; `before` is the id of the last one of the previous page."""
    query = select(SelfReportRow).order_by(SelfReportRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(SelfReportRow.id < before)
    if protocol is not None:
        query = query.where(SelfReportRow.protocol == protocol)
    return [_record(row) for row in session.scalars(query)]


def get_report(session: Session, report_id: str) -> SelfReportRecord:
    """One report.

    Raises:
        NotFound: nothing has this id.
    """
    row = session.get(SelfReportRow, report_id)
    if row is None:
        raise NotFound("self-report", report_id)
    return _record(row)


def delete_report(session: Session, report_id: str) -> None:
    """Withdraw a report, with all of its results."""
    changed(session, delete(SelfReportRow).where(SelfReportRow.id == report_id))


def _record(row: SelfReportRow) -> SelfReportRecord:
    return SelfReportRecord(row.id, row.owner, row.created_at, SelfReport.model_validate(row.report))
