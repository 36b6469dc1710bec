"""Orders: made, watched, decided on, taken back."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from commands import ordering, progress, refusals
from commands.models import Order, Recipient
from commands.ordering import rights

from .. import placing
from ..errors import Problem
from ..filtering import PageQuery
from ..once import HEADER, once
from ..permissions import require
from ..serializers.orders import (
    CancelledSerializer,
    NewOrder,
    OrderDetail,
    OrderSerializer,
    PreviewSerializer,
    RecipientSerializer,
    Sure,
    Why,
)
from .base import ListView, View

SEE = "|".join(rights.SEE_ORDERS)
ORDER = (rights.ORDER, rights.SEE_DEVICES)
REPLAYED = "Idempotent-Replayed"
NOT_YOURS = "Your account may not do that with this order."

KEY = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Under the same key the same order is made once, however often it is "
    "asked for within two days.",
)


EXAMPLES = [
    OpenApiExample(
        "Ask all devices",
        {
            "request_type": "DeviceInformation",
            "keys": {"Queries": ["BatteryLevel"]},
            "to": {"all": True},
            "note": "who is running low",
        },
        request_only=True,
    ),
    OpenApiExample(
        "See who would be locked",
        {
            "request_type": "DeviceLock",
            "keys": {"Message": "Found me?", "PhoneNumber": "+49 30 1234"},
            "to": {"devices": ["C02XK1ABCDEF", 7]},
            "dry_run": True,
        },
        request_only=True,
    ),
]


def visible(request: Request) -> QuerySet[Order]:
    """Return the orders that there are for this account: drafts are their makers'."""
    rows = Order.objects.exclude(rights.drafts_of_others(request.user))
    return rows.select_related("ordered_by", "decided_by")


def find(request: Request, pk: int) -> Order:
    """Return an order that this account may see, as on its page: one's own, or all."""
    order = visible(request).filter(pk=pk).first()
    if order is None:
        raise Http404
    if order.ordered_by_id != request.user.pk:
        require(request.user, (SEE,))
    return order


def tell(order: Order) -> dict[str, Any]:
    """Return all of an order, in a fixed number of statements."""
    shown = progress.of_order(order)
    order.deliveries = dict(shown.counts)  # type: ignore[attr-defined]
    order.refused_because = (  # type: ignore[attr-defined]
        refusals.of(order) if order.refused else []
    )
    told: dict[str, Any] = OrderDetail(order).data
    return told


class OrderQuery(PageQuery):
    state = serializers.ChoiceField(Order.State.values, required=False)
    request_type = serializers.CharField(required=False)
    ordered_by = serializers.CharField(required=False, help_text="A user name.")


