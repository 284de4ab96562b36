"""The API's own pages: its endpoints, and the problems that it answers. No script, nothing from elsewhere."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from api.problems import KINDS

router = APIRouter(prefix="/docs", include_in_schema=False)
pages = Environment(
    loader=PackageLoader("api", "pages"), autoescape=select_autoescape(), undefined=StrictUndefined
)


@router.get("")
def get_docs(request: Request) -> HTMLResponse:
    """Every endpoint, as the OpenAPI document tells it."""
    document: dict[str, Any] = request.app.openapi()
    operations = [
        {"description": "", "parameters": [], **operation, "method": method.upper(), "path": path}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for operation in operations:
        operation["parameters"] = [{"description": "", **found} for found in operation["parameters"]]
    return _page(request, "api.html", title="API", operations=operations, summary=document["info"]["summary"])


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
