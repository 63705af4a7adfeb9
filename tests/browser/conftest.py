"""A real server on 127.0.0.1, shared by all workers of a run, and a real Chromium for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.browser.chromium import find_chromium
from tests.support.browser.driving import QUIET, RUNNING, App
from tests.support.browser.server import shared_server


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the app answers. It has an empty cache of weights, so that what a test meets does not depend on the machine."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "server"
    nowhere = "http://127.0.0.1:9"  # no weights can be fetched, whatever network the machine has
    environment = {"TORCH_HOME": str(folder / "torch_home"), "http_proxy": nowhere, "https_proxy": nowhere}
    with shared_server(folder, environment) as address:
        yield address


@pytest.fixture(scope="package")  # the session's other tests must not meet Playwright's event loop in their thread
def browser() -> Iterator[Browser]:
    path = find_chromium()
    assert path is not None, "no Chromium: run python -m tests.support.browser.chromium"
    expect.set_options(timeout=RUNNING)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=QUIET, timeout=RUNNING)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One visitor's browser for all tests of a worker: it fetches and compiles the front end once. A tab is a session of its own."""
    opened = browser.new_context(viewport={"width": 1400, "height": 950}, accept_downloads=True)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    opened = context.new_page()
    yield opened
    opened.close()


@pytest.fixture
def app(page: Page, address: str) -> Iterator[App]:
    """The app, opened by the test; at the end the browser's console must be empty."""
    driven = App(page, address)
    yield driven
    assert driven.complaints == []
