"""A headless browser without a network, and what it complains of."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

REQUIRED = "CLUSTERGRAPH_TEST_BROWSER"  # set where the tests in a browser may not be skipped
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = f"there is no Chromium here (apt-get install chromium); {REQUIRED} is not set, so that is allowed"


def may_skip() -> bool:
    return CHROMIUM is None and not os.environ.get(REQUIRED)


@contextmanager
def launch() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, f"there is no Chromium, but {REQUIRED} asks for it"
    # As root, Chromium's own sandbox cannot be set up.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_file(
    browser: Browser, path: Path, *, fragment: str = "", watched: bool = True, **options: Any
) -> Iterator[Page]:
    """Open a file with no network; whatever the browser complains of or asks for fails the test.

    Args:
        browser: to open it in.
        path: of the file.
        fragment: what comes after it in the address.
        watched: False where the test itself sees to what the browser says.
        **options: of the context, in Playwright's words.
    """
    complaints: list[str] = []
    context = browser.new_context(offline=True, **options)
    try:
        page = context.new_page()
        page.set_default_timeout(20_000)
        address = path.as_uri()
        page.on("console", lambda said: complaints.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.split("#")[0] == address or asked.url.startswith("blob:")
                else complaints.append(f"request: {asked.url}")
            ),
        )
        page.goto(address + fragment)
        page.wait_for_selector("#list h1", state="attached")
        yield page
        page.wait_for_timeout(50)
        assert not (watched and complaints)
    finally:
        context.close()
