"""Results that were measured elsewhere: imported whole, shown apart, never ranked."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.access import SubmitterDep
from api.dependencies import PAGED, CatalogueDep, CursorDep, LimitDep, NextCursorDep, RawBodyDep, StoreDep
from api.problems import DECLARED
from api.self_report_schemas import SelfReportAnswer, SelfReportDetail, SelfReportPage
from core.catalog.protocols import Protocol
from core.export import as_csv
from core.self_reports import SelfReport, parse_csv, parse_json, reported_cells
from core.store import self_reports
from core.store.self_reports import SelfReportRecord
from core.tier import Tier

router = APIRouter(prefix="/self-reported", tags=["self-reported"], responses={422: DECLARED[422]})
CSV = "text/csv"
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/SelfReport"}},
            CSV: {"schema": {"type": "string", "description": "One line per model, columns as in JSON."}},
        },
    }
}
MADE = {
    "description": "Kept",
    "headers": {"Location": {"description": "Where the report is.", "schema": {"type": "string"}}},
}
SELF_REPORT_SCHEMA = SelfReport.model_json_schema(ref_template="#/components/schemas/{model}")

AboutQuery = Annotated[str | None, Query(description="With CSV, which has no place for it.")]


@router.post(
    "",
    status_code=201,
    operation_id="importResults",
    openapi_extra=BODY,
    responses={201: MADE, 401: DECLARED[401], 403: DECLARED[403]},
)
def import_results(
    request: Request,
    body: RawBodyDep,
    store: StoreDep,
    catalogue: CatalogueDep,
    caller: SubmitterDep,
    response: Response,
    protocol: AboutQuery = None,
    origin: AboutQuery = None,
    link: AboutQuery = None,
    contact: AboutQuery = None,
    measured_on: AboutQuery = None,
) -> SelfReportAnswer:
    """Import results, as JSON or CSV; refused whole where anything is wrong with them."""
    if request.headers.get("content-type", "").startswith(CSV):
        about = {"protocol": protocol, "origin": origin, "link": link, "contact": contact}
        about |= {"measured_on": measured_on}
        given = {name: value for name, value in about.items() if value is not None}
        report = parse_csv(body, given, catalogue)
    else:
        report = parse_json(body, catalogue)
    with store.write() as session:
        record = self_reports.add_report(session, report, owner=str(caller.owner))
    response.headers["Location"] = f"/api/v1/self-reported/{record.id}"
    return SelfReportAnswer.model_validate(_answer(record, catalogue.protocols))


@router.get(
    "",
    operation_id="listSelfReported",
    response_model=SelfReportPage,
    responses={200: {"content": {CSV: {}}, **PAGED[200]}},
)
def list_self_reported(
    response: Response,
    store: StoreDep,
    catalogue: CatalogueDep,
    cursor: CursorDep,
    next_cursor: NextCursorDep,
    protocol: str | None = None,
    dataset: str | None = None,
    model: str | None = None,
    format: Annotated[str, Query(pattern="^(json|csv)$")] = "json",
    limit: LimitDep = 100,
) -> Response:
    """What others say they measured, newest first; CSV has a line per unlearner and setting."""
    with store.read() as session:
        found = self_reports.list_reports(session, limit=limit + 1, before=cursor, protocol=protocol)
    more = next_cursor(found[limit - 1].id) if len(found) > limit else None
    items = [_answer(record, catalogue.protocols) for record in found[:limit]]
    for item in items:
        item["cells"] = [
            cell
            for cell in item["cells"]
            if dataset in (None, cell["dataset"]) and model in (None, cell["model"])
        ]
    items = [item for item in items if item["cells"]]
    if format == "csv":
        lines = [{**item, **cell} for item in items for cell in item.pop("cells")]
        return Response(as_csv(lines), media_type=CSV, headers=dict(response.headers))
    page = SelfReportPage.model_validate({"items": items, "next_cursor": more})
    return Response(page.model_dump_json(), media_type="application/json", headers=dict(response.headers))


@router.get("/{report_id}", operation_id="getSelfReported", responses={404: DECLARED[404]})
def get_self_reported(report_id: str, store: StoreDep, catalogue: CatalogueDep) -> SelfReportDetail:
    """One report, with every model's metrics."""
    with store.read() as session:
        record = self_reports.get_report(session, report_id)
    answer = _answer(record, catalogue.protocols)
    return SelfReportDetail.model_validate({**answer, "results": record.report.results})


@router.delete(
    "/{report_id}",
    status_code=204,
    operation_id="deleteSelfReported",
    responses={401: DECLARED[401], 403: DECLARED[403], 404: DECLARED[404]},
)
def delete_self_reported(report_id: str, store: StoreDep, caller: SubmitterDep) -> None:
    """Withdraw a report; its owner and administrators may."""
    with store.write() as session:
        record = self_reports.get_report(session, report_id)
        caller.require_ownership(f"Self-report {report_id}", record.owner)
        self_reports.delete_report(session, report_id)


def _answer(record: SelfReportRecord, protocols: Mapping[str, Protocol]) -> dict[str, Any]:
    report = record.report
    return {
        "id": record.id,
        "tier": Tier.SELF_REPORTED,
        **report.model_dump(exclude={"results"}),
        "owner": record.owner,
        "created_at": record.created_at,
        "cells": [asdict(cell) for cell in reported_cells(report, protocols[report.protocol])],
    }
