"""The built page: its files, and `index.html` for every path that the page itself routes."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

from api.dependencies import SettingsDep

router = APIRouter(include_in_schema=False)
NOT_BUILT = (
    "<!doctype html><title>Lethe</title><p>The page is not built. Run <code>make page</code>. "
    "The API is at <a href='/docs'>/docs</a>."
)
IMMUTABLE = {
    "Cache-Control": "public, max-age=31536000, immutable"
}  # built files carry their hash in the name


@router.get("/{path:path}")
def get_page(path: str, settings: SettingsDep) -> Response:
    """A built file, or the page."""
    if path.startswith("api/"):
        raise HTTPException(404, "there is no such endpoint; they are listed at /docs")
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
