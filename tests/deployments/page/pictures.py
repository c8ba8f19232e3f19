"""`python -m tests.deployments.page.pictures` writes docs/page/: pictures of the page in a real browser."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.deployments.page.chromium import chromium
from tests.deployments.page.scripted import Script, running
from tests.deployments.page.story import EXAMPLE, PROMPT

FOLDER = Path("docs/page")
DESKTOP = {"width": 1280, "height": 1500}
PHONE = {"width": 360, "height": 1500}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        picture(browser, "light", viewport=DESKTOP, color_scheme="light")
        picture(browser, "dark", viewport=DESKTOP, color_scheme="dark")
        picture(browser, "phone", viewport=PHONE, color_scheme="light")
        picture(browser, "streaming", whole=False, viewport={"width": 1280, "height": 1000}, color_scheme="light")


def picture(browser: Browser, name: str, *, whole: bool = True, **looks: Any) -> None:
    """An answer, whole or on its way."""
    script = Script()
    if not whole:
        script.holds_after = [told for told, _ in script.events].index("candidate.done") + 2
    with running(script) as url, browser.new_context(**looks, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(url)
        page.get_by_role("textbox", name="Request").fill(PROMPT)
        page.get_by_label("Examples").fill(EXAMPLE)
        page.get_by_role("button", name="Lift").click()
        page.get_by_role("tab", name="Chosen" if whole else "2").wait_for()
        page.wait_for_timeout(1_500)
        page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
