"""Snapshots: freeze a board, read it back as it was, and see what has moved since."""

import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from api.access import AdminDep
from api.boards import DEFAULT_PROTOCOL, ProtocolQuery, protocol_named
from api.caching import NOT_MODIFIED, IfNoneMatch, KeptAnswers, cached
from api.dependencies import PAGED, CatalogueDep, CursorDep, KeptAnswersDep, LimitDep, NextCursorDep, StoreDep
from api.problems import DECLARED
from api.snapshot_schemas import (
    SnapshotAnswer,
    SnapshotDetail,
    SnapshotDifference,
    SnapshotPage,
    SnapshotRequest,
)
from core.catalog.protocols import Protocol
from core.paper.snapshot import PAPER
from core.snapshots.content import standing
from core.snapshots.difference import difference
from core.spec.canonical import canonical_json
from core.store import snapshots
from core.store.results import versions_of
from core.store.snapshots import SnapshotRecord

router = APIRouter(prefix="/snapshots", tags=["snapshots"], responses={422: DECLARED[422]})
NOW = "now"
MADE: dict[str, Any] = {
    "headers": {"Location": {"description": "Where the snapshot is.", "schema": {"type": "string"}}}
}


@router.post(
    "",
    status_code=201,
    operation_id="createSnapshot",
    responses={
        200: {"model": SnapshotAnswer, "description": "The board was frozen before as it is", **MADE},
        201: {"description": "Frozen", **MADE},
        401: DECLARED[401],
        403: DECLARED[403],
        409: DECLARED[409],
    },
)
def create_snapshot(
    request: SnapshotRequest, store: StoreDep, catalogue: CatalogueDep, caller: AdminDep, response: Response
) -> SnapshotAnswer:
    """Freeze the public board of a protocol, by both metrics; 200 where that was done before."""
    protocol = protocol_named(request.protocol, catalogue)
    record, is_new = snapshots.create_snapshot(
        store, protocol, title=request.title, owner=caller.owner or "local"
    )
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/v1/snapshots/{record.id}"
    return SnapshotAnswer.model_validate(record)


@router.get("", operation_id="listSnapshots", responses=PAGED)
def list_snapshots(
    store: StoreDep,
    cursor: CursorDep,
    next_cursor: NextCursorDep,
    protocol: str | None = None,
    limit: LimitDep = 100,
) -> SnapshotPage:
    """Snapshots, newest first; the last page ends with the paper's tables."""
    with store.read() as session:
        found = snapshots.list_snapshots(session, limit=limit + 1, before=cursor, protocol=protocol)
    more = next_cursor(found[limit - 1].id) if len(found) > limit else None
    shown = found[:limit]
    if more is None and protocol in (None, PAPER):
        shown.append(snapshots.paper_record())
    return SnapshotPage(items=[SnapshotAnswer.model_validate(record) for record in shown], next_cursor=more)


@router.get(
    "/{snapshot_id}",
    operation_id="getSnapshot",
    response_model=SnapshotDetail,
    responses={**NOT_MODIFIED, 404: DECLARED[404]},
)
def get_snapshot(snapshot_id: str, store: StoreDep, if_none_match: IfNoneMatch = None) -> Response:
    """A frozen board: ranks, intervals, and the results that it rests on, with their hashes."""
    with store.read() as session:
        record, content = snapshots.get_snapshot(session, snapshot_id)
    about = SnapshotAnswer.model_validate(record).model_dump(mode="json")
    document = json.dumps({**about, "content": json.loads(content)}).encode()
    return cached(document, if_none_match, is_public=True, is_immutable=snapshot_id != PAPER)


@router.get(
    "/{snapshot_id}/content",
    operation_id="getSnapshotContent",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SnapshotContent"}}}},
        **NOT_MODIFIED,
        404: DECLARED[404],
    },
)
def get_snapshot_content(snapshot_id: str, store: StoreDep, if_none_match: IfNoneMatch = None) -> Response:
    """The very bytes that are hashed: `curl … | sha256sum` gives the snapshot's `sha256`."""
    with store.read() as session:
        _, content = snapshots.get_snapshot(session, snapshot_id)
    return cached(content.encode(), if_none_match, is_public=True, is_immutable=snapshot_id != PAPER)


@router.get(
    "/{snapshot_id}/diff",
    operation_id="getSnapshotDiff",
    responses={404: DECLARED[404], 409: DECLARED[409]},
)
def get_snapshot_diff(
    snapshot_id: str,
    store: StoreDep,
    catalogue: CatalogueDep,
    kept: KeptAnswersDep,
    to: Annotated[str, Query(description="Another snapshot, `paper`, or `now`: the board as it is.")] = NOW,
    protocol: ProtocolQuery = DEFAULT_PROTOCOL,
) -> SnapshotDifference:
    """What moved from this snapshot to another one, or until now, row by row, and why.

    `now` is the present board of this snapshot's protocol; seen from the paper's tables, of `protocol`.
    """
    with store.read() as session:
        before, content = snapshots.get_snapshot(session, snapshot_id)
        after: SnapshotRecord | None = None
        if to == NOW:
            rules = protocol_named(protocol if snapshot_id == PAPER else before.protocol, catalogue)
            other = _present(session, kept, rules)
        else:
            after, other = snapshots.get_snapshot(session, to)
    moved = difference(json.loads(content), json.loads(other))
    return SnapshotDifference.model_validate({"before": before, "after": after, **asdict(moved)})


def _present(session: Session, kept: KeptAnswers, protocol: Protocol) -> str:
    """The board as it is, kept until a result of the protocol changes; a diff asks how sure its older side
    was only.
    """

    def make() -> bytes:
        return canonical_json(standing(snapshots.load_evidence(session, protocol)))

    return kept.get(("snapshot", protocol.id, versions_of(session, protocol.id)), make).body.decode()
