"""A real Chromium, one for all tests of the page; each test has a server's script and a tab of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.deployments.page.chromium import chromium
from tests.deployments.page.scripted import Script, running

PATIENCE_MS = 5_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: as long as Playwright runs, no other test in this thread can have an event loop."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def url(script: Script) -> Iterator[str]:
    with running(script) as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page, opened; a test fails if a script of it failed, or was refused by the page's own policy."""
    wrong: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if "Policy" in message.text else None)
        page.goto(url)
        yield page
    assert not wrong
