"""Once: what is asked for again under the same key is not ordered again."""

import hashlib
import json
from collections.abc import Callable
from typing import cast

from django.db import IntegrityError, transaction
from rest_framework.request import Request

from commands.models import Order

from .errors import Conflict, Wrong
from .models import ApiToken, KeyedOrder

HEADER = "Idempotency-Key"
LONGEST = 255
ANOTHER = (
    f"This {HEADER} was used for something else. Use a key of its own for each order."
)


def once(request: Request, make: Callable[[], Order]) -> tuple[Order, bool]:
    """Return the order that ``make`` makes, or made under this request's key; and
    whether it is from before.

    The key is taken first, in the transaction of the order: who asks at the same time
    waits for it, and an order that fails leaves no key behind.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return make(), False
    if len(key) > LONGEST or not key.isprintable():
        raise Wrong([(HEADER, f"It is text of at most {LONGEST} characters.")])
    digest = _digest(request)
    with transaction.atomic():
        try:
            with transaction.atomic():
                kept = KeyedOrder.objects.create(
                    token=_token(request), key=key, digest=digest
                )
        except IntegrityError:
            return _before(request, key, digest), True
        kept.order = make()
        kept.save(update_fields=["order"])
        return kept.order, False


def _before(request: Request, key: str, digest: str) -> Order:
    kept = KeyedOrder.objects.select_related("order").get(
        token=_token(request), key=key
    )
    if kept.digest != digest or kept.order is None:
        raise Conflict(ANOTHER, "key_used")
    return kept.order


def _digest(request: Request) -> str:
    said = json.dumps([request.path, request.data], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _token(request: Request) -> ApiToken:
    return cast(ApiToken, request.auth)
