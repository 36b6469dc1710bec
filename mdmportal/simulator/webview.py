"""The web view: a person who signs in on pages that nobody here has seen before.

It stands for Safari and for ASWebAuthenticationSession: it has cookies, follows
redirects, fills in what forms ask for and ends where the device takes over.
https://developer.apple.com/documentation/devicemanagement/implementing-the-simple-authentication-user-enrollment-flow
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

from mdmportal.protocol.mobileconfig import CONTENT_TYPE

from . import page as pages
from . import person as persons
from .cookies import Cookies
from .errors import SignInFailed
from .page import Button, Form, Page
from .person import Person
from .transport import HTTPTransport, Response, Transport

SCHEME = "apple-remotemanagement-user-login"
"""An address with it is for the device, which the web view then gives way to."""
MAX_STEPS = 40
REDIRECTS = (301, 302, 303, 307, 308)
KEEP_THE_METHOD = (307, 308)
FORM = "application/x-www-form-urlencoded"
HEADERS = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
}


class WebView:
    """One person's web view; what it holds lasts from one call to the next.

    ``press`` are parts of what links or buttons say, each of them pressed once as soon
    as it is there, before anything else; the person's provider is one of them.
    ``transport`` must follow no redirects. ``ca_file`` holds roots to trust (PEM).
    """

    def __init__(
        self,
        person: Person,
        *,
        transport: Transport | None = None,
        ca_file: str | None = None,
        press: Sequence[str] = (),
    ) -> None:
        self.person = person
        self.transport = transport or HTTPTransport(ca_file=ca_file, redirects=0)
        self.press = [*([person.provider] if person.provider else []), *press]
        self.cookies = Cookies()
        self.visited: list[tuple[str, str, int]] = []
        """Method, address and status of every request."""

    def __call__(self, url: str) -> str:
        return self.sign_in(url)

    def sign_in(self, url: str) -> str:
        """Sign in from ``url`` on; return the address that is for the device.

        Raises SignInFailed where there is no way on, and Unreachable.
        """
        end = self._go(url)
        if isinstance(end, str):
            return end
        raise end.failure("there is no way on from here.")

    def download(self, url: str) -> bytes:
        """Go on from ``url`` until a configuration profile comes, and return it.

        On the page at ``url`` only what is to be pressed is. Raises as ``sign_in``.
        """
        end = self._go(url, goal=_plain(url))
        if not isinstance(end, str) and end.response.media_type == CONTENT_TYPE:
            return end.response.body
        if isinstance(end, str):
            raise SignInFailed(end.partition("?")[0], "this is no profile.")
        raise end.failure("there is no profile, and no way on from here.")

    def browse(self, url: str) -> Page:
        """Sign in as far as it takes to see the page at ``url``, and return it.

        Where another page asks for nothing more, it is that. Raises as ``sign_in``.
        """
        end = self._go(url, goal=_plain(url))
        if isinstance(end, str):
            raise SignInFailed(end.partition("?")[0], "this is no page.")
        return end.page

    # Going on

    def _go(self, url: str, goal: str = "") -> "str | _Stop":
        """Return the device's address, or where there is nothing more to do."""
        walk = _Walk(self.person, list(self.press), goal)
        step = _Step("GET", url)
        for _ in range(MAX_STEPS):
            if urlsplit(step.url).scheme == SCHEME:
                return step.url
            stop = self._request(step)
            if stop.response.status in REDIRECTS and stop.response.location:
                step = _redirected(step, stop.response)
                continue
            if not stop.response.ok:
                raise stop.failure(f"answered {stop.response.status}.")
            following = walk.next(stop)
            if following is None:
                return stop
            step = following
        raise SignInFailed(_plain(step.url), f"it takes more than {MAX_STEPS} steps.")

    def _request(self, step: "_Step") -> "_Stop":
        headers = dict(HEADERS)
        cookie = self.cookies.header(step.method, step.url, step.came_from)
        if cookie:
            headers["Cookie"] = cookie
        if step.came_from:
            headers["Referer"] = _plain(step.came_from)
        if step.method == "POST":
            parts = urlsplit(step.came_from or step.url)
            headers |= {
                "Content-Type": FORM,
                "Origin": f"{parts.scheme}://{parts.netloc}",
            }
        response = self.transport.send(step.method, step.url, headers, step.body)
        self.cookies.take(step.url, response)
        self.visited.append((step.method, _plain(step.url), response.status))
        return _Stop(step.url, response)


