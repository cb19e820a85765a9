"""The bench site as one ASGI application: pages, pictures, a web font, and an API that takes its time."""

from __future__ import annotations

import asyncio
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .pages import KINDS, PHOTOGRAPHS, SitePage, site_pages
from .photographs import SIZES, photograph
from .regressions import REGRESSIONS

_FOLDER: Final = Path(__file__).parent
_CACHED: Final = {"Cache-Control": "public, max-age=3600"}
_RELEASE: Final = "bench"


def web_font() -> bytes | None:
    """The font Geist (SIL Open Font License) out of the installed Prefect package, or None when it has moved."""
    spec = find_spec("prefect")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "server").glob("ui*/fonts/Geist-Variable*.ttf"))
    return found[0].read_bytes() if found else None


def create_app(pages: int = len(KINDS), regressions: frozenset[str] = frozenset(), slow_ms: int = 0) -> Starlette:
    """So many pages, with these regressions; `slow_ms` more for each API call, a quarter for pictures and font."""
    site = _Site(site_pages(pages), regressions, slow_ms / 1000)
    return Starlette(
        routes=[
            Route("/version.json", site.version),
            Route("/favicon.ico", site.icon),
            Route("/pages/{name}", site.page),
            Route("/frames/{name}", site.frame),
            Route("/static/{name}", site.static),
            Route("/photos/{number:int}-{width:int}x{height:int}.{kind}", site.photo),
            Route("/fonts/site.ttf", site.font),
            Route("/api/{topic}/{number:int}", site.api),
        ]
    )


def draw_everything() -> None:
    """Compute every photograph, so that the first visitor waits no longer than the second."""
    for number in range(PHOTOGRAPHS):
        for width, height in SIZES:
            for kind in ("jpg", "webp"):
                photograph(number, width, height, kind)


class _Site:
    def __init__(self, pages: list[SitePage], regressions: frozenset[str], slow: float) -> None:
        self._pages = {page.name: page for page in pages}
        self._regressions = regressions
        self._slow = slow
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._font = web_font()
        self._static = {path.name: path.read_text(encoding="utf-8") for path in (_FOLDER / "static").iterdir()}

    def _source(self, name: str) -> str:
        page = self._pages[name]
        source = self._templates.get_template("page.html").render(
            page=page, sections=page.sections(), kinds=list(KINDS), has_font=self._font is not None
        )
        for wanted in sorted(self._regressions):
            if REGRESSIONS[wanted].page == name:
                source = REGRESSIONS[wanted].apply(source)
        return source

    async def page(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._pages:
            raise HTTPException(404)
        return HTMLResponse(self._source(name))

    async def frame(self, request: Request) -> Response:
        return HTMLResponse(self._templates.get_template("frame.html").render(name=request.path_params["name"]))

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._static:
            raise HTTPException(404)
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return Response(self._static[name], media_type=kind, headers=_CACHED)

    async def photo(self, request: Request) -> Response:
        given = request.path_params
        size, kind = (given["width"], given["height"]), given["kind"]
        if size not in SIZES or kind not in {"jpg", "webp"} or given["number"] >= PHOTOGRAPHS:
            raise HTTPException(404)
        await asyncio.sleep(self._slow / 4)
        media_type = {"jpg": "image/jpeg", "webp": "image/webp"}[kind]
        return Response(photograph(given["number"], *size, kind), media_type=media_type, headers=_CACHED)

    async def font(self, request: Request) -> Response:
        if self._font is None:
            raise HTTPException(404)
        await asyncio.sleep(self._slow / 4)
        return Response(self._font, media_type="font/ttf", headers=_CACHED)

    async def api(self, request: Request) -> Response:
        """Figures that follow from the address, after 20 to 80 ms that follow from it too."""
        seed = zlib.crc32(request.url.path.encode())
        await asyncio.sleep(0.020 + seed % 61 / 1000 + self._slow)
        return JSONResponse(
            [{"label": f"Figure {place}", "value": seed // 7**place % 900 + 100} for place in range(1, 5)],
            headers={"Cache-Control": "no-store"},
        )

    async def version(self, request: Request) -> Response:
        return JSONResponse({"commit": _RELEASE})

    async def icon(self, request: Request) -> Response:
        return Response(status_code=204)
