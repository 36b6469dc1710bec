"""ApprovalRule: which orders wait for a second person."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from devices.admin.base import Admin
from devices.models import AuditEntry
from mdmportal import catalogue

from .. import destructive, words
from ..models import ApprovalRule

EVERYTHING = "Everything that locks, erases, interrupts or removes"


def _choices() -> list[Any]:
    """Return the commands by title, those that destroy first."""
    names = sorted(catalogue.commands(), key=words.title)
    groups = {"Destroys": True, "Others": False}
    return [
        ("", EVERYTHING),
        *(
            (
                title,
                [
                    (name, f"{words.title(name)} ({name})")
                    for name in names
                    if destructive.is_destructive(name) is destroys
                ],
            )
            for title, destroys in groups.items()
        ),
    ]


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    request_type = forms.ChoiceField(
        choices=_choices,
        required=False,
        label="Orders of",
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = ApprovalRule
        fields = ("request_type", "over")
        labels = {"over": "To more devices than"}
        help_texts = {"over": "0: also to a single device."}


@admin.register(ApprovalRule)
class ApprovalRuleAdmin(Admin):
    form = RuleForm
    list_display = ("what", "when")
    ordering = ("request_type", "pk")
    empty = (
        "how_to_reg",
        "No order needs approval",
        "A rule has orders that destroy wait until a second person, who may do the "
        "same, has looked at them: erasing, say, or anything to more than 20 devices.",
    )
    empty_button = ("admin:commands_approvalrule_add", "Add a rule")

    @admin.display(description="orders of", ordering="request_type")
    def what(self, rule: ApprovalRule) -> str:
        return words.title(rule.request_type) if rule.request_type else EVERYTHING

    @admin.display(description="wait for a second person", ordering="over")
    def when(self, rule: ApprovalRule) -> str:
        if not rule.over:
            return "always, also to a single device"
        plural = "" if rule.over == 1 else "s"
        return f"to more than {rule.over} device{plural}"

    def save_model(
        self, request: HttpRequest, obj: ApprovalRule, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        verb = "changed" if change else "added"
        AuditEntry.write(request.user, f"approval rule {verb}", str(obj))

    def delete_model(self, request: HttpRequest, obj: ApprovalRule) -> None:
        AuditEntry.write(request.user, "approval rule deleted", str(obj))
        super().delete_model(request, obj)
