"""Mail domains: what the devices of their people find, and where those sign in."""

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from devices.admin.base import Admin, badge

from ..models import MailDomain, Route
from . import discovery

NAME = re.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+(?!-)[a-z0-9-]{2,63}(?<!-)")


class DomainForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = MailDomain
        fields = ("name", "provider")

    def clean_name(self) -> str:
        """Return it as mail domains are compared: in lower case, without an @."""
        name: str = self.cleaned_data["name"].strip().lower().removeprefix("@")
        if len(name) > 253 or not NAME.fullmatch(name):
            raise ValidationError(
                "Enter what is behind the @ of an address, such as example.com; a name "
                "with other letters as its xn-- form."
            )
        if MailDomain.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError(f"{name} is there already.")
        return name


class RouteInline(TabularInline):  # type: ignore[misc]
    model = Route
    fields = ("model_family", "way")
    extra = 0
    hide_title = True
    verbose_name = "route"
    verbose_name_plural = "Which way in its devices take"


@admin.register(MailDomain)
class MailDomainAdmin(Admin):
    form = DomainForm
    list_display = ("name", "signs_in_with", "state", "way_in")
    list_select_related = ("provider",)
    search_fields = ("name",)
    ordering = ("name",)
    inlines = (RouteInline,)
    change_form_outer_before_template = "enrollment/domain.html"
    custom_urls = (
        ("<int:pk>/discovery/", "enrollment_maildomain_discovery", discovery.show),
    )
    empty = (
        "alternate_email",
        "There is no mail domain yet",
        "People type their address into Settings, under Sign In to Work or School "
        "Account; what is behind its @ says where they sign in and enroll.",
    )
    empty_button = ("admin:enrollment_maildomain_add", "Add a mail domain")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MailDomain]:
        rows: QuerySet[MailDomain] = super().get_queryset(request)
        rows = rows.defer("provider__client_secret")
        return rows.prefetch_related("routes__way")

    def get_readonly_fields(
        self, request: HttpRequest, obj: MailDomain | None = None
    ) -> tuple[str, ...]:
        """A provider may open the accounts of its domains: superusers choose both."""
        if request.user.is_superuser:
            return ()
        return ("name", "provider") if obj and obj.provider_id else ("provider",)

    def has_delete_permission(
        self, request: HttpRequest, obj: MailDomain | None = None
    ) -> bool:
        """Without it, other providers may open the accounts of its people."""
        if obj is not None and obj.provider_id and not request.user.is_superuser:
            return False
        return bool(super().has_delete_permission(request, obj))

    @admin.display(ordering="provider__name")
    def signs_in_with(self, domain: MailDomain) -> str:
        return domain.provider.name if domain.provider else "a password of the portal"

    @admin.display()
    def state(self, domain: MailDomain) -> SafeString:
        families = [route.model_family for route in domain.routes.all()]
        if not families:
            return badge("no way in", "warn")
        return badge("all devices", "ok") if "" in families else badge("some devices")

    @admin.display(description="ways in")
    def way_in(self, domain: MailDomain) -> str:
        names = (route.way.name for route in domain.routes.all())
        return ", ".join(dict.fromkeys(names)) or "-"

    def details(self, request: HttpRequest, row: MailDomain) -> dict[str, Any]:
        return {"domain": row, "state": self.state(row)}

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        families = set(form.instance.routes.values_list("model_family", flat=True))
        if families and "" not in families:
            messages.warning(
                request,
                "Devices of other families find no way in. Add a route for all others, "
                "unless they are to be refused.",
            )
