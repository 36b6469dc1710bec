"""A browser that looks at the real portal, and complains of what it meets."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ..journeys.conftest import courier, enroll
from ..portal import Portal

__all__ = ["courier", "enroll"]

WIDE, PHONE = (1440, 900), (390, 844)
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


expect.set_options(timeout=30_000)  # how busy the machine is says nothing of a page


class Visitor:
    """A page of the portal; ``complaints`` are errors, and requests to elsewhere."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _said(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"a request to {url}")

    def open(self, path: str) -> int:
        answer = self.page.goto(self.url + path)
        assert answer is not None
        return answer.status

    def sign_in(self, name: str, password: str) -> None:
        self.open("/")
        self.page.fill("input[name=login]", name)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        script = "document.documentElement.scrollWidth - window.innerWidth"
        return int(self.page.evaluate(script))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def visitor(
    browser: Browser, portal: Portal, request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """Somebody who is not signed in, at a desk and on a phone."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    yield Visitor(context.new_page(), portal.url)
    context.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, portal: Portal) -> list[Any]:
    """The cookies of an administrator who signed in; that takes seconds each time."""
    context = browser.new_context()
    Visitor(context.new_page(), portal.url).sign_in(portal.admin, portal.password)
    cookies = context.cookies()
    context.close()
    return cookies


@pytest.fixture
def staff(visitor: Visitor, signed_in: list[Any]) -> Visitor:
    visitor.page.context.add_cookies(signed_in)
    return visitor
