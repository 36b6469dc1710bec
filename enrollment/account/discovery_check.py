"""The discovery check: asks a domain as a device would, and says what is wrong.

Most domains answer on a web server that knows nothing of us and sends devices on; what
goes wrong there shows on a device as nothing but “could not sign in”.
"""

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
    TimeoutError,
)

from mdmportal.patience import TookTooLong, within

from .discovery import PATH

HOPS = 5
SECONDS = 10
LONGEST = 64 * 1024
VERSIONS = {"mdm-byod", "mdm-adde"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, what it is, what to do."""

    is_ok: bool
    title: str
    words: str = ""


class Wrong(Exception):
    """The check ends here: the finding says why."""

    def __init__(self, title: str, words: str) -> None:
        super().__init__(title)
        self.finding = Finding(False, title, words)


@dataclass(frozen=True)
class Answer:
    """What came back; of the body no more than LONGEST bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Asker:
    """Who asks: one connection pool, and where it trusts whom.

    ``ca_file`` are roots to trust besides the system's; ``port`` other than 443, both
    for domains that are only played.
    """

    ca_file: str = ""
    port: int = 443

    def url(self, domain: str, family: str) -> str:
        query = {"user-identifier": f"discovery.check@{domain}", "model-family": family}
        where = domain if self.port == 443 else f"{domain}:{self.port}"
        return f"https://{where}{PATH}?{urlencode(query)}"

    def get(self, url: str) -> "Answer":
        """Return the answer to a GET, which follows no redirect; else raise Wrong."""
        try:
            return within(2 * SECONDS, lambda: self._get(url))
        except TookTooLong as error:
            host = urlsplit(url).hostname
            words = "A device would give up. See what holds the web server there."
            raise Wrong(f"{host} takes too long to answer", words) from error

    def _get(self, url: str) -> "Answer":
        host = urlsplit(url).hostname or ""
        context = ssl.create_default_context()
        if self.ca_file:
            context.load_verify_locations(self.ca_file)
        timeout = urllib3.Timeout(total=SECONDS)
        with urllib3.PoolManager(ssl_context=context, timeout=timeout) as pool:
            try:
                answer = pool.request(
                    "GET", url, redirect=False, retries=False, preload_content=False
                )
                body = answer.read(LONGEST)
            except HTTPError as error:
                raise _unreachable(host, error) from error
        return Answer(answer.status, answer.headers, body)


def _unreachable(host: str, error: HTTPError) -> Wrong:
    cause: BaseException = error.reason if isinstance(error, MaxRetryError) else error  # type: ignore[assignment]
    for kinds, title, words in TROUBLES:
        if isinstance(cause, kinds):
            return Wrong(title.format(host=host), words.format(cause=cause))
    return Wrong(f"{host} cannot be reached", str(cause))


TROUBLES: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        NameResolutionError,
        "The name {host} is not known",
        "Add it to the DNS of the domain, as an address or alias of a web server.",
    ),
    (
        SSLError,
        "{host} has no certificate that devices trust",
        "It must be valid, for this very name, with its intermediates: {cause}",
    ),
    (
        NewConnectionError,
        "{host} refuses the connection",
        "A web server must listen on port 443 there.",
    ),
    (
        TimeoutError,
        "{host} does not answer",
        "A firewall may be in between: port 443 must be open to everybody.",
    ),
)


def check(domain: str, family: str, expected: str, asker: Asker) -> list[Finding]:
    """Ask for a device of this family; return what was found, in order.

    ``expected`` is the BaseURL that the portal itself would answer with, '' if it has
    no way in for such devices.
    """
    findings: list[Finding] = []
    try:
        for finding in _steps(domain, family, expected, asker):
            findings.append(finding)
    except Wrong as wrong:
        findings.append(wrong.finding)
    return findings


def _steps(domain: str, family: str, expected: str, asker: Asker) -> Iterator[Finding]:
    url = asker.url(domain, family)
    answer = asker.get(url)
    yield Finding(True, f"{domain} answers, with a certificate that devices trust")
    for _ in range(HOPS):
        if answer.status not in (301, 302, 303, 307, 308):
            break
        url = _followed(url, answer.headers.get("Location", ""))
        yield Finding(True, f"It sends devices on to {urlsplit(url).hostname}")
        answer = asker.get(url)
    else:
        words = "Let the domain's web server send devices here directly."
        raise Wrong(f"It sends devices on more than {HOPS} times", words)
    _check_status(answer)
    yield Finding(True, "The answer is 200, application/json")
    base = _base_url(answer.body)
    yield Finding(True, f"It names one server, {base}")
    yield _is_ours(base, expected)
    _check_base(base, asker)
    yield Finding(True, "That address answers")


def _followed(url: str, location: str) -> str:
    """Return where a redirect leads, if a device can go there."""
    target = urljoin(url, location)
    parts = urlsplit(target)
    if parts.scheme != "https":
        words = f"Devices follow to https only. It leads to {target}"
        raise Wrong("A redirect leaves https", words)
    if "user-identifier" not in parse_qs(parts.query):
        words = (
            "A device does not add it again, so the portal does not learn whose device "
            "asks. Let the redirect pass on the query, as the examples below do. It "
            f"leads to {target}"
        )
        raise Wrong("A redirect loses the query", words)
    return target


def _check_status(answer: Answer) -> None:
    if answer.status == 403 and b"well-known.failed" in answer.body:
        words = "Add a route for such devices to this domain in the portal."
        raise Wrong("The portal has no way in for this domain and device", words)
    if answer.status != 200:
        words = (
            "Set up the redirect of the examples below, for this very path and before "
            "rules that catch everything."
        )
        raise Wrong(f"The answer is {answer.status}, not 200", words)
    kind = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        words = f"It is {kind or 'not said'}; devices want application/json."
        raise Wrong("The Content-Type is wrong", words)


def _base_url(body: bytes) -> str:
    try:
        document: Any = json.loads(body)
    except ValueError as error:
        raise Wrong("The answer is no JSON", str(error)) from error
    servers = document.get("Servers") if isinstance(document, dict) else None
    if not isinstance(servers, list) or len(servers) != 1:
        words = "The key Servers must hold a list of exactly one; case matters."
        raise Wrong("The answer does not name one server", words)
    server = servers[0] if isinstance(servers[0], dict) else {}
    if server.get("Version") not in VERSIONS:
        words = "It must be mdm-byod or mdm-adde."
        raise Wrong("The Version is wrong", words)
    base = server.get("BaseURL")
    if not isinstance(base, str) or urlsplit(base).scheme not in ("https", "http"):
        raise Wrong("There is no BaseURL", "Case matters, and it is an https address.")
    return base


def _is_ours(base: str, expected: str) -> Finding:
    if base == expected:
        return Finding(True, "That is this portal")
    words = "Devices enroll elsewhere, or the answer is an old copy: remove it there."
    raise Wrong("That is not the address this portal would give", words)


def _check_base(base: str, asker: Asker) -> None:
    answer = asker.get(base)
    if answer.status != 405:  # to a GET; devices POST
        words = "A proxy between answers in the portal's place."
        raise Wrong(f"That address answers {answer.status}", words)


# --- What to set up at the domain's web server


def snippets(portal: str) -> list[tuple[str, str]]:
    """Return what to set up, for each kind of web server: its name and the text."""
    target = f"{portal}{PATH}"
    return [
        (
            "nginx",
            f"location = {PATH} {{\n    return 302 {target}$is_args$args;\n}}",
        ),
        (
            "Apache",
            "RewriteEngine On\n"
            f"RewriteRule ^/?{PATH[1:].replace('.', chr(92) + '.')}$ {target} [R=302,L]"
            "\n# mod_rewrite passes on the query by itself.",
        ),
        (
            "Cloudflare",
            "Rules › Redirect Rules › Create, “Custom filter expression”:\n"
            f'(http.request.uri.path eq "{PATH}")\n'
            "Then: Type “Dynamic”, status code 302, preserve query string off, "
            "expression:\n"
            f'concat("{target}?", http.request.uri.query)',
        ),
    ]
