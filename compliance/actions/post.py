"""Post: one signed request to a webhook.

Whoever may edit a policy names the address, and the portal stands inside the network:
so only https, to an address on the internet unless settings allow its network, that
address and no other, no redirects, and nothing of the answer but its status.
"""

import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from django.conf import settings
from django.utils import timezone
from urllib3.exceptions import HTTPError, NewConnectionError

from mdmportal.patience import TookTooLong, within

TIMESTAMP, SIGNATURE = "MDM-Timestamp", "MDM-Signature"
CONNECT, ANSWER, ALTOGETHER = 5, 10, 20
"""Seconds for each step, and for all of them: a server may drip."""
CARRIERS = tuple(
    ipaddress.ip_network(each)
    for each in (
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"),
        *("::/96", "::ffff:0:0:0/96", "192.88.99.0/24"),
        *("fec0::/10", "5f00::/16", "192.0.0.0/24"),
    )
)
"""Addresses that lead on to another one, which may be anything, and those that Python
takes for addresses on the internet and clouds and old networks do not."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotTaken(Exception):
    """The webhook did not take it; says why, in words."""


def problem_with(url: str) -> str:
    """Return what is wrong with the address itself, in words; '' if nothing."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is not an address."
    schemes = ("https", "http") if _may_be_plain() else ("https",)
    if parts.scheme not in schemes or not host:
        return "Enter an address that begins with https://"
    if not host.isascii():
        return "Write the name as machines do, in ASCII: xn--…"
    if parts.username or parts.password:
        return "Leave out the name and password: the signature proves who sends."
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return "" if _may_go_to(address) else _refusal(host)


def post(url: str, secret: bytes, body: Mapping[str, Any]) -> None:
    """Send ``body`` as JSON, signed; NotTaken unless the answer is 2xx."""
    problem = problem_with(url)
    if problem:
        raise NotTaken(problem)
    content = json.dumps(body, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"MDM-Portal/{settings.VERSION}",
        **sign(secret, content),
    }
    try:
        status = within(ALTOGETHER, lambda: _send(urlsplit(url), headers, content))
    except TookTooLong as error:
        raise NotTaken(f"It took longer than {ALTOGETHER} seconds.") from error
    if 300 <= status < 400:
        raise NotTaken(
            f"It answered {status}, which leads elsewhere: enter the address itself."
        )
    if not 200 <= status < 300:
        raise NotTaken(f"It answered {status}.")


def sign(secret: bytes, content: bytes) -> dict[str, str]:
    """Return the headers that prove who sends this, and when."""
    moment = str(int(timezone.now().timestamp()))
    signed = hmac.new(secret, moment.encode() + b"." + content, hashlib.sha256)
    return {TIMESTAMP: moment, SIGNATURE: f"sha256={signed.hexdigest()}"}


def _may_be_plain() -> bool:
    return bool(settings.SIMULATED or settings.DEBUG)


def _send(parts: SplitResult, headers: Mapping[str, str], content: bytes) -> int:
    """Return the status of the first of its addresses that takes a connection."""
    problem: HTTPError | None = None
    for address in _addresses(parts):
        try:
            return _send_to(address, parts, headers, content)
        except NewConnectionError as error:
            problem = error
        except HTTPError as error:
            raise NotTaken(f"It cannot be reached: {_brief(error)}") from error
    raise NotTaken(f"It cannot be reached: {_brief(problem)}") from problem


def _brief(error: HTTPError | None) -> str:
    """Return the cause without the pool it happened in."""
    return str(error).rpartition(": ")[2] or type(error).__name__


def _send_to(
    address: str, parts: SplitResult, headers: Mapping[str, str], content: bytes
) -> int:
    """Send to this very address: the name is not looked up a second time."""
    host = parts.hostname or ""
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=CONNECT, read=ANSWER),
        "retries": False,
    }
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            address,
            parts.port or 443,
            ssl_context=ssl.create_default_context(),
            server_hostname=host,
            assert_hostname=host,
            **options,
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, parts.port or 80, **options)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with pool:
        answer = pool.request(
            "POST",
            path,
            body=content,
            headers={**headers, "Host": parts.netloc},
            redirect=False,
            preload_content=False,
        )
        return int(answer.status)


def _addresses(parts: SplitResult) -> Iterator[str]:
    """Yield the addresses behind the name that may be gone to, else NotTaken."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotTaken(f"The name {host} is not known.") from error
    texts = dict.fromkeys(str(each[4][0]) for each in found)
    allowed = [text for text in texts if _may_go_to(ipaddress.ip_address(text))]
    if not allowed:
        raise NotTaken(_refusal(host))
    yield from allowed


def _refusal(host: str) -> str:
    return f"{host} is in a network that is not allowed: see WEBHOOK_NETWORKS."


def _may_go_to(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(
        address.version == network.version and address in network
        for network in (ipaddress.ip_network(n) for n in settings.WEBHOOK_NETWORKS)
    ):
        return True
    if any(address.version == each.version and address in each for each in CARRIERS):
        return False
    return address.is_global and not address.is_multicast
