"""Errors as problem+json (RFC 9457): one table from our exceptions, one last resort that leaks nothing.

A problem's `type` leads to the page that lists `KINDS`.
"""

import copy
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from uuid6 import uuid7

from api.schemas import Problem, ProblemError
from core.errors import (
    AllowanceSpent,
    Conflict,
    DatasetMissing,
    DeploymentInvalid,
    Forbidden,
    KeyRefused,
    KeyReused,
    LetheError,
    NotFound,
    SpecInvalid,
    StoreNotReady,
    TargetRefused,
)

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
JSON_TYPE = re.compile(r"application/(.+\+)?json")  # what FastAPI parses
PAGE = "/docs/problems"
BUSY_SECONDS = 5


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its code, its usual status, and what to do about it."""

    code: str
    status: int
    title: str
    advice: str


KINDS = {
    kind.code: kind
    for kind in (
        Kind(
            "invalid_spec",
            422,
            "The request is not valid",
            "Each of `errors` points at a place in what was sent and says what is wrong there. "
            "Nothing was stored; mend them all and send it again.",
        ),
        Kind(
            "invalid_request",
            422,
            "The request is not valid",
            "A path, query or header parameter is of the wrong type or out of bounds; `errors` names each.",
        ),
        Kind(
            "dataset_missing",
            422,
            "A dataset is not there",
            "Put the file that is named under the service's data directory, and submit again.",
        ),
        Kind(
            "target_refused",
            422,
            "Nothing is sent there",
            "Name an address that everybody reaches. A service for development sends to its own machine with "
            "LETHE_WEBHOOK_LOOPBACK=true.",
        ),
        Kind("bad_request", 400, "The request cannot be read", "It breaks the rules of HTTP; see `detail`."),
        Kind(
            "key_refused",
            401,
            "A key is needed",
            "Send `Authorization: Bearer lethe_…` with a key that holds; `lethe keys create` makes one.",
        ),
        Kind(
            "forbidden",
            403,
            "That is not allowed",
            "The key holds, but this needs another scope, or the job is another owner's.",
        ),
        Kind(
            "not_found",
            404,
            "There is no such thing",
            "Nothing has this address, or it is private to somebody else. The endpoints are listed at /docs.",
        ),
        Kind("method_not_allowed", 405, "The endpoint has no such method", "`Allow` names those it has."),
        Kind(
            "conflict",
            409,
            "That cannot be done now",
            "The state of the thing forbids it; read it again and decide anew.",
        ),
        Kind(
            "idempotency_key_reused",
            409,
            "The key was used for something else",
            "An Idempotency-Key belongs to one content; send a new key with new content.",
        ),
        Kind(
            "unsupported_media_type",
            415,
            "The body is of another type",
            "Send JSON, with `Content-Type: application/json`.",
        ),
        Kind("body_too_large", 413, "The body is too large", "A job spec has at most a million bytes."),
        Kind(
            "host_refused",
            421,
            "The service does not answer to this name",
            "Call it by `localhost` or `127.0.0.1`; behind a proxy with another name it needs a key: "
            "`lethe keys create NAME --scope admin`.",
        ),
        Kind(
            "rate_limited",
            429,
            "Too many requests",
            "Wait for the seconds that `Retry-After` names; `RateLimit` says beforehand how many are left.",
        ),
        Kind(
            "allowance_spent",
            403,
            "The key has too few device-seconds left",
            "`detail` names what is left and what the job is estimated to take; `GET /api/v1/me` has the "
            "ledger. An administrator grants more with `PATCH /api/v1/keys/{id}`.",
        ),
        Kind(
            "internal_error",
            500,
            "Internal error",
            "A fault of this service; its traceback is in the log under the request's id.",
        ),
        Kind(
            "store_not_ready", 503, "The database is not ready", "Its operator finds what to run in `detail`."
        ),
        Kind(
            "deployment_invalid",
            503,
            "The service cannot work",
            "Its operator finds what to change in `detail`.",
        ),
        Kind(
            "store_busy",
            503,
            "The database does not answer",
            "Nothing was stored. Send it again after the seconds that `Retry-After` names, with the same "
            "Idempotency-Key.",
        ),
        Kind("http_error", 400, "The request was refused", "`status` and `detail` say why."),
    )
}
TABLE: dict[type[LetheError], str] = {
    SpecInvalid: "invalid_spec",
    DatasetMissing: "dataset_missing",
    KeyRefused: "key_refused",
    Forbidden: "forbidden",
    AllowanceSpent: "allowance_spent",
    NotFound: "not_found",
    TargetRefused: "target_refused",
    Conflict: "conflict",
    KeyReused: "idempotency_key_reused",
    DeploymentInvalid: "deployment_invalid",
    StoreNotReady: "store_not_ready",
}
HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
DECLARED = {
    status: {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status in sorted({kind.status for kind in KINDS.values()})
}

PROBLEM_SCHEMA = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
ANYWHERE = (421, 429, 500, 503)  # whatever was asked


def declare_everywhere(document: dict[str, Any], prefix: str, read_raw: Collection[str]) -> None:
    """Add the problems that any request under the prefix may end in to an OpenAPI document.

    Args:
        document: is changed in place.
        prefix: of the paths.
        read_raw: the schemas of bodies that are read whatever type they say they are of.
    """
    for path, methods in document["paths"].items():
        for operation in methods.values():
            statuses = (*ANYWHERE, *_of_body(operation, read_raw))
            for status in statuses if path.startswith(prefix) else ():
                operation["responses"].setdefault(str(status), copy.deepcopy(DECLARED[status]))


def _of_body(operation: dict[str, Any], read_raw: Collection[str]) -> tuple[int, ...]:
    if "requestBody" not in operation:
        return ()
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return (413,) if schema["$ref"].rpartition("/")[2] in read_raw else (413, 415)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(LetheError, _lethe_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DataError, _unstorable)
    app.add_exception_handler(OperationalError, _store_busy)
    app.add_exception_handler(NoConnection, _store_busy)
    app.add_exception_handler(Exception, _unexpected)


def problem_response(
    request: Request,
    code: str,
    detail: str,
    *,
    status: int | None = None,
    errors: list[ProblemError] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """One problem document; its status is the kind's unless another is given."""
    kind = KINDS[code]
    problem = Problem(
        type=f"{PAGE}#{code}",
        title=kind.title,
        status=status or kind.status,
        code=code,
        detail=detail,
        instance=request.url.path,
        request_id=request_id(request),
        errors=errors or [],
    )
    return JSONResponse(problem.model_dump(mode="json"), problem.status, headers, MEDIA_TYPE)


