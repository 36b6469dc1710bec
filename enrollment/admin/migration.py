"""Migration sources: other servers from which devices move here, and how far it is."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from apns.models import PushCertificate
from devices.admin.base import Admin, badge
from devices.models import AuditEntry

from .. import moving_in as migration
from ..models import MigrationSource, digest, new_token
from ..moving_in import foreign
from ..moving_in.form import MigrationSourceForm

LISTED = 20
"""Devices that are named on the page of their source."""


@require_POST
def renew_key(
    request: HttpRequest, model_admin: "MigrationSourceAdmin", pk: int
) -> HttpResponse:
    """Show another key, once; the one before opens nothing any more."""
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    source = get_object_or_404(MigrationSource, pk=pk)
    key = new_token()
    MigrationSource.objects.filter(pk=pk).update(digest=digest(key))
    AuditEntry.write(request.user, "renewed the key of a migration source", source)
    return model_admin.show_key(request, source, key)


@require_POST
def wake(
    request: HttpRequest, model_admin: "MigrationSourceAdmin", pk: int
) -> HttpResponse:
    """Have those devices come that have not yet."""
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    source = get_object_or_404(MigrationSource, pk=pk)
    count = migration.wake(source)
    words = "They are pushed, and again ever more rarely, until they come."
    messages.success(request, f"{count} devices. {words}")
    return redirect("admin:enrollment_migrationsource_change", pk)


@admin.register(MigrationSource)
class MigrationSourceAdmin(Admin):
    form = MigrationSourceForm
    list_display = ("name", "state", "way", "moved_in", "come")
    list_select_related = ("way",)
    ordering = ("name", "pk")
    fields = ("name", "way", "authorities", "upload", "is_enabled")
    change_form_outer_before_template = "enrollment/migration.html"
    custom_urls = (
        ("<int:pk>/key/", "enrollment_migrationsource_key", renew_key),
        ("<int:pk>/wake/", "enrollment_migrationsource_wake", wake),
    )
    empty = (
        "moving",
        "Nothing moves here",
        "Devices of a NanoMDM or MicroMDM server can go on here without enrolling "
        "again and without anybody touching them.",
    )
    empty_button = ("admin:enrollment_migrationsource_add", "Move devices here")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MigrationSource]:
        rows: QuerySet[MigrationSource] = super().get_queryset(request)
        moved, come = Count("moves"), Count("moves__seen_at")
        return rows.annotate(moved=moved, came=come)

    @admin.display(ordering="is_enabled")
    def state(self, source: MigrationSource) -> SafeString:
        return badge("open", "ok") if source.is_enabled else badge("closed")

    @admin.display(description="moved in", ordering="moved")
    def moved_in(self, source: MigrationSource) -> int:
        return int(source.moved)  # type: ignore[attr-defined]

    @admin.display(description="seen since", ordering="came")
    def come(self, source: MigrationSource) -> int:
        return int(source.came)  # type: ignore[attr-defined]

    def has_delete_permission(
        self, request: HttpRequest, obj: MigrationSource | None = None
    ) -> bool:
        """Its profile is what renews the devices that moved in: it is closed."""
        if obj is not None and obj.moves.exists():
            return False
        return bool(super().has_delete_permission(request, obj))

    def save_model(
        self,
        request: HttpRequest,
        obj: MigrationSource,
        form: MigrationSourceForm,
        change: bool,
    ) -> None:
        uploaded = form.cleaned_data.get("upload")
        if uploaded:
            obj.profile = uploaded
        if not change:
            obj.new_key = new_token()  # type: ignore[attr-defined]
            obj.digest = digest(obj.new_key)  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)
        if uploaded:
            migration.apply_profile(obj)
        verb = "changed" if change else "added"
        AuditEntry.write(request.user, f"{verb} a migration source", obj)

    def response_add(
        self,
        request: HttpRequest,
        obj: MigrationSource,
        post_url_continue: str | None = None,
    ) -> HttpResponse:
        return self.show_key(request, obj, obj.new_key)  # type: ignore[attr-defined]

    def show_key(
        self, request: HttpRequest, source: MigrationSource, key: str
    ) -> HttpResponse:
        """Show the key, which is kept nowhere."""
        return self.page(
            request,
            "enrollment/migration_key.html",
            title=f"Key of {source}",
            source=source,
            key=key,
            url=_url(),
        )

    def details(self, request: HttpRequest, source: MigrationSource) -> dict[str, Any]:
        moves = source.moves.select_related("enrollment__device")
        waiting = moves.filter(seen_at=None).order_by("pk")
        moved, missing = moves.count(), waiting.count()
        return {
            "source": source,
            "state": self.state(source),
            "url": _url(),
            "counts": {"moved": moved, "seen": moved - missing, "missing": missing},
            "waiting": [move.enrollment for move in waiting[:LISTED]],
            "problems": _problems(source),
            "may_change": self.has_change_permission(request),
        }


def _url() -> str:
    return str(settings.PUBLIC_URL) + reverse("migration")


def _problems(source: MigrationSource) -> list[str]:
    """Return what will go wrong, and what to do about it."""
    if not source.profile:
        return [
            "The other server's enrollment profile is missing: the identities of these "
            "devices cannot be renewed, and on the day one expires its device is lost. "
            "Upload the profile below."
        ]
    profile = foreign.read(bytes(source.profile))
    problems = []
    if not PushCertificate.objects.filter(topic=profile.topic).exists():
        problems.append(
            f"There is no push certificate with the topic {profile.topic}. Upload the "
            "one of the other server, with its key, before anything is replayed."
        )
    if not profile.signs and not settings.CLIENT_CERTIFICATE_HEADER:
        problems.append(
            "These devices do not sign what they send, but show their certificate in "
            "TLS. The proxy has to hand it over: set CLIENT_CERTIFICATE_HEADER and "
            "TRUSTED_PROXIES."
        )
    return problems
