"""Search: devices by what people know of them.

An identifier typed in whole is looked up in its index. Anything else is looked for
word by word: in the device's ``search_text``, in its owner and in its managed users.
"""

import re
from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

from ..models import Channel, Device, User

LONGEST = 200
MOST_WORDS = 8
SHORTEST_ID = 6
"""Characters: what is shorter is more likely part of a name."""
FOUND = 100
FEW = 500
"""Devices that are named one by one once they are found."""
IDENTIFIERS = (
    *("serial_number", "udid", "enrollment_id", "asset_tag"),
    *("imei", "meid", "phone_number"),
)
MACS = ("wifi_mac", "bluetooth_mac", "ethernet_mac")
MAC = re.compile(r"[0-9a-f]{2}([:-]?[0-9a-f]{2}){1,5}", re.IGNORECASE)
NUMBER = re.compile(r"\+?[\d\s()/.-]{4,}")
"""An IMEI or a telephone number, however it is spaced."""
PEOPLE = ("username", "first_name", "last_name", "email")


def search(rows: QuerySet[Device], term: str) -> QuerySet[Device]:
    """Return those of ``rows`` that ``term`` describes."""
    term = term.replace("\0", "").strip()[:LONGEST]
    if not term:
        return rows
    exact = _exact(term)
    if exact:
        return rows.filter(pk__in=exact)
    described = Q()
    for word in _words(term):
        described &= _mentions(word)
    if number := _digits(term):
        described |= Q(search_text__contains=number)
    some = rows.filter(described).order_by().values_list("pk", flat=True)
    first = list(some[: FEW + 1])
    # So that the list and its count need not go through all devices again.
    return rows.filter(described) if len(first) > FEW else rows.filter(pk__in=first)


def _exact(term: str) -> list[int]:
    """Return the devices of which ``term`` is an identifier, whole."""
    if len(term) < SHORTEST_ID:
        return []
    spelled = {term, term.upper(), term.lower(), _digits(term)} - {""}
    named = Q()
    for column in IDENTIFIERS:
        named |= Q(**{f"{column}__in": spelled})
    if MAC.fullmatch(term):
        for column in MACS:
            named |= Q(**{f"{column}__in": set(_macs(term))})
    found = Device.objects.filter(named).order_by()
    return list(found.values_list("pk", flat=True)[:FOUND])


def _digits(term: str) -> str:
    """Return a number without what people put between its digits; '' if it is none."""
    return re.sub(r"[^\d+]", "", term) if NUMBER.fullmatch(term) else ""


def _macs(term: str) -> Iterable[str]:
    """Yield the ways to spell a MAC address."""
    bare = re.sub("[:-]", "", term)
    for sign in ("", ":", "-"):
        spelled = sign.join(bare[at : at + 2] for at in range(0, len(bare), 2))
        yield from (spelled.lower(), spelled.upper())


def _words(term: str) -> list[str]:
    words = [
        unescape_string_literal(word) if word[0] == word[-1] in "\"'" else word
        for word in smart_split(term)
    ]
    return [word for word in words if word][:MOST_WORDS]


def _mentions(word: str) -> Q:
    """Return the devices that have ``word`` in what describes them."""
    described = Q()
    for spelling in {*_spellings(word), *_bare(word)}:
        described |= Q(search_text__contains=spelling)
    owners, users = Q(), Q()
    for spelling in _spellings(word):
        for column in PEOPLE:
            owners |= Q(**{f"{column}__icontains": spelling})
        for column in ("user_short_name", "user_long_name"):
            users |= Q(**{f"{column}__icontains": spelling})
    named = Channel.objects.exclude(user_id="").filter(users)
    return (
        described
        | Q(owner__in=User.objects.filter(owners).order_by().values("pk"))
        | Q(pk__in=named.order_by().values("enrollment__device"))
    )


def _spellings(word: str) -> set[str]:
    """Return how the word may be kept: databases may know the small letters of ASCII
    alone, and leave others as they are."""
    found = {word.lower()}
    if not word.isascii():
        found |= {word, word.upper(), word.capitalize()}
    return found | {each.replace("'", "’") for each in found}  # as Apple writes it


def _bare(word: str) -> set[str]:
    """Return a MAC address, or part of one, as search_text has it."""
    return {re.sub("[:-]", "", word).lower()} if MAC.fullmatch(word) else set()
