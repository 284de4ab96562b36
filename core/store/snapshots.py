"""Snapshots in the store: frozen once, read for ever."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.catalog.protocols import Protocol
from core.errors import Conflict, NotFound
from core.paper.snapshot import PAPER, TITLE, paper_content
from core.snapshots.content import Evidence, freeze
from core.spec.canonical import canonical_json, content_hash
from core.store.boards import attacks_beside_board
from core.store.results import counted_results, settings_of
from core.store.session import Store, database_now
from core.store.tables import SnapshotRow
from core.store.viewers import THE_PUBLIC
from core.tier import Tier


@dataclass(frozen=True)
class SnapshotRecord:
    """A snapshot without its content.

    Attributes:
        sha256: of the content's canonical JSON, in hex.
        num_results: how many results it rests on.
        owner: who froze it; None for the paper's tables, which came with this version of Lethe.
    """

    id: str
    title: str
    protocol: str
    tier: Tier
    sha256: str
    num_results: int
    owner: str | None
    created_at: datetime | None


def load_evidence(session: Session, protocol: Protocol) -> Evidence:
    """What the protocol's public boards rest on now.

    Raises:
        Conflict: nothing has run under the protocol.
    """
    found = [setting for setting, _ in settings_of(session, protocol.id, THE_PUBLIC)]
    settings = tuple(setting for setting in found if setting.is_standard(protocol))
    results = tuple(counted_results(session, settings, protocol, THE_PUBLIC))
    if not results:
        raise Conflict(f"Nothing counts on the board of {protocol.id} yet, so there is nothing to freeze.")
    attacks = attacks_beside_board(session, settings, protocol, THE_PUBLIC)
    return Evidence(protocol, settings, results, attacks)


def create_snapshot(
    store: Store, protocol: Protocol, *, title: str | None, owner: str
) -> tuple[SnapshotRecord, bool]:
    """Freeze the protocol's public board; the snapshot, and whether it is new: a board that has not changed
    is frozen once.

    Raises:
        Conflict: nothing has run under the protocol.
    """
    with store.read() as session:
        evidence = load_evidence(session, protocol)
    content = freeze(evidence)  # takes seconds, so in no transaction
    sha256 = content_hash(content)
    with store.write() as session:
        row = session.scalar(select(SnapshotRow).where(SnapshotRow.sha256 == sha256))
        is_new = row is None
        if row is None:
            now: datetime = session.execute(select(database_now())).scalar_one()
            row = SnapshotRow(
                id=f"snp_{uuid7()}",
                title=title or f"{protocol.title}, {now:%Y-%m-%d}",
                protocol=protocol.id,
                sha256=sha256,
                content=canonical_json(content).decode(),
                num_results=len(content["results"]),
                owner=owner,
                created_at=now,
            )
            session.add(row)
            session.flush()
        return _record(row), is_new


def list_snapshots(
    session: Session, *, limit: int, before: str | None = None, protocol: str | None = None
) -> list[SnapshotRecord]:
    """Snapshots, newest first; `before` is the id of the last one of the previous page."""
    columns = [getattr(SnapshotRow, name) for name in SnapshotRecord.__dataclass_fields__ if name != "tier"]
    query = select(*columns).order_by(SnapshotRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(SnapshotRow.id < before)
    if protocol is not None:
        query = query.where(SnapshotRow.protocol == protocol)
    return [_record(row) for row in session.execute(query)]


def get_snapshot(session: Session, snapshot_id: str) -> tuple[SnapshotRecord, str]:
    """One snapshot and its content as canonical JSON; `paper` is the paper's tables.

    Raises:
        NotFound: nothing has this id.
    """
    if snapshot_id == PAPER:
        return paper_record(), canonical_json(paper_content()).decode()
    row = session.get(SnapshotRow, snapshot_id)
    if row is None:
        raise NotFound("snapshot", snapshot_id)
    return _record(row), row.content


def snapshot_content(session: Session, snapshot_id: str) -> dict[str, Any]:
    """A snapshot's content.

    Raises:
        NotFound: nothing has this id.
    """
    content: dict[str, Any] = json.loads(get_snapshot(session, snapshot_id)[1])
    return content


def paper_record() -> SnapshotRecord:
    """The reference snapshot: the paper's own tables."""
    return SnapshotRecord(
        id=PAPER,
        title=TITLE,
        protocol=PAPER,
        tier=Tier.PUBLISHED,
        sha256=content_hash(paper_content()),
        num_results=0,
        owner=None,
        created_at=None,
    )


def _record(row: Any) -> SnapshotRecord:  # noqa: ANN401 - a SnapshotRow, or its columns without the content
    return SnapshotRecord(
        id=row.id,
        title=row.title,
        protocol=row.protocol,
        tier=Tier.RUN_HERE,
        sha256=row.sha256,
        num_results=row.num_results,
        owner=row.owner,
        created_at=row.created_at,
    )
