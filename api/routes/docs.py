"""The API's own pages: its endpoints, and the problems that it answers. No script, nothing from elsewhere."""

import re
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from api.problems import KINDS

router = APIRouter(prefix="/docs", include_in_schema=False)
pages = Environment(
    loader=PackageLoader("api", "pages"), autoescape=select_autoescape(), undefined=StrictUndefined
)


def marked(text: str) -> Markup:
    """A text of ours as HTML: what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just here


pages.filters["marked"] = marked


@router.get("")
def get_docs(request: Request) -> HTMLResponse:
    """Every endpoint by what it is about, as the OpenAPI document tells it."""
    document: dict[str, Any] = request.app.openapi()
    operations = [
        {"description": "", "parameters": [], "tags": ["service"], **operation}
        | {"method": method.upper(), "path": path}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for operation in operations:
        operation["parameters"] = [{"description": "", **found} for found in operation["parameters"]]
    operations.sort(key=_tag)  # stable: within a tag they stay as they are declared
    return _page(
        request,
        "api.html",
        title="API",
        tags={tag: list(found) for tag, found in groupby(operations, _tag)},
        summary=document["info"]["summary"],
        address=request.base_url,
    )


def _tag(operation: dict[str, Any]) -> str:
    return str(operation["tags"][0])


@router.get("/problems")
def get_problems(request: Request) -> HTMLResponse:
    """Every code that a problem document can carry."""
    return _page(request, "problems.html", title="Problems", kinds=KINDS.values())


@router.get("/style.css")
def get_style() -> Response:
    """How these pages look."""
    return Response(pages.get_template("style.css").render(), media_type="text/css")


def _page(request: Request, name: str, **values: Any) -> HTMLResponse:  # noqa: ANN401 - what templates show
    return HTMLResponse(pages.get_template(name).render(openapi=request.app.openapi_url, **values))
