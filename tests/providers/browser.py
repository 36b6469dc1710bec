"""A browser without a screen: cookies, redirects, and forms filled in by name."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

TIMEOUT = 30


@dataclass
class Form:
    action: str = ""
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)


class _Page(HTMLParser):
    """Reads the forms and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        """Values of fields by their ids, also of those that are not sent."""
        self._href: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in pairs}
        if given.get("id"):
            self.ids[given["id"]] = given.get("value", "")
        if tag == "form":
            method = given.get("method", "get").lower()
            self.forms.append(Form(given.get("action", ""), method))
        elif tag == "input" and self.forms and given.get("name"):
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "a":
            self._href = given.get("href")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = None

    def handle_data(self, data: str) -> None:
        if self._href and data.strip():
            self.links[data.strip()] = self._href


class Browser:
    """One person's: ``url``, ``status`` and ``text`` are of the page that is open."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.url, self.status, self.text = "", 0, ""
        self.visited: list[str] = []

    def open(self, url: str) -> "Browser":
        return self._show(self.session.get(urljoin(self.url, url), timeout=TIMEOUT))

    def click(self, words: str) -> "Browser":
        """Follow the link with these words."""
        return self.open(self.page.links[words])

    def submit(self, *needed: str, **values: str) -> "Browser":
        """Fill in and send the first form that has these fields, and those given."""
        names = {*needed, *values}
        form = next(form for form in self.page.forms if names <= set(form.fields))
        where = urljoin(self.url, form.action) if form.action else self.url
        sent = {**form.fields, **values}
        headers = {"Referer": self.url}
        send = self.session.post if form.method == "post" else self.session.get
        kind = "data" if form.method == "post" else "params"
        answer = send(where, headers=headers, timeout=TIMEOUT, **{kind: sent})  # type: ignore[arg-type]
        return self._show(answer)

    @property
    def page(self) -> _Page:
        return _Page(self.text)

    def _show(self, answer: requests.Response) -> "Browser":
        self.visited = [each.url for each in (*answer.history, answer)]
        self.url, self.status = answer.url, answer.status_code
        self.text = answer.text
        return self


def sign_in(browser: Browser, name: str, password: str) -> Browser:
    """Fill in the provider's form, and let its answer be carried back to the portal."""
    browser.submit(login=name, password=password)
    if any("SAMLResponse" in form.fields for form in browser.page.forms):
        browser.submit("SAMLResponse")  # a real browser runs the script that does
    return browser
