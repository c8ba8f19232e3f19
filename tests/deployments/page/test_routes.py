"""The page's files as HTTP gives them, without a browser."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from deployments.page.routes import FOLDER, add_page

pytestmark = pytest.mark.anyio

FILES = sorted(path.name for path in FOLDER.iterdir())
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    api = FastAPI()
    add_page(api, usd_per_hour=3.43)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("path", ["/", *(f"/assets/{name}" for name in FILES)])
async def test_every_file_comes_under_the_policy_and_is_sent_once(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(TYPES["." + path.partition(".")[2] if "." in path else ".html"])
    again = await client.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for one in (answer, again):
        policy = dict(part.split(" ", 1) for part in one.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/assets/", "/assets/nothing.js", "/assets/../routes.py", "/assets/%2e%2e/routes.py"])
async def test_nothing_but_the_pages_files_is_given(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_the_price_is_told_where_it_is_known(client: httpx.AsyncClient) -> None:
    assert (await client.get("/assets/price.json")).json() == {"usd_per_hour": 3.43}


async def test_the_page_is_no_part_of_the_described_api(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json()["paths"] == {}


def test_every_file_is_used_and_every_used_file_is_there() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    used = set(re.findall(r"(?:assets/|from \"\./)([\w.]+)", "".join(texts.values()))) - {"price.json"}
    assert used == set(FILES) - {"index.html"}


@pytest.mark.parametrize("name", FILES)
def test_no_text_can_become_markup(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function", text
    )
