"""User: the people of the dashboard and the owners of devices; and their groups."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from ..models import User
from .base import Admin

for model in (Group, EmailAddress, Authenticator):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(BaseUserAdmin, Admin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "email", "is_staff")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    ordering = ("username",)
    search_fields = (
        "username",
        "first_name",
        "last_name",
        "email",
        "managed_apple_account",
    )
    search_help_text = "Search name or e-mail"
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
                "description": "Staff may sign in to the dashboard; their groups "
                "(Roles) say what they may do. A superuser may do everything.",
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
                "fields": ("is_staff", "is_superuser"),
                "description": "Staff may sign in to the dashboard; a superuser may do "
                "everything there. Neither: an owner of devices.",
            },
        ),
    )
    filter_horizontal = ("groups",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> tuple[str, ...]:
        """Who is no superuser makes none, and gives no one a role."""
        fixed = tuple(str(name) for name in self.readonly_fields)
        if request.user.is_superuser:
            return fixed
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

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The first run leads here to make an administrator."""
        given = super().get_changeform_initial_data(request)
        return {name: value == "1" for name, value in given.items()}


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or not user.is_superuser or bool(request.user.is_superuser)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, Admin):
    empty = (
        "group",
        "No groups yet",
        "A group is a role: give it rights, then put people into it. Help desk may "
        "send commands, say, while only a few may erase devices.",
    )
    empty_button = ("admin:auth_group_add", "Add a group")


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