class Orders(ListView):
    """What was ordered, newest first."""

    rights = (SEE,)
    rights_to_write = ORDER
    query = OrderQuery
    serializer_class = OrderSerializer
    newest_first = True

    def rows(self) -> QuerySet[Order]:
        return visible(self.request).defer("keys_plist", "passwords_plist")

    def by_state(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(state=value)

    def by_request_type(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(request_type=value)

    def by_ordered_by(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(ordered_by__username=value)

    @extend_schema(tags=["orders"], parameters=[OrderQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        tags=["orders"],
        parameters=[KEY],
        request=NewOrder,
        examples=EXAMPLES,
        responses={201: OrderDetail, 200: PreviewSerializer, 409: Problem},
    )
    def post(self, request: Request) -> Response:
        """Order a command; with dry_run, say only what would become of it."""
        body = NewOrder(data=request.data)
        body.is_valid(raise_exception=True)
        sent = body.validated_data
        asked = placing.read(sent, NewOrder.TERMS)
        if sent["dry_run"]:
            seen = placing.look(asked, request.user)
            return Response(PreviewSerializer(seen).data)
        confirm = sent.get("confirm")
        return made(
            *once(request, lambda: placing.place(asked, request.user, confirm)),
        )


def made(order: Order, is_from_before: bool) -> Response:
    headers = {"Location": f"/api/v1/orders/{order.pk}/"}
    if is_from_before:
        headers[REPLAYED] = "true"
    order.refresh_from_db()
    return Response(tell(order), status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["orders"])
class OneOrder(View):
    """An order, how far it has come, and who does not get it and why."""

    rights = None  # one's own orders are open to everybody

    @extend_schema(responses=OrderDetail)
    def get(self, request: Request, pk: int) -> Response:
        return Response(tell(find(request, pk)))


class RecipientQuery(PageQuery):
    state = serializers.ChoiceField(Recipient.State.values, required=False)


@extend_schema(tags=["orders"], parameters=[RecipientQuery])
class Recipients(ListView):
    """Who is to get an order, and how that stands for each."""

    rights = None
    query = RecipientQuery
    serializer_class = RecipientSerializer

    def rows(self) -> QuerySet[Recipient]:
        rows = Recipient.objects.select_related("device", "channel")
        if "pk" not in self.kwargs:
            return rows
        order = find(self.request, self.kwargs["pk"])
        return rows.filter(order=order)

    def by_state(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(state=value)


# --- What is done with an order


class Act(View):
    """Something that is done with an order, as by the button of its page."""

    rights_to_write = None
    name = ""

    def order(self, request: Request, pk: int) -> Order:
        order = find(request, pk)
        if not rights.may(request.user, self.name, order):
            raise PermissionDenied(NOT_YOURS)
        return order

    def done(self, order: Order) -> Response:
        order.refresh_from_db()
        return Response(tell(order))


def _act(name: str, words: str, act: Callable[[Order, Any], object]) -> type[Act]:
    """Return the view that does one thing, for which nothing is to be said."""

    class Done(Act):
        @extend_schema(
            tags=["orders"],
            request=None,
            responses={200: OrderDetail, 409: Problem},
            description=words,
        )
        def post(self, request: Request, pk: int) -> Response:
            order = self.order(request, pk)
            with placing.told():
                act(order, request.user)
            return self.done(order)

    Done.name = name
    Done.__name__ = Done.__qualname__ = name.title().replace("_", "")
    return Done


Approve = _act("approve", "Let go what a second person must approve.", ordering.approve)
GoOn = _act("go_on", "Go on to the rest, though some failed.", ordering.go_on)


class Cancel(Act):
    name = "cancel"

    @extend_schema(
        tags=["orders"],
        request=None,
        responses={200: CancelledSerializer, 409: Problem},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Take back what is not sent, and say what was too late."""
        order = self.order(request, pk)
        with placing.told():
            done = ordering.cancel(order, request.user)
        return Response(CancelledSerializer(done).data)


class Reject(Act):
    name = "reject"

    @extend_schema(
        tags=["orders"], request=Why, responses={200: OrderDetail, 409: Problem}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Do not approve an order: nothing of it is sent."""
        order = self.order(request, pk)
        body = Why(data=request.data)
        body.is_valid(raise_exception=True)
        with placing.told():
            ordering.reject(order, request.user, body.validated_data["why"])
        return self.done(order)


class Repeat(Act):
    name = "repeat"

    @extend_schema(
        tags=["orders"],
        parameters=[KEY],
        request=Sure,
        responses={201: OrderDetail, 200: PreviewSerializer, 409: Problem},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Order it again for those that failed, expired or were not sent it."""
        order = self.order(request, pk)
        body = Sure(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data["dry_run"]:
            seen = placing.look_again(order, request.user)
            return Response(PreviewSerializer(seen).data)
        confirm = body.validated_data.get("confirm")
        return made(
            *once(request, lambda: placing.repeat(order, request.user, confirm))
        )


ACTS: Mapping[str, type[Act]] = {
    "cancel": Cancel,
    "approve": Approve,
    "reject": Reject,
    "go_on": GoOn,
    "repeat": Repeat,
}
"""By the last part of the address."""
