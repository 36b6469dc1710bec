"""User: the people of the dashboard and the owners of devices; and their groups."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from ..models import Channel, Device, Enrollment, User
from .base import Admin
from .enrollment import state_badge

SHOWN = 50
"""Devices, users of devices and stays on a person's page; the lists have all."""

for model in (Group, EmailAddress, Authenticator):
    admin.site.unregister(model)


def edit(request: HttpRequest, model_admin: "UserAdmin", pk: int) -> HttpResponse:
    """Show the form of a person's account; the person's page stands above it."""
    form: HttpResponse = model_admin.changeform_view(request, str(pk), "", {})
    return form


@admin.register(User)
class UserAdmin(BaseUserAdmin, Admin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    details_template = "devices/user/person.html"
    custom_urls = (("<int:pk>/edit/", "devices_user_edit", edit),)
    list_display = (
        "username",
        "first_name",
        "last_name",
        "email",
        "managed_apple_account",
        "owned",
        "is_staff",
    )
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    ordering = ("username",)
    search_fields = (
        "username",
        "first_name",
        "last_name",
        "email",
        "managed_apple_account",
    )
    search_help_text = "Search name, e-mail or Managed Apple Account"
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (
            "Person",
            {"fields": ("first_name", "last_name", "email", "managed_apple_account")},
        ),
        (
            "May do",
            {
                "fields": (
                    "is_active",
                    "is_staff",
                    "is_superuser",
                    "groups",
                ),
                "description": "Staff may sign in to the dashboard; their roles say "
                "what they may do. A superuser may do everything.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        (
            "Person",
            {
                "fields": ("first_name", "last_name", "email", "managed_apple_account"),
                "description": "Whoever enrolls a device by account needs an e-mail "
                "address or a Managed Apple Account.",
            },
        ),
        (
            "May do",
            {
                "fields": ("is_staff", "is_superuser", "groups"),
                "description": "Staff may sign in to the dashboard; their roles say "
                "what they may do. A superuser may do everything. Neither: an owner of "
                "devices.",
            },
        ),
    )
    filter_horizontal = ("groups",)

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest, **options: Any
    ) -> Any:
        """Call groups roles, as the menu does."""
        if db_field.name == "groups":
            options |= {"label": "Roles", "help_text": "They add up. None: no rights."}
        return super().formfield_for_manytomany(db_field, request, **options)

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> tuple[str, ...]:
        """Who is no superuser makes none. Roles are given by who may change what they
        hold, who could have any right by that."""
        fixed = tuple(str(name) for name in self.readonly_fields)
        if request.user.is_superuser:
            return fixed
        if request.user.has_perm("auth.change_group"):
            return (*fixed, "is_superuser")
        return (*fixed, "is_superuser", "groups")

    def has_change_permission(
        self, request: HttpRequest, obj: User | None = None
    ) -> bool:
        """Who sets a password or an address can sign in by it: superusers guard their
        own kind."""
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(
        self, request: HttpRequest, obj: User | None = None
    ) -> bool:
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)

    def prepare(self, rows: Sequence[User]) -> None:
        """Count the devices of all people of a page at once."""
        owned = Device.objects.filter(owner__in=[user.pk for user in rows])
        counts = owned.order_by().values("owner").annotate(count=Count("pk"))
        found = Counter({one["owner"]: one["count"] for one in counts})
        for user in rows:
            user.owned = found[user.pk]  # type: ignore[attr-defined]

    @admin.display(description="devices")
    def owned(self, user: User) -> int:
        count: int = user.owned  # type: ignore[attr-defined]
        return count

    def details(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Devices are shown to who may see devices."""
        may_see = request.user.has_perm("devices.view_device")
        return {
            "title": str(user),
            "person": user,
            "may_change": self.has_change_permission(request, user),
            "roles": list(user.groups.all()),
            "may_see": may_see,
            "may_order": may_see and request.user.has_perm("commands.add_command"),
            **(_devices_of(user) if may_see else {}),
        }

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        """After a name and a password come the rest of the person, and their roles."""
        following = post_url_continue or reverse(
            "admin:devices_user_edit", args=[obj.pk]
        )
        answer: HttpResponse = super().response_add(request, obj, following)
        return answer

    def response_post_save_change(
        self, request: HttpRequest, obj: User
    ) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:devices_user_change", args=[obj.pk]))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The first run leads here to make an administrator."""
        given = super().get_changeform_initial_data(request)
        return {name: value == "1" for name, value in given.items()}


def _devices_of(user: User) -> dict[str, Any]:
    """Return what a person has to do with devices, newest or by name."""
    enrolled = Enrollment.objects.filter(
        device=OuterRef("pk"), state=Enrollment.State.ACTIVE
    )
    own = Channel.objects.filter(enrollment__device=OuterRef("pk"), user_id="")
    seen = Subquery(own.order_by("-pk").values("last_seen_at")[:1])
    owned: QuerySet[Device] = user.devices.order_by("name", "pk")
    shown = owned.annotate(enrolled=Exists(enrolled), seen_at=seen)
    channels = user.channels.select_related("enrollment__device").order_by("-pk")
    stays = user.enrollments.select_related("device").order_by("-opened_at", "-pk")
    return {
        "owned": list(shown[:SHOWN]),
        "owned_count": owned.count(),
        "channels": list(channels.exclude(user_id="")[:SHOWN]),
        "stays": [(stay, state_badge(stay)) for stay in stays[:SHOWN]],
    }


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or not user.is_superuser or bool(request.user.is_superuser)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, Admin):
    empty = (
        "group",
        "No roles yet",
        "A role is a group of people: give it rights, then put people into it. Help "
        "desk may send commands, say, while only a few may erase devices.",
    )
    empty_button = ("admin:auth_group_add", "Add a role")


@admin.register(Authenticator)
class AuthenticatorAdmin(Admin):
    """Second factors: to be deleted for who lost theirs, never made by hand."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email")
    fields = ("user", "type", "created_at", "last_used_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
