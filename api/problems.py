"""Errors as problem+json (RFC 9457): one table from our exceptions, one last resort that leaks nothing."""

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from uuid6 import uuid7

from api.schemas import Problem, ProblemError
from core.errors import (
    Conflict,
    DatasetMissing,
    Forbidden,
    KeyRefused,
    KeyReused,
    LetheError,
    NotFound,
    SpecInvalid,
    StoreNotReady,
)

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
TABLE: dict[type[LetheError], tuple[int, str, str]] = {
    SpecInvalid: (422, "invalid_spec", "The request is not valid"),
    DatasetMissing: (422, "dataset_missing", "A dataset is not there"),
    KeyRefused: (401, "key_refused", "A key is needed"),
    Forbidden: (403, "forbidden", "That is not allowed"),
    NotFound: (404, "not_found", "There is no such thing"),
    Conflict: (409, "conflict", "That cannot be done now"),
    KeyReused: (409, "idempotency_key_reused", "The key was used for something else"),
    StoreNotReady: (503, "store_not_ready", "The database is not ready"),
}
DECLARED = {
    status: {"model": Problem, "description": "A problem", "content": {MEDIA_TYPE: {}}}
    for status in (401, 403, 404, 405, 409, 413, 422, 500, 503)
}


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(LetheError, _lethe_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def problem_response(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    errors: list[ProblemError] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """One problem document."""
    problem = Problem(
        type=f"/docs/problems#{code}",
        title=title,
        status=status,
        code=code,
        detail=detail,
        instance=request.url.path,
        request_id=request_id(request),
        errors=errors or [],
    )
    return JSONResponse(problem.model_dump(mode="json"), status, headers, MEDIA_TYPE)


def request_id(request: Request) -> str:
    """The id of a request: in its logs, and in a problem that it ends in."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = f"req_{uuid7()}"
    return str(request.state.request_id)


def _lethe_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LetheError)
    known = next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), None)
    if known is None:
        return _unexpected(request, error)
    status, code, title = known
    if isinstance(error, SpecInvalid):
        errors = [ProblemError(**problem.as_dict()) for problem in error.problems]
        detail = f"{len(errors)} problem(s) found; nothing was stored."
        return problem_response(request, status, code, title, detail, errors)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return problem_response(request, status, code, title, str(error), headers=headers)


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    """What FastAPI found wrong with a path or query parameter."""
    assert isinstance(error, RequestValidationError)
    errors = [
        ProblemError(
            pointer="#/" + "/".join(str(step) for step in found["loc"]),
            code=found["type"],
            detail=f"{found['msg']}; got {found.get('input')!r:.100}.",
        )
        for found in error.errors()
    ]
    return problem_response(
        request,
        422,
        "invalid_request",
        "The request is not valid",
        f"{len(errors)} problem(s) found.",
        errors,
    )


def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    code = title.lower().replace(" ", "_").replace("-", "_")
    headers = dict(error.headers) if error.headers else None
    detail = f"{request.method} {request.url.path}: {error.detail}."
    return problem_response(request, error.status_code, code, title, detail, headers=headers)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """The last resort: the traceback goes to the log, not to the client."""
    log.error("request_failed", request_id=request_id(request), path=request.url.path, exc_info=error)
    detail = "Something went wrong here that should not have. Quote the request_id when you report it."
    return problem_response(request, 500, "internal_error", "Internal error", detail)
