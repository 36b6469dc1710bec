"""Limits: how often one address, and one person, may begin to enroll.

Counted in the cache, within windows of fixed length: who reaches the limit is told when
the window ends.
"""

import ipaddress
import math
import time
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Rate:
    """``amount`` within ``seconds``."""

    amount: int
    seconds: int

    @classmethod
    def read(cls, text: str) -> "Rate | None":
        """Return "600/h" as a rate, None for '' or 0; a ValueError for nonsense."""
        if text in ("", "0"):
            return None
        amount, _, unit = text.partition("/")
        if unit not in SECONDS:
            raise ValueError(f"{text!r} is not a rate such as 600/h")
        return cls(int(amount), SECONDS[unit])


def check(request: HttpRequest, action: str) -> HttpResponse | None:
    """Count one ``action``; return the answer to one too many, else None.

    A person is counted apart only where the request knows one: a device's has no user.
    """
    now = time.time()
    waits = [
        _wait(f"enroll:{action}:{who}", rate, now)
        for who, rate in _counted(request)
        if rate
    ]
    longest = max(waits, default=0)
    return _too_many(request, longest) if longest else None


def _counted(request: HttpRequest) -> list[tuple[str, Rate | None]]:
    counted = [(_address(request), Rate.read(settings.ENROLL_RATE))]
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        rate = Rate.read(settings.ENROLL_RATE_PER_PERSON)
        counted.append((f"user:{user.pk}", rate))
    return counted


def _address(request: HttpRequest) -> str:
    """Return whom a limit is for: of IPv6 the network, of which one has all addresses.

    Behind a proxy it is what CLIENT_ADDRESS_HEADER says.
    """
    text = str(get_adapter(request).get_client_ip(request))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return text
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network(f"{text}/64", strict=False))


def _wait(key: str, rate: Rate, now: float) -> int:
    """Count; return 0, or the seconds to wait when the limit is reached."""
    window, passed = divmod(now, rate.seconds)
    key = f"{key}:{rate.seconds}:{int(window)}"
    cache.add(key, 0, rate.seconds)
    try:
        count = cache.incr(key)
    except ValueError:
        return 0  # it expired between the two: the window is over
    return math.ceil(rate.seconds - passed) if count > rate.amount else 0


def _too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    context = {"minutes": math.ceil(seconds / 60)}
    answer = render(request, "enrollment/too_many.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer
