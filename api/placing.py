"""Placing: an order as a program asks for it, checked, looked at or let go.

It is drafted first, whatever is asked: who gets it is then written down, and what must
be confirmed is counted there, so that nothing widens it in between.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from rest_framework.exceptions import PermissionDenied

from commands import (
    checking,
    custom,
    filled,
    ordering,
    schema_json,
    words,
)
from commands.models import Order
from commands.targets import Preview, Targets, of_order
from mdmportal import catalogue

from . import addressing
from .errors import Conflict, Wrong
from .serializers.orders import RefusedSerializer

UNKNOWN = "There is no such command: /api/v1/commands/ lists them."
NOBODY = "None of them can take it, so nothing is ordered."


@dataclass(frozen=True)
class Asked:
    """What a request wants, understood."""

    request_type: str
    keys: Mapping[str, Any]
    targets: Targets
    is_custom: bool = False
    terms: Mapping[str, Any] = field(default_factory=dict)
    """note, priority, starts_at and so on, as ordering.draft takes them."""


def read(sent: Mapping[str, Any], terms: tuple[str, ...]) -> Asked:
    """Return what NewOrder validated, understood; Wrong names what is not."""
    is_custom = "plist" in sent
    request_type, keys = _custom(sent["plist"]) if is_custom else _keys(sent)
    return Asked(
        request_type=request_type,
        keys=keys,
        targets=addressing.targets(sent["to"]),
        is_custom=is_custom,
        terms={name: sent[name] for name in terms if name in sent},
    )


def _keys(sent: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    request_type = str(sent["request_type"])
    command = catalogue.commands().get(request_type)
    if command is None:
        raise Wrong([("request_type", UNKNOWN)])
    keys: dict[str, Any] = {}
    wrong = []
    for name, value in sent.get("keys", {}).items():
        known = command.keys.get(name)
        try:
            keys[name] = schema_json.from_json(known, value) if known else value
        except schema_json.Wrong as error:
            wrong.append((f"keys.{name}", str(error)))
    if not wrong:
        try:
            said = filled.prepare(request_type, keys)
        except UnicodeError as error:  # in a password, which is hashed
            raise Wrong([("keys", "They hold what nobody can type.")]) from error
        lacking = filled.lacking(request_type, said.keys)
        found = checking.problems(request_type, said.keys, lacking)
        wrong = [(_path(each.path), _sentence(each.message)) for each in found]
    if wrong:
        raise Wrong(wrong)
    return request_type, keys


def _path(path: str) -> str:
    return f"keys.{path}" if path else "keys"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}.".replace("..", ".")


def _custom(text: str) -> tuple[str, Mapping[str, Any]]:
    """Return the RequestType and the keys of a command written as a property list."""
    try:
        written = custom.read(base64.b64decode(text, validate=True))
    except (binascii.Error, UnicodeError) as error:
        raise Wrong([("plist", "Write the property list as base64 text.")]) from error
    except ValidationError as problem:
        raise Wrong([("plist", " ".join(problem.messages))]) from problem
    return written.request_type, written.keys


# --- Drafting, looking, letting go


@contextmanager
def told() -> Iterator[None]:
    """Turn what ordering refuses into the API's errors."""
    try:
        yield
    except ordering.NotAllowed as problem:
        raise PermissionDenied(_sentence(str(problem))) from problem
    except ordering.TooLate as problem:
        raise Conflict(_sentence(str(problem)), "too_late") from problem
    except checking.Invalid as problem:
        raise Wrong([("", _sentence(str(problem)))]) from problem


def place(asked: Asked, by: Any, confirm: str | None) -> Order:
    """Return the order, let go; Conflict says what must be confirmed, and in words
    what it does."""
    with told(), transaction.atomic():
        draft = _draft(asked, by)
        preview = asked.targets.preview(asked.request_type, asked.keys)
        if not preview.able:
            refused = RefusedSerializer(preview.refused, many=True).data
            raise Conflict(NOBODY, "nobody", refused=refused)
        return let_go(draft, by, confirm)


def look(asked: Asked, by: Any) -> dict[str, Any]:
    """Return what would become of it: it is drafted as it would be, and taken back."""
    with told(), transaction.atomic():
        draft = _draft(asked, by)
        preview = asked.targets.preview(asked.request_type, asked.keys)
        seen = describe(draft, preview)
        transaction.set_rollback(True)
    return seen


def repeat(order: Order, by: Any, confirm: str | None) -> Order:
    """Return a new order to those that did not get it or failed, let go."""
    with told(), transaction.atomic():
        return let_go(ordering.repeat(order, by), by, confirm)


def look_again(order: Order, by: Any) -> dict[str, Any]:
    with told(), transaction.atomic():
        draft = ordering.repeat(order, by)
        preview = of_order(draft).preview(draft.request_type, draft.keys)
        seen = describe(draft, preview)
        transaction.set_rollback(True)
    return seen


def describe(draft: Order, preview: Preview) -> dict[str, Any]:
    destroys = draft.is_destructive
    return {
        "dry_run": True,
        "request_type": draft.request_type,
        "title": words.title(draft.request_type),
        "total": draft.total,
        "able": preview.able,
        "refused": preview.refused,
        "consequence": consequence(draft) if destroys else "",
        "confirm": expected(draft) if destroys else None,
        "needs_approval": ordering.needs_approval(draft),
    }


def let_go(draft: Order, by: Any, confirm: str | None) -> Order:
    """Confirm a draft, if what must be said for that was said."""
    if draft.is_destructive:
        wanted = expected(draft)
        if (confirm or "").strip() != wanted:
            raise Conflict(
                f"{consequence(draft)} If you mean it, send confirm: “{wanted}”.",
                "confirm",
                confirm=wanted,
                consequence=consequence(draft),
            )
    return ordering.confirm(draft, by)


def consequence(draft: Order) -> str:
    return words.consequence(draft.request_type, draft.keys)


def expected(draft: Order) -> str:
    """Return what confirms it: the one device's name, or how many will get it."""
    if draft.total == 1:
        return str(draft.recipients.select_related("device").get().device)
    return str(draft.total - draft.refused)


def _draft(asked: Asked, by: Any) -> Order:
    return ordering.draft(
        asked.targets,
        asked.request_type,
        asked.keys,
        by=by,
        is_custom=asked.is_custom,
        **asked.terms,
    )
