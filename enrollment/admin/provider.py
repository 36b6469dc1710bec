"""Identity providers: where people sign in, checked from here, and what groups give."""

from typing import Any

from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from devices.admin.base import Admin, badge
from devices.models import AuditEntry, DeviceGroup

from .. import signon
from ..models import GroupRule, IdentityProvider
from ..signon import metadata, providers
from ..signon.form import GroupRuleForm, ProviderForm

for model in (SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(model)

Protocol = IdentityProvider.Protocol
OF_OIDC = ("server_url", "client_id", "secret")
OF_SAML = ("metadata_url", "entity_id", "sso_url", "certificate")


class BySuperusers:
    """Who sets up a provider can make staff of anybody: superusers alone do."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


class GroupRuleInline(BySuperusers, TabularInline):  # type: ignore[misc]
    model = GroupRule
    form = GroupRuleForm
    fields = ("value", "is_staff", "role", "device_group")
    extra = 0
    hide_title = True
    verbose_name_plural = "What its groups give"

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **options: Any
    ) -> Any:
        """Devices join groups that are filled by hand, not by conditions."""
        if db_field.name == "device_group":
            options["queryset"] = DeviceGroup.static()
        return super().formfield_for_foreignkey(db_field, request, **options)


def check(request: HttpRequest, model_admin: "ProviderAdmin", pk: int) -> HttpResponse:
    """Ask the provider what it publishes; say what is wrong with it, in words.

    Of SAML metadata a POST takes what they say now.
    """
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    row = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    if request.method == "POST":
        model_admin.take_metadata(request, row)
        return redirect("admin:enrollment_identityprovider_change", pk)
    problem, found = "", []
    try:
        checks = {
            Protocol.OIDC: metadata.check_oidc,
            Protocol.SAML: metadata.check_saml,
        }
        found = checks[Protocol(row.protocol)](row)
    except metadata.Unusable as error:
        problem = str(error)
    shown = {"title": f"Check {row}", "problem": problem, "found": found}
    return model_admin.page(
        request, "enrollment/provider_check.html", provider=row, **shown
    )


@admin.register(IdentityProvider)
class ProviderAdmin(BySuperusers, Admin):
    form = ProviderForm
    list_display = ("name", "protocol", "state", "mail_domains", "people")
    list_filter = ("protocol", "is_enabled")
    search_fields = ("name", "code")
    ordering = ("name", "pk")
    inlines = (GroupRuleInline,)
    change_form_outer_before_template = "enrollment/provider.html"
    fieldsets = (
        (None, {"fields": ("name", "code", "is_enabled", "creates_users")}),
        ("How it is asked", {"fields": ("protocol", *OF_OIDC, *OF_SAML)}),
        (
            "What it says of people",
            {
                "fields": (
                    "email_attribute",
                    "first_name_attribute",
                    "last_name_attribute",
                    "groups_attribute",
                    "account_attribute",
                    "account_pattern",
                )
            },
        ),
    )
    conditional_fields = {
        **dict.fromkeys(OF_OIDC, f"protocol == '{Protocol.OIDC}'"),
        **dict.fromkeys(OF_SAML, f"protocol == '{Protocol.SAML}'"),
    }
    custom_urls = (("<int:pk>/check/", "enrollment_identityprovider_check", check),)
    empty = (
        "passkey",
        "There is no identity provider yet",
        "People can sign in with the account of your organisation: Entra ID, Okta, "
        "Google Workspace, Keycloak, or any other OpenID Connect or SAML 2.0 provider. "
        "Without one they have a password of this portal.",
    )
    empty_button = ("admin:enrollment_identityprovider_add", "Add an identity provider")

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityProvider]:
        """The secret stays where it is: no page shows it."""
        rows: QuerySet[IdentityProvider] = super().get_queryset(request)
        return rows.defer("client_secret").prefetch_related("domains")

    def get_readonly_fields(
        self, request: HttpRequest, obj: IdentityProvider | None = None
    ) -> tuple[str, ...]:
        """What the provider's own settings were made with lasts."""
        return ("code",) if obj else ()

    @admin.display(ordering="is_enabled")
    def state(self, provider: IdentityProvider) -> SafeString:
        if not provider.is_enabled:
            return badge("off")
        if not signon.is_complete(provider):
            return badge("not set up", "warn")
        return badge("on", "ok")

    @admin.display()
    def mail_domains(self, provider: IdentityProvider) -> str:
        return ", ".join(domain.name for domain in provider.domains.all()) or "-"

    @admin.display()
    def people(self, provider: IdentityProvider) -> int:
        return int(SocialAccount.objects.filter(provider=provider.code).count())

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Providers want to know the addresses before they give out a secret."""
        context = {"to_be": providers.addresses_to_be(), **(extra_context or {})}
        answer: HttpResponse = super().add_view(request, form_url, context)
        return answer

    def details(self, request: HttpRequest, row: IdentityProvider) -> dict[str, Any]:
        here = reverse("admin:enrollment_identityprovider_change", args=[row.pk])
        return {
            "provider": row,
            "state": self.state(row),
            "addresses": providers.addresses(row),
            "test_url": signon.begin(row, here),
            "may_change": self.has_change_permission(request, row),
        }

    def save_model(
        self, request: HttpRequest, obj: IdentityProvider, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        AuditEntry.write(request.user, "identity provider saved", obj)
        if change and {"protocol", "server_url", "entity_id"} & set(form.changed_data):
            _forget_people(obj)  # another may call somebody else the same
        is_new = not change or "metadata_url" in form.changed_data
        if obj.protocol == Protocol.SAML and obj.metadata_url and is_new:
            self.take_metadata(request, obj)

    def response_post_save_add(
        self, request: HttpRequest, obj: IdentityProvider
    ) -> HttpResponse:
        """Its page goes on with what to enter at the provider."""
        return redirect("admin:enrollment_identityprovider_change", obj.pk)

    def take_metadata(self, request: HttpRequest, row: IdentityProvider) -> None:
        """Fetch and keep what SAML metadata say, and tell how that went."""
        before = row.entity_id
        try:
            metadata.take_saml(row)
        except metadata.Unusable as problem:
            messages.warning(request, f"Its metadata were not taken. {problem}")
            return
        if before and before != row.entity_id:
            _forget_people(row)
        messages.success(request, "What its metadata say is in use.")

    def delete_model(self, request: HttpRequest, obj: IdentityProvider) -> None:
        """Those whom it let in are not let in by another of the same code."""
        _forget_people(obj)
        super().delete_model(request, obj)
        AuditEntry.write(request.user, "identity provider deleted", obj)

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[IdentityProvider]
    ) -> None:
        for row in queryset:
            self.delete_model(request, row)


def _forget_people(provider: IdentityProvider) -> None:
    SocialAccount.objects.filter(provider=provider.code).delete()
