"""The files that a local run leaves: boards, results of every seed, trials, and a manifest of them all."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.board import Board, Metric
from core.export import FORMATS, as_csv, render, summary_document
from core.places import setting_document
from core.plan import PlannedUnit
from core.spec.job import JobSpec
from core.spec.resolve import ResolvedJob
from core.store import attacks, results, trials
from core.store.job_boards import fresh_summaries
from core.store.jobs import JobId
from core.store.places import placed
from core.store.session import Store

MANIFEST = "manifest.json"


def write_outputs(
    out: Path,
    store: Store,
    job_id: JobId,
    spec: JobSpec,
    job: ResolvedJob,
    planned: Sequence[PlannedUnit],
    boards: Mapping[Metric, Board],
    unranked: Sequence[str],
) -> list[str]:
    """Write everything that there is to know of a job; the names of the files. Those of another job that were
    there, and that this one does not have, are taken away.

    `unranked` is what of the boards the protocol's own would not rank.
    """
    places = {cell.setting.id: setting_document(cell.setting) for cell in job.cells}
    with store.read() as session:
        found = results.job_results(session, job_id)
        rows = placed(session, [record for _, record in found])
        tried = trials.job_trials(session, job_id)
        attempts = placed(session, [attempt for _, attempts in tried for attempt in attempts])
        fresh = [
            {"metric": metric.value, **places[summary.setting], **summary_document(summary)}
            for metric, summaries in fresh_summaries(session, job_id, job, planned).items()
            for summary in summaries
        ]
        attacked = placed(session, attacks.job_attacks(session, job_id))
    files = {
        f"{metric}.{info.extension}": render(board, export_format)
        for metric, board in boards.items()
        for export_format, info in FORMATS.items()
    }
    files |= _tables("fresh_seeds", fresh) if fresh else {}
    files |= _tables("attacks", attacked) if attacked else {}
    files |= _tables("results", rows) | (_tables("trials", attempts) if attempts else {})
    for name in _listed(out / MANIFEST) - files.keys():
        (out / name).unlink(missing_ok=True)
    for name, content in files.items():
        (out / name).write_text(content, encoding="utf-8")
    (out / MANIFEST).write_text(_json(_manifest(files, spec, job, unranked)), encoding="utf-8")
    return [*files, MANIFEST]


def _listed(manifest: Path) -> set[str]:
    """The files that an earlier run says it wrote, of the names that runs give theirs."""
    try:
        names = set(json.loads(manifest.read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {name for name in names if re.fullmatch(r"[a-z_]+\.[a-z]+", name)}


def _tables(name: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    return {f"{name}.json": _json(rows), f"{name}.csv": as_csv(rows)}


def _manifest(
    files: Mapping[str, str], spec: JobSpec, job: ResolvedJob, unranked: Sequence[str]
) -> dict[str, Any]:
    """What was asked for, what it meant, and the checksum of every file that answers it."""
    return {
        "lethe": version("lethe"),
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "spec": spec.model_dump(mode="json"),
        "resolved_sha256": job.sha256,
        "resolved": job.model_dump(mode="json"),
        "unranked_by_protocol": list(unranked),
        "settings": {cell.setting.id: setting_document(cell.setting) for cell in job.cells},
        "files": {
            name: {
                "sha256": hashlib.sha256(content.encode()).hexdigest(),
                "size_bytes": len(content.encode()),
            }
            for name, content in files.items()
        },
    }


def _json(document: Any) -> str:  # noqa: ANN401 - whatever is plain JSON, and times
    return json.dumps(document, indent=2, default=str, allow_nan=False) + "\n"
