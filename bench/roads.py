"""The roads under load: for each the requests of every device, signed beforehand."""

import secrets
from collections.abc import Callable, Sequence

from . import fleet
from .client import request
from .fleet import Member

Scripts = list[list[bytes]]


def bare(members: Sequence[Member], times: int) -> Scripts:
    """A view that does nothing, on the same server: the yardstick."""
    return [[request("GET", "/healthz")] * times for _ in members]


def idle(members: Sequence[Member], times: int) -> Scripts:
    return [[one.put({"Status": "Idle"})] * times for one in members]


def report(members: Sequence[Member], times: int) -> Scripts:
    """Each takes its first command Idle, then reports and takes the next."""
    uuids = fleet.order(members, times)
    return [
        [
            one.put({"Status": "Idle"}),
            *(one.report(uuid) for uuid in uuids[one.channel]),
        ]
        for one in members
    ]


def token_update(members: Sequence[Member], times: int) -> Scripts:
    return [[one.token_update()] * times for one in members]


def new_token(members: Sequence[Member], times: int) -> Scripts:
    return [
        [one.token_update(secrets.token_bytes(32)) for _ in range(times)]
        for one in members
    ]


def again(members: Sequence[Member], times: int) -> Scripts:
    return [[one.authenticate(), one.token_update()] * (times // 2) for one in members]


def account_driven(members: Sequence[Member], times: int) -> Scripts:
    """Idle, with a session to be looked at. It comes last: the fleet stays so."""
    fleet.sign_in(members)
    return idle(members, times)


ROADS: dict[str, Callable[[Sequence[Member], int], Scripts]] = {
    "a bare view": bare,
    "Idle, nothing waiting": idle,
    "report + next command": report,
    "TokenUpdate, unchanged": token_update,
    "TokenUpdate, new token": new_token,
    "Authenticate + TokenUpdate again": again,
    "Idle, nothing waiting, account-driven": account_driven,
}
