"""Transport: how a simulated device reaches a server."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import urllib3


@dataclass(frozen=True)
class Response:
    """What came back; the names of ``headers`` are in lower case.

    ``cookies`` are the values of all Set-Cookie headers, which cannot be joined.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cookies: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Any 2xx: what was sent counts as delivered."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        content_type = self.headers.get("content-type", "")
        return content_type.split(";")[0].strip().lower()

    @property
    def location(self) -> str:
        """Where a redirect leads; '' where there is none."""
        return self.headers.get("location", "")


class Unreachable(OSError):
    """No response: refused, timed out, broken off. The server may have acted on it."""


class Transport(Protocol):
    """Anything that can carry one request and bring its response.

    It raises Unreachable, and nothing else, when there is no response. It may be used
    from several threads.
    """

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Response: ...


class HTTPTransport:
    """Connections over the network, kept alive and shared by threads.

    ``ca_file`` holds roots to trust (PEM) besides the system's; ``timeout`` is in
    seconds; ``connections`` are kept open to one host. So many ``redirects`` are
    followed, as devices do.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        timeout: float = 60,
        connections: int = 16,
        redirects: int = 5,
    ) -> None:
        self.ca_file = ca_file
        self._pool = urllib3.PoolManager(
            num_pools=8,
            maxsize=connections,
            timeout=urllib3.Timeout(connect=min(timeout, 15), read=timeout),
            retries=urllib3.Retry(
                connect=0,
                read=0,
                other=0,
                redirect=redirects,
                raise_on_redirect=False,
                respect_retry_after_header=False,
            ),
            ssl_context=_trust(ca_file),
        )

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        try:
            response = self._pool.request(
                method, url, headers=dict(headers), body=body or None
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"{url}: {error}") from error
        lower = {name.lower(): value for name, value in response.headers.items()}
        cookies = tuple(response.headers.getlist("Set-Cookie"))
        return Response(response.status, lower, response.data, cookies)


def _trust(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
