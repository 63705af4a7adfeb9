"""A real server on 127.0.0.1 and a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.chromium import find_chromium
from tests.support.driving import QUIET, App, serve


@pytest.fixture(scope="session")
def torch_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty cache of weights, so that what a test meets does not depend on the machine."""
    return tmp_path_factory.mktemp("torch_home")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory, torch_home: Path) -> Iterator[str]:
    nowhere = "http://127.0.0.1:9"  # no weights can be fetched, whatever network the machine has
    environment = {"TORCH_HOME": str(torch_home), "http_proxy": nowhere, "https_proxy": nowhere}
    process, address = serve(tmp_path_factory.mktemp("server") / "log", environment)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    assert path is not None, "no Chromium: run python -m tests.support.chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 950}, accept_downloads=True)
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def app(page: Page, address: str) -> Iterator[App]:
    """The app, opened by the test; at the end the browser's console must be empty."""
    driven = App(page, address)
    yield driven
    assert driven.complaints == []