@dataclass(frozen=True)
class _Step:
    """One request to make; ``came_from`` is the page that led to it."""

    method: str
    url: str
    body: bytes = b""
    came_from: str = ""


@dataclass(frozen=True)
class _Stop:
    """What one request led to."""

    url: str
    response: Response

    @property
    def page(self) -> Page:
        if "html" not in self.response.media_type:
            text = self.response.body[:2000].decode(errors="replace")
            return Page(self.url, text=text)
        return pages.read(self.url, self.response.body.decode(errors="replace"))

    def failure(self, why: str) -> SignInFailed:
        status, text = self.response.status, self.page.text
        return SignInFailed(_plain(self.url), why, status=status, text=text)


class _Walk:
    """From page to page: what was pressed and filled in is not so again.

    At the address ``goal`` one signs in, if it is asked for, and does nothing else.
    """

    def __init__(self, person: Person, press: list[str], goal: str) -> None:
        self._person, self._press, self._goal = person, press, goal
        self._filled: set[tuple[str, ...]] = set()

    def next(self, stop: _Stop) -> _Step | None:
        """Return the request that leads on from here, None at the end."""
        if "html" not in stop.response.media_type:
            return None
        page = stop.page
        pressed = self._pressed(page)
        if pressed:
            return pressed
        at_goal = _plain(page.url) == self._goal
        kinds = persons.SIGNING_IN if at_goal else persons.LEADING_ON
        form = persons.choose(page, kinds)
        if form:
            self._check_progress(form, stop)
            return _sent(page, form, self._person)
        return _Step("GET", page.refresh, came_from=page.url) if page.refresh else None

    def _pressed(self, page: Page) -> _Step | None:
        """Press the first link or button that says what is to be pressed."""
        for words in self._press:
            for link in page.links:
                if words.casefold() in link.text.casefold():
                    self._press.remove(words)
                    return _Step("GET", link.url, came_from=page.url)
            for form in page.forms:
                for button in form.buttons:
                    if words.casefold() in button.text.casefold():
                        self._press.remove(words)
                        return _sent(page, form, self._person, button)
        return None

    def _check_progress(self, form: Form, stop: _Stop) -> None:
        """Who is asked the same thing again was not believed the first time."""
        if form.asks_nothing:
            return
        asked = (_plain(form.action), *(one.name for one in form.fields))
        if asked in self._filled:
            raise stop.failure("the same form comes again.")
        self._filled.add(asked)


def _redirected(step: _Step, response: Response) -> _Step:
    url = urljoin(step.url, response.location)
    if response.status in KEEP_THE_METHOD:
        return _Step(step.method, url, step.body, step.came_from)
    return _Step("GET", url, came_from=step.came_from)


def _sent(
    page: Page, form: Form, person: Person, button: Button | None = None
) -> _Step:
    """Fill the form in and send it by ``button``, or by the one that leads on."""
    button = button or persons.leading(form.buttons)
    action = button.action or form.action
    data = urlencode(persons.fill(form, person, button))
    if form.method == "GET":
        return _Step("GET", f"{_plain(action)}?{data}", came_from=page.url)
    return _Step("POST", action, data.encode(), page.url)


def _plain(url: str) -> str:
    """The address without its query: that may hold what is nobody else's business."""
    return url.split("?")[0].split("#")[0]
