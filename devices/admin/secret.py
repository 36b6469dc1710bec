"""Secret: what is kept of which device; a value is shown on demand, for a reason."""

from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from mdmportal import qr
from mdmportal.accounts import is_fresh

from .. import reveal, spelling
from ..models import AuditEntry, Secret
from .base import LongPaginator, ReadOnlyAdmin, badge, moment

SHOWN = 50
TONES = {
    Secret.Outcome.REFUSED: "bad",
    Secret.Outcome.WITHDRAWN: "mute",
    Secret.Outcome.UNANSWERED: "warn",
    Secret.Outcome.UNSURE: "warn",
}


def standing(secret: Secret) -> SafeString:
    """Return whether a version counts, as a badge."""
    if secret.is_expected:
        return badge("ordered, not confirmed yet", "warn")
    if secret.outcome:
        outcome = Secret.Outcome(secret.outcome)
        return badge(outcome.label, TONES[outcome])
    if secret.replaced_at:
        return badge("replaced")
    return (
        badge("no longer valid", "bad")
        if secret.invalid_at
        else badge("in force", "ok")
    )


NEVER = "never"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why do you need it?",
        min_length=reveal.SHORTEST_REASON,
        max_length=255,
        widget=forms.TextInput({"autocomplete": "off", "autofocus": True}),
        help_text="It is written into the audit with your name and the time, for good.",
    )


def _seen(secret: Secret) -> str:
    """Return what makes a form good for one time: loading the page again sends it."""
    return secret.revealed_at.isoformat() if secret.revealed_at else NEVER


@never_cache
@sensitive_variables()
def show(request: HttpRequest, model_admin: "SecretAdmin", pk: int) -> HttpResponse:
    """Ask why, then show the value: once, by POST, and kept by no cache."""
    if not model_admin.has_reveal_permission(request):
        raise PermissionDenied
    secret = model_admin.get_queryset(request).filter(pk=pk).first()
    if secret is None:
        raise Http404("no such secret")
    if not is_fresh(request):
        if request.method == "POST":  # what was typed is not carried along
            return redirect("admin:devices_secret_reveal", pk)
        raise ReauthenticationRequired
    form = ReasonForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {
        "title": str(secret),
        "object": secret,
        "standing": standing(secret),
        "purpose": reveal.PURPOSES[secret.kind],
        "form": form,
        "seen": _seen(secret),
    }
    if request.method == "POST" and request.POST.get("seen", NEVER) != _seen(secret):
        messages.info(request, "It was shown already. Say again why you need it.")
        return redirect("admin:devices_secret_reveal", pk)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        shown = reveal.reveal(pk, by=request.user, reason=reason)
        context |= {"object": shown.secret, "shown": shown, "form": None}
        if shown.text and not shown.is_binary:
            context["qr"] = qr.svg(shown.text)
            context["spelled"] = spelling.spell(shown.text)
    return model_admin.page(request, "devices/secret/reveal.html", **context)


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    list_display = (
        "kind",
        "device_label",
        "device",
        "stands",
        moment("created_at", "kept since"),
        moment("replaced_at", "replaced"),
        moment("revealed_at", "last revealed"),
    )
    list_filter = (
        "kind",
        ("replaced_at", admin.EmptyFieldListFilter),
        ("revealed_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("device",)
    search_fields = ("device_label", "device__name")
    search_help_text = "Search serial number or name"
    paginator = LongPaginator
    details_template = "devices/secret/page.html"
    custom_urls = (("<int:pk>/reveal/", "devices_secret_reveal", show),)
    empty = (
        "key",
        "No secrets are kept",
        "Unlock tokens, bootstrap tokens, bypass codes and FileVault keys appear when "
        "devices hand them over; PINs and passwords when they are ordered. They stay, "
        "encrypted, when a device is deleted.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Secret]:
        """Leave the values where they are: none is decrypted to draw a list."""
        rows: QuerySet[Secret] = super().get_queryset(request)
        return rows.select_related("device").defer("value")

    def has_reveal_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms((reveal.PERMISSION, "devices.view_secret"))

    @admin.display(description="state")
    def stands(self, secret: Secret) -> SafeString:
        return standing(secret)

    def details(self, request: HttpRequest, secret: Secret) -> dict[str, Any]:
        rows = self.get_queryset(request).filter(
            kind=secret.kind, device_label=secret.device_label
        )
        return {
            "title": str(secret),
            "standing": standing(secret),
            "purpose": reveal.PURPOSES[secret.kind],
            "versions": [(row, standing(row)) for row in rows.order_by("-pk")[:SHOWN]],
            "reveals": reveals(secret),
            "may_reveal": self.has_reveal_permission(request),
        }


def reveals(secret: Secret) -> list[AuditEntry]:
    """Return who saw the versions of this secret, when and why, newest first."""
    rows = AuditEntry.objects.filter(action=reveal.ACTION, target=str(secret))
    return list(rows.order_by("-pk")[:SHOWN])
