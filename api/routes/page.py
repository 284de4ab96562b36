"""What no endpoint answers: the built page, for every path that it routes itself, its files, and refusals."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api.dependencies import SettingsDep

router = APIRouter(include_in_schema=False)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
NOT_BUILT = (
    "<!doctype html><title>Lethe</title><p>The page is not built. Run <code>make page</code>. "
    "The API is at <a href='/docs'>/docs</a>."
)
IMMUTABLE = {
    "Cache-Control": "public, max-age=31536000, immutable"
}  # built files carry their hash in the name


@router.api_route("/api/{path:path}", methods=METHODS)
def refuse(request: Request) -> Response:
    """Say that an endpoint has other methods, and which, or that there is none."""
    endpoints = request.app.openapi()["paths"].items()
    here = [methods for path, methods in endpoints if compile_path(path)[0].match(request.url.path)]
    if here:
        allowed = sorted({method.upper() for methods in here for method in methods})
        detail = f"it has {', '.join(allowed)}, not {request.method}"
        raise HTTPException(405, detail, headers={"Allow": ", ".join(allowed)})
    raise HTTPException(404, "there is no such endpoint; they are listed at /docs")


@router.get("/{path:path}")
def get_page(path: str, settings: SettingsDep) -> Response:
    """A built file, or the page."""
    root = settings.page_dir.resolve()
    wanted = (root / path).resolve()
    if path and wanted.is_relative_to(root) and wanted.is_file():
        return FileResponse(wanted, headers=IMMUTABLE if "assets" in wanted.parts else None)
    if Path(path).suffix:
        raise HTTPException(404, "there is no such file")
    index = root / "index.html"
    if not index.is_file():
        return HTMLResponse(NOT_BUILT)
    return FileResponse(index, headers={"Cache-Control": "no-cache"})