def request_id(request: Request) -> str:
    """The id of a request: in its logs, and in a problem that it ends in."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = f"req_{uuid7()}"
    return str(request.state.request_id)


def _lethe_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LetheError)
    code = next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), None)
    if code is None:
        return _unexpected(request, error)
    if isinstance(error, SpecInvalid):
        errors = [ProblemError(**problem.as_dict()) for problem in error.problems]
        return problem_response(
            request, code, f"{len(errors)} problem(s) found; nothing was stored.", errors=errors
        )
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, KeyRefused) else None
    return problem_response(request, code, str(error), headers=headers)


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    """What FastAPI found wrong with a parameter or a body."""
    assert isinstance(error, RequestValidationError)
    given = request.headers.get("content-type", "")
    is_json = JSON_TYPE.fullmatch(given.partition(";")[0].strip().lower())
    if not is_json and any(found["loc"][0] == "body" for found in error.errors()):
        detail = f"The body must be application/json; its Content-Type is {given or 'not set'}."
        return problem_response(request, "unsupported_media_type", detail)
    errors = [
        ProblemError(
            pointer="#/" + "/".join(str(step) for step in found["loc"]),
            code=found["type"],
            detail=f"{found['msg']}; got {found.get('input')!r:.100}.",
        )
        if found["type"] != "json_invalid"
        else _no_json(f"{found['ctx']['error']} at character {found['loc'][1]}")
        for found in error.errors()
    ]
    return problem_response(request, "invalid_request", f"{len(errors)} problem(s) found.", errors=errors)


def _no_json(why: str) -> ProblemError:
    return ProblemError(pointer="#/body", code="json_invalid", detail=f"The body is no JSON: {why}.")


def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(undecodable := error.__cause__, UnicodeDecodeError):  # FastAPI has a 400 for it
        errors = [_no_json(f"no {undecodable.encoding} at byte {undecodable.start}")]
        return problem_response(request, "invalid_request", "1 problem(s) found.", errors=errors)
    return problem_response(
        request,
        HTTP_CODES.get(error.status_code, "http_error"),
        f"{request.method} {request.url.path}: {error.detail}.",
        status=error.status_code,
        headers=dict(error.headers) if error.headers else None,
    )


def _unstorable(request: Request, error: Exception) -> JSONResponse:
    """PostgreSQL has no text with NUL characters in it, so nothing has such an id."""
    if "NUL" not in str(error):
        return _unexpected(request, error)
    return problem_response(request, "invalid_request", "No text that was sent may contain NUL characters.")


def _store_busy(request: Request, error: Exception) -> JSONResponse:
    """The database is away, or another transaction held it for too long; the transaction left nothing."""
    log.warning("store_busy", path=request.url.path, error=str(error))
    detail = "The database did not answer in time; nothing was stored."
    return problem_response(request, "store_busy", detail, headers={"Retry-After": str(BUSY_SECONDS)})


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """The last resort: the traceback goes to the log, not to the client."""
    log.error("request_failed", request_id=request_id(request), path=request.url.path, exc_info=error)
    detail = "Something went wrong here that should not have. Quote the request_id when you report it."
    return problem_response(request, "internal_error", detail)
