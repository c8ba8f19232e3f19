"""The page's files under the API's own origin. Nothing else may be loaded or run by it."""

from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""https://www.w3.org/TR/CSP3/. The page shows what a model wrote: should it ever become markup, it does nothing."""
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",  # ask each time; the answer is a 304 while the ETag is the same
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def add_page(api: FastAPI, usd_per_hour: float) -> None:
    """`usd_per_hour`: the price of one engine; 0 where none is known, and the page then says nothing of cost."""
    files = StaticFiles(directory=FOLDER)

    async def file(path: str, request: Request) -> Response:
        answer = await files.get_response(path, request.scope)
        answer.headers.update(_HEADERS)
        return answer

    @api.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return await file("index.html", request)

    @api.get("/assets/price.json", include_in_schema=False)
    async def price() -> dict[str, float]:
        return {"usd_per_hour": usd_per_hour}

    @api.get("/assets/{path:path}", include_in_schema=False)
    async def asset(path: str, request: Request) -> Response:
        return await file(path, request)
