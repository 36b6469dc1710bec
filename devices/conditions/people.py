"""People: conditions on who owns a device, and whose accounts on it are managed."""

from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q, QuerySet

from ..models import Channel, Device, Enrollment, User
from .field import Field, Operator, among, not_among
from .values import Row, Text

PEOPLE = "People"
NAMES = ("username", "first_name", "last_name", "email")


def _called(text: str) -> Q:
    """Return the devices whose owner has each of the words somewhere in the name."""
    each_word = (
        reduce(or_, (Q(**{f"owner__{name}__icontains": word}) for name in NAMES))
        for word in text.split()
    )
    return reduce(and_, each_word)


def _described(text: str) -> Q:
    """Return the devices that the list's search finds by what they, or owners, say."""
    found = Q()
    for word in text.split():
        in_text = Q(search_text__contains=word.lower())
        found &= in_text | reduce(
            or_, (Q(**{f"owner__{name}__icontains": word}) for name in NAMES)
        )
    return found


def search() -> Field:
    return Field(
        "search",
        "Search",
        "Other",
        {
            "contains": Operator(
                "finds", _described, Text(hint="name, serial number, person")
            )
        },
        lambda device, _: device.search_text,
    )


def _is(text: str) -> Q:
    return Q(owner__username__iexact=text) | Q(owner__email__iexact=text)


def _say(device: Device, _: str) -> str:
    return str(device.owner or "nobody")


def owner() -> Field:
    return Field(
        "owner",
        "Owner",
        PEOPLE,
        {
            "is": Operator("is", _is, Text(hint="user name or e-mail address")),
            "contains": Operator("contains", _called, Text(hint="part of a name")),
            "nobody": Operator(
                "is nobody", lambda _: Q(owner=None), phrase="it has no owner"
            ),
            "somebody": Operator(
                "is somebody",
                lambda _: Q(owner__isnull=False),
                phrase="it has an owner",
            ),
        },
        _say,
        is_row=False,
    )


def owner_domain() -> Field:
    domain = Text(hint="example.com")
    told = Q(owner__isnull=False) & ~Q(owner__email="")

    def ends(text: str) -> Q:
        return Q(owner__email__iendswith=f"@{text.lstrip('@')}")

    def say(device: Device, _: str) -> str:
        return device.owner.email.rpartition("@")[2] if device.owner else ""

    return Field(
        "owner_domain",
        "Owner's e-mail domain",
        PEOPLE,
        {
            "is": Operator("is", ends, domain),
            "is_not": Operator("is not", lambda text: ~ends(text), domain),
        },
        say,
        told=lambda: told,
        untold=lambda: ~told,
        is_row=False,
    )


def owner_group() -> Field:
    """By the roles that the portal gives its people."""
    roles = Row(rows=Group.objects.order_by("name").all, noun="role")

    def members(pk: int) -> QuerySet[Any]:
        return User.objects.filter(groups=pk).order_by()

    def without(pk: int) -> Q:
        return ~Q(Exists(members(pk).filter(pk=OuterRef("owner"))))

    def say(device: Device, _: str) -> str:
        return ", ".join(map(str, device.owner.groups.all())) if device.owner else ""

    return Field(
        "owner_group",
        "Owner's role",
        PEOPLE,
        {
            "in": Operator(
                "is", lambda pk: Q(owner__in=members(pk).values("pk")), roles
            ),
            "not_in": Operator("is not", without, roles),
        },
        say,
        is_row=False,
    )


def user() -> Field:
    def managed(name: str) -> QuerySet[Channel]:
        found = Channel.objects.filter(enrollment__state=Enrollment.State.ACTIVE)
        return found.exclude(user_id="").filter(user_short_name__iexact=name)

    def say(device: Device, _: str) -> str:
        found = Channel.objects.filter(
            enrollment__device=device, enrollment__state=Enrollment.State.ACTIVE
        ).exclude(user_id="")
        return ", ".join(each.user_short_name for each in found[:10])

    short = Text(hint="short name")
    return Field(
        "user",
        "Managed user",
        PEOPLE,
        {
            "has": Operator(
                "is", lambda name: among(managed(name), "enrollment__device"), short
            ),
            "has_not": Operator(
                "is not",
                lambda name: not_among(managed(name), "enrollment__device"),
                short,
            ),
        },
        say,
        is_row=False,
    )


FIELDS = (owner(), owner_domain(), owner_group(), user(), search())
