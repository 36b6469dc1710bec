"""API tokens: made and revoked by staff for themselves, by right for others, too."""

import datetime as dt
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from commands.ordering import rights
from devices.admin.base import Admin, badge, moment
from devices.models import User
from mdmportal.accounts import is_fresh

from .models import ApiToken

OTHERS = "api.manage_apitokens"
"""The right to make and revoke tokens of other people."""
LIVES = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "for ever"))
USUAL = "90"


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who may not make tokens for others is not asked for whom."""

    me: User
    life = forms.ChoiceField(
        choices=LIVES,
        initial=USUAL,
        required=False,
        label="Good for",
        widget=UnfoldAdminSelectWidget,
        help_text="It can be revoked at any time.",
    )

    class Meta:
        model = ApiToken
        fields = ("name", "user")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "user" in self.fields:
            staff = User.objects.filter(is_active=True, is_staff=True)
            self.fields["user"].queryset = staff  # type: ignore[attr-defined]
            self.fields["user"].initial = self.me.pk

    def clean_user(self) -> User:
        """A token must not be a way to rights that its maker has not."""
        user: User = self.cleaned_data["user"]
        if not may_act_as(self.me, user):
            raise ValidationError(
                "This account may do what yours may not, or approve what others order. "
                "Its person can make a token for themselves."
            )
        return user

    def ends_at(self) -> dt.datetime | None:
        days = self.cleaned_data["life"]
        return timezone.now() + dt.timedelta(days=int(days)) if days else None


def may_act_as(me: User, user: User) -> bool:
    if me == user or me.is_superuser:
        return True
    if user.is_superuser or user.has_perm(rights.APPROVE):
        return False  # who approves is a second person, and acts for themselves
    if me.has_perm(rights.APPROVE) and user.has_perm(rights.ORDER):
        return False  # nor orders in another's name what they then approve
    return bool(user.get_all_permissions() <= me.get_all_permissions())


def state_of(token: ApiToken) -> SafeString:
    if token.revoked_at:
        return badge("revoked")
    if token.is_expired:
        return badge("expired", "warn")
    if not token.user.is_active:
        return badge("its account is switched off", "warn")
    return badge("good", "ok")


@require_POST
def revoke(request: HttpRequest, model_admin: "ApiTokenAdmin", pk: int) -> HttpResponse:
    token = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    if token.revoke(request.user):
        messages.success(request, "The token is revoked: it opens nothing any more.")
    return redirect("admin:api_apitoken_change", pk)


@admin.register(ApiToken)
class ApiTokenAdmin(Admin):
    form = TokenForm
    list_display = (
        "name",
        "starts_with",
        "user",
        "state",
        moment("created_at", "made"),
        moment("last_used_at", "last used"),
        moment("expires_at", "good until"),
    )
    list_select_related = ("user",)
    ordering = ("-created_at", "-pk")
    details_template = "api/token.html"
    custom_urls = (("<int:pk>/revoke/", "api_apitoken_revoke", revoke),)
    empty = (
        "vpn_key",
        "No token is made yet",
        "With a token a program does what you may do: asks for devices, orders "
        "commands. It is shown once, when it is made.",
    )
    empty_button = ("admin:api_apitoken_add", "Make a token")

    # --- Who may: staff for themselves

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        rows: QuerySet[ApiToken] = super().get_queryset(request)
        if request.user.has_perm(OTHERS):
            return rows
        return rows.filter(user=request.user.pk)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoked ones stay: who looks at the audit wants to know them."""
        return False

    # --- The list

    @admin.display(description="begins with", ordering="prefix")
    def starts_with(self, token: ApiToken) -> str:
        return f"{token.prefix}…"

    @admin.display()
    def state(self, token: ApiToken) -> SafeString:
        return state_of(token)

    # --- Making one

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.me = request.user
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        others = ("user",) if request.user.has_perm(OTHERS) else ()
        return ("name", *others, "life")

    @sensitive_variables()
    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Who is at the browser proves it anew: a token outlasts the session."""
        if self.has_add_permission(request) and not is_fresh(request):
            if request.method == "POST":  # what was typed is not carried along
                return redirect("admin:api_apitoken_add")
            raise ReauthenticationRequired
        added: HttpResponse = super().add_view(request, form_url, extra_context)
        return added

    @sensitive_variables()
    def save_model(
        self, request: HttpRequest, obj: ApiToken, form: TokenForm, change: bool
    ) -> None:
        user = form.cleaned_data.get("user", request.user)
        made, text = ApiToken.make(
            obj.name, user, by=request.user, expires_at=form.ends_at()
        )
        obj.__dict__.update(made.__dict__)
        obj.text = text  # type: ignore[attr-defined]

    def response_add(
        self,
        request: HttpRequest,
        obj: ApiToken,
        post_url_continue: str | None = None,
    ) -> HttpResponse:
        """Show it, which is kept nowhere: in no cache either."""
        context = {"title": f"Token of {obj.name}", "token": obj}
        answer = self.page(request, "api/made.html", text=obj.text, **context)  # type: ignore[attr-defined]
        add_never_cache_headers(answer)
        return answer

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The audit has it."""

    def details(self, request: HttpRequest, row: ApiToken) -> dict[str, Any]:
        return {"title": str(row), "token": row, "state": state_of(row)}
