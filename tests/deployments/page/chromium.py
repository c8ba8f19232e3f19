"""A real Chromium, by Playwright."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The one that `make test` has put beside Python, or that is on PATH."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("chromium", path=beside) or shutil.which("chromium")
    if not found:
        raise FileNotFoundError(f"chromium is missing: run `make {Path(sys.prefix).name}/bin/chromium`")
    with sync_playwright() as playwright:
        # Its own sandbox does not start as root. It opens no page but ours.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()
