"""Policies: their list, the page of each, its form, and what its buttons do."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from devices.admin.base import Admin, badge, moment
from devices.models import AuditEntry, User

from .. import actions, counts, sweeps, tasks
from ..actions import tags
from ..form import PolicyForm
from ..models import Action, Policy, State
from . import page

LOOK = ("devices.view_device", "devices.view_devicegroup")
"""What it takes to be told which devices meet conditions."""


@require_POST
def check(request: HttpRequest, model_admin: "PolicyAdmin", pk: int) -> HttpResponse:
    """Judge all devices anew."""
    policy = model_admin.to_change(request, pk)
    _sweep(policy)
    AuditEntry.write(request.user, "policy checked", policy)
    return redirect(policy.get_absolute_url())


@require_POST
def retry(request: HttpRequest, model_admin: "PolicyAdmin", pk: int) -> HttpResponse:
    """Try all that failed once more."""
    policy = model_admin.to_change(request, pk)
    count = actions.again(policy)
    _after_commit(tasks.act)
    AuditEntry.write(request.user, "policy's actions tried again", policy, count=count)
    messages.success(request, "What failed is tried again now.")
    return redirect(policy.get_absolute_url())


def _sweep(policy: Policy) -> None:
    sweeps.begin(Policy.objects.filter(pk=policy.pk))
    _after_commit(tasks.sweep)


def _after_commit(task: Any) -> None:
    def send() -> None:
        task.delay()

    transaction.on_commit(send, robust=True)


@admin.register(Policy)
class PolicyAdmin(Admin):
    list_display = (
        "name",
        "state",
        "for_whom",
        "violates",
        "unknown",
        "complies",
        moment("swept_at", "checked"),
    )
    list_filter = ("is_enabled",)
    search_fields = ("name", "description")
    ordering = ("name", "pk")
    details_template = "compliance/policy.html"
    custom_urls = (
        ("<int:pk>/check/", "compliance_policy_check", check),
        ("<int:pk>/retry/", "compliance_policy_retry", retry),
    )
    empty = (
        "verified_user",
        "There is no policy yet",
        "A policy says what devices must be: up to date, encrypted, with a passcode, "
        "seen within a week. The portal judges each device whenever it tells something "
        "new, shows who violates it and why, and can tag, tell or command.",
    )
    empty_button = ("admin:compliance_policy_add", "Add a policy")

    def get_urls(self) -> list[Any]:
        """A policy's page stands at its own address, its form below it."""
        form = self.admin_site.admin_view(self.edit_view)
        name = "compliance_policy_edit"
        return [path("<int:pk>/edit/", form, name=name), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        rows: QuerySet[Policy] = super().get_queryset(request)
        return rows.defer(*Policy.SECRETS).prefetch_related("groups")

    def to_change(self, request: HttpRequest, pk: int) -> Policy:
        if not self.has_change_permission(request):
            raise PermissionDenied
        return get_object_or_404(Policy, pk=pk)

    # --- The list

    def buttons(self, request: HttpRequest) -> list[tuple[str, str]]:
        lists = (("standing", "Verdicts"), ("action", "What was done"))
        return [
            (reverse(f"admin:compliance_{name}_changelist"), words)
            for name, words in lists
            if request.user.has_perm(f"compliance.view_{name}")
        ]

    def prepare(self, rows: Sequence[Policy]) -> None:
        found = counts.now(row.pk for row in rows)
        for row in rows:
            row.counts = found.get(row.pk, Counter())  # type: ignore[attr-defined]

    @admin.display(ordering="is_enabled")
    def state(self, policy: Policy) -> SafeString:
        if policy.sweep_after is not None:
            return badge("checking", "info")
        return badge("in force", "ok") if policy.is_enabled else badge("off")

    state.plain = lambda row: "in force" if row.is_enabled else "off"  # type: ignore[attr-defined]

    @admin.display(description="for")
    def for_whom(self, policy: Policy) -> str:
        return page.for_whom(policy)

    @admin.display()
    def violates(self, policy: Any) -> SafeString:
        return page.link(policy, State.VIOLATES, policy.counts[State.VIOLATES])

    violates.plain = lambda row: row.counts[State.VIOLATES]  # type: ignore[attr-defined]

    @admin.display(description="not known")
    def unknown(self, policy: Any) -> SafeString:
        return page.link(policy, State.UNKNOWN, policy.counts[State.UNKNOWN])

    unknown.plain = lambda row: row.counts[State.UNKNOWN]  # type: ignore[attr-defined]

    @admin.display()
    def complies(self, policy: Any) -> SafeString:
        return page.link(policy, State.COMPLIES, policy.counts[State.COMPLIES])

    complies.plain = lambda row: row.counts[State.COMPLIES]  # type: ignore[attr-defined]

    # --- Page and form

    def details(self, request: HttpRequest, policy: Policy) -> dict[str, Any]:
        return {
            "title": str(policy),
            "state": self.state(policy),
            "may_change": self.has_change_permission(request, policy),
            "may_delete": self.has_delete_permission(request, policy),
            "may_see_devices": request.user.has_perm("compliance.view_standing"),
            "may_see_actions": request.user.has_perm("compliance.view_action"),
            **page.context(policy),
        }

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._edit(request, Policy())

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._edit(request, self.to_change(request, pk))

    def _edit(self, request: HttpRequest, policy: Policy) -> HttpResponse:
        """Show the form, take it, or do what one of its buttons says."""
        person: User = request.user  # type: ignore[assignment]
        data = request.POST if request.method == "POST" else None
        name, tag = policy.name, policy.tag_id
        form = PolicyForm(data, person, instance=policy)
        if data is not None and not form.is_editing and form.is_valid():
            return self._saved(request, form, tag)
        return self.page(
            request,
            "compliance/form.html",
            title=f"Edit {name}" if name else "Add a policy",
            form=form,
            editor=form.editor,
            sections=form.sections,
            policy=policy if policy.pk else None,
            may_look=request.user.has_perms(LOOK),
        )

    def _saved(
        self, request: HttpRequest, form: PolicyForm, tag: int | None
    ) -> HttpResponse:
        """Its devices are judged at once; those it is not for any more are let go."""
        verb = "changed" if form.instance.pk else "added"
        with transaction.atomic():
            policy = form.save()
            tags.change(policy, tag)
            fields = ", ".join(sorted(form.changed_data))[:200]
            AuditEntry.write(request.user, f"policy {verb}", policy, fields=fields)
            _sweep(policy)
        messages.success(request, "Saved. All devices are being judged by it.")
        return redirect(policy.get_absolute_url())

    # --- Deleting

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Say how much goes with a policy, not each row: there can be thousands."""
        policies = [policy.pk for policy in objs]
        rows = Action.objects.filter(policy__in=policies)
        standing = counts.now(policies)
        counted = {
            "policies": len(policies),
            "verdicts": sum(each.total() for each in standing.values()),
            "actions": rows.count(),
        }
        return [str(policy) for policy in objs], counted, set(), []

    def delete_model(self, request: HttpRequest, obj: Policy) -> None:
        label = str(obj)
        super().delete_model(request, obj)
        AuditEntry.write(request.user, "policy deleted", label)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Policy]) -> None:
        for policy in queryset:
            self.delete_model(request, policy)
