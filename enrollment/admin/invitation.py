"""Invitations: letters and printed codes that let one person, or some devices, in."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminRadioSelectWidget

from devices.admin.base import Admin, badge, moment
from devices.admin.enrollment import state_badge
from devices.models import Enrollment
from mdmportal import qr

from .. import invitations
from ..models import Invitation

SHOWN = 50
LIST = "admin:enrollment_invitation_changelist"
PAGE = "admin:enrollment_invitation_change"


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]
    by = forms.ChoiceField(
        label="How it gets there",
        choices=(
            ("mail", "a letter by e-mail"),
            ("print", "a page to print or to show, with a QR code"),
        ),
        initial="mail",
        widget=UnfoldAdminRadioSelectWidget,
    )

    class Meta:
        model = Invitation
        fields = ("way", "user", "email", "limit", "expires_at", "note")
        labels = {"way": "Way in", "expires_at": "Holds until"}
        help_texts = {
            "way": "Account-driven ways ask for an account all the same: there an "
            "invitation only shows the steps.",
            "user": "Owns the devices that enroll by it. Empty: they belong to nobody, "
            "for an invitation makes no account.",
            "email": "Where the letter goes. Empty: to the e-mail of the user.",
            "expires_at": "In the portal's time zone.",
            "note": "For IT only.",
        }

    def clean_limit(self) -> int:
        limit = int(self.cleaned_data["limit"])
        if limit < 1:
            raise ValidationError("At least one device.")
        return limit

    def clean_expires_at(self) -> dt.datetime:
        end: dt.datetime = self.cleaned_data["expires_at"]
        if end <= timezone.now():
            raise ValidationError("It would have expired already.")
        return end

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        user = given.get("user")
        if given.get("by") == "mail" and not given.get("email"):
            given["email"] = user.email if user else ""
            if not given["email"]:
                raise ValidationError({"email": "Where should the letter go?"})
        return given


# --- What can be done with one


def _step(
    work: Callable[[HttpRequest, Invitation], HttpResponse],
) -> Callable[[HttpRequest, "InvitationAdmin", int], HttpResponse]:
    """Return the view that does ``work``: a POST, for who may change invitations."""

    def view(
        request: HttpRequest, model_admin: "InvitationAdmin", pk: int
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("enrollment.change_invitation"):
            raise PermissionDenied
        rows = Invitation.objects.select_related("way", "user")
        return work(request, get_object_or_404(rows, pk=pk))

    return view


def _revoke(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    invitations.revoke(invitation, request.user)
    messages.success(request, "Withdrawn: it lets no one in any more.")
    return redirect(PAGE, invitation.pk)


def _renew(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    token = invitations.renew(invitation, request.user)
    return show(request, invitation, token)


def _send_again(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if not invitation.email:
        messages.error(request, "It has no e-mail address. Make a new code instead.")
        return redirect(PAGE, invitation.pk)
    token = invitations.renew(invitation, request.user)
    return deliver(request, invitation, token)


def deliver(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    """Send the letter, say how that went; a letter that was not sent can be printed."""
    try:
        invitations.send(invitation, token)
    except invitations.NotSent as problem:
        words = f"The letter could not be sent: {problem}. Here is the code instead."
        messages.error(request, words)
        return show(request, invitation, token)
    messages.success(request, f"The letter is on its way to {invitation.email}.")
    return redirect(PAGE, invitation.pk)


def show(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    """The page to print: the only time that the address is shown."""
    url = invitation.url(token)
    context = {"invitation": invitation, "url": url, "qr": qr.svg(url)}
    response = render(request, "enrollment/invitation_print.html", context)
    response["Cache-Control"] = "no-store"
    return response


@admin.register(Invitation)
class InvitationAdmin(Admin):
    form = InvitationForm
    list_display = (
        "whom",
        "state",
        "way_in",
        "used",
        moment("created_at", "made"),
        moment("expires_at", "holds until"),
        "created_by",
    )
    list_filter = ("way",)
    search_fields = ("email", "note", "user__username", "user__email")
    search_help_text = "Search e-mail, user or note"
    ordering = ("-created_at", "-pk")
    autocomplete_fields = ("user",)
    fields = ("way", "by", "user", "email", "limit", "expires_at", "note")
    details_template = "enrollment/invitation.html"
    custom_urls = (
        ("<int:pk>/revoke/", "enrollment_invitation_revoke", _step(_revoke)),
        ("<int:pk>/renew/", "enrollment_invitation_renew", _step(_renew)),
        ("<int:pk>/send/", "enrollment_invitation_send", _step(_send_again)),
    )
    empty = (
        "mail",
        "Nobody is invited yet",
        "An invitation lets one person, or some devices, in by a letter or a printed "
        "code, without an account and until it expires.",
    )
    empty_button = ("admin:enrollment_invitation_add", "Invite somebody")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        return invitations.listed().order_by(*self.ordering)

    @admin.display(ordering="email")
    def whom(self, row: Invitation) -> str:
        return row.email or str(row.user or "") or row.note or "printed"

    @admin.display()
    def state(self, row: Any) -> SafeString:
        return badge(*invitations.state(row, row.devices))

    @admin.display(ordering="way__name")
    def way_in(self, row: Invitation) -> str:
        return row.way.name

    @admin.display(description="devices", ordering="devices")
    def used(self, row: Any) -> str:
        return f"{row.devices} of {row.limit}"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        given = super().get_changeform_initial_data(request)
        return {"expires_at": invitations.default_end(), **given}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # withdrawing keeps who was invited, and by whom

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One button: what comes next is the letter, or the page to print."""
        hidden = ("show_save_and_continue", "show_save_and_add_another")
        context = {**dict.fromkeys(hidden, False), **(extra_context or {})}
        answer: HttpResponse = super().add_view(request, form_url, context)
        return answer

    def changeform_view(
        self, request: HttpRequest, *args: Any, **options: Any
    ) -> HttpResponse:
        """The letter is sent when the row is safe, outside of its transaction."""
        answer: HttpResponse = super().changeform_view(request, *args, **options)
        made = getattr(request, "made", None)
        if made is None:
            return answer
        invitation, token, by = made
        return (deliver if by == "mail" else show)(request, invitation, token)

    def save_model(
        self, request: Any, obj: Invitation, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        token = invitations.make(obj, request.user)
        request.made = obj, token, form.cleaned_data["by"]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The audit trail has it."""

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        return redirect(LIST)  # replaced once the transaction has ended

    def details(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        stays = Enrollment.objects.filter(identities__challenge__invitation=row)
        recent = stays.distinct().select_related("device")[:SHOWN]
        return {
            "title": str(row),
            "state": self.state(row),
            "word": invitations.state(row, row.devices)[0],
            "stays": [(stay, state_badge(stay)) for stay in recent],
            "may_change": self.has_change_permission(request, row),
            "is_account_driven": row.way.is_account_driven,
        }
