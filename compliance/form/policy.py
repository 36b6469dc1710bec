"""The form of a policy: its rules become conditions, its secrets are never shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from commands.answers import pretty
from devices.admin.conditions import ADD, COUNT, REMOVE, Editor
from devices.conditions import Condition, Invalid, read
from devices.models import Device, User
from mdmportal.protocol import plist

from .. import cycles, rules
from ..actions.post import problem_with
from ..models import Policy
from . import command
from .fields import AddressField, LinesField, field_for

SHORTEST = 16
MOST_EMAILS = 50
RULE_FIELDS = tuple(rules.RULES)
ABOUT = ("name", "description", "is_enabled")
SCOPE = ("groups", "platforms")
ACTION_FIELDS = (
    "grace_hours",
    "tag",
    "emails",
    "email_minutes",
    "webhook_url",
    "secret",
    "command_type",
    "command_json",
)


@dataclass(frozen=True)
class Section:
    """Some of the form's fields, for the template that draws those of a form."""

    visible_fields: Sequence[forms.BoundField]


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """``user`` fills it in; ``editor`` has the conditions that are no rules."""

    platforms = forms.MultipleChoiceField(
        choices=[(each, each) for each in Device.Platform.values],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: devices of all platforms.",
    )
    emails = LinesField(
        label="E-mail to",
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text="Addresses, one on each line.",
    )
    secret = forms.CharField(
        label="Webhook's secret",
        required=False,
        min_length=SHORTEST,
        max_length=500,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="Signs what is sent. Kept encrypted, and never shown again.",
    )
    command_type = forms.ChoiceField(
        label="Command",
        required=False,
        help_text="Ordered once a day at most for each device, in your name.",
    )
    command_json = forms.CharField(
        label="The command's keys",
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )

    class Meta:
        model = Policy
        fields = (*ABOUT, *SCOPE, *ACTION_FIELDS[:5])
        field_classes = {"webhook_url": AddressField}
        widgets = {"description": forms.Textarea({"rows": 2})}
        help_texts = {
            "groups": "None chosen: all enrolled devices. Ctrl or ⌘ chooses several.",
            "webhook_url": "An https address that is sent JSON. 2xx is taken for an "
            "answer; after any other it is tried again, ever later, for two days.",
        }

    def __init__(self, data: Any, user: User, **options: Any) -> None:
        super().__init__(data, **options)
        self.user, policy = user, self.instance
        found, rest = rules.take(policy.conditions.get("conditions", []))
        for name, rule in rules.RULES.items():
            self.fields[name] = field_for(rule)
            self.fields[name].initial = found.get(name)
        kept = Editor.of_kept({"conditions": rest})
        self.editor = kept if data is None else Editor.of_form(data)
        self.editor.match = "all"
        chosen = command.choices(user, policy.command_type)
        self.fields["command_type"].choices = chosen  # type: ignore[attr-defined]
        self.fields["command_type"].initial = policy.command_type
        self._explain(policy)

    def _explain(self, policy: Policy) -> None:
        """Say of what is not shown whether it is there."""
        if policy.webhook_secret:
            text = "There is one. It is not shown; another takes its place."
            self.fields["secret"].help_text = text
        text = "As JSON, in Apple's names."
        if policy.command_type and policy.keys:
            kept = pretty(policy.keys)
            text += f" Empty: they stay {kept}. Enter {{}} for none."
        self.fields["command_json"].help_text = text

    @property
    def is_editing(self) -> bool:
        """Whether a button was used that changes the form and saves nothing."""
        return any(name in self.data for name in (ADD, REMOVE, COUNT))

    @property
    def sections(self) -> dict[str, Section]:
        """The fields by where the page has them."""
        parts = {
            "about": ABOUT,
            "scope": SCOPE,
            "rules": RULE_FIELDS,
            "actions": ACTION_FIELDS,
        }
        return {
            part: Section([self[name] for name in names])
            for part, names in parts.items()
        }

    def clean(self) -> dict[str, Any]:
        super().clean()
        self._take_conditions()
        self._take_webhook()
        self._take_command()
        if not self.errors:
            self._refuse_cycles()
        return self.cleaned_data

    # --- What it asks

    def _take_conditions(self) -> None:
        """Make one set of conditions of the rules and the others."""
        items: list[Condition] = []
        for name, rule in rules.RULES.items():
            if name in self.cleaned_data:
                items += self._read_rule(name, rule)
        if self.editor.rows:
            own = self.editor.read()
            if own is None:
                self.add_error(None, "Please correct the other conditions.")
                return
            items += own.items
        if self.errors:
            return
        if not items:
            self.add_error(None, "Ask at least one thing of devices.")
            return
        source = [item.to_json() for item in items]
        try:
            found = read({"match": "all", "conditions": source})
        except Invalid as problem:
            self.add_error(None, str(problem))
        else:
            self.instance.conditions = found.to_json()

    def _read_rule(self, name: str, rule: rules.Rule) -> Sequence[Condition]:
        rows = rule.rows(self.cleaned_data[name])
        try:
            return read({"conditions": rows}).items if rows else ()
        except Invalid as problem:
            self.add_error(name, str(problem).partition(": ")[2] or str(problem))
            return ()

    def _refuse_cycles(self) -> None:
        self.instance.tag = self.cleaned_data["tag"]
        hangs_on = cycles.graph(self.instance, self.cleaned_data["groups"])
        if (self.instance.pk or 0) in cycles.circular(hangs_on):
            self.add_error(
                None,
                "So the policy would hang on itself and never come to rest: it asks, "
                "or one of its groups does, for its own verdict or tag, or for those "
                "of a policy that hangs on this one. Choose other groups or other "
                "conditions.",
            )

    # --- What happens

    def clean_emails(self) -> list[str]:
        emails: list[str] = self.cleaned_data["emails"]
        if len(emails) > MOST_EMAILS:
            raise ValidationError(
                f"At most {MOST_EMAILS}. Use a mailing list for more."
            )
        for email in emails:
            try:
                validate_email(email)
            except ValidationError as error:
                raise ValidationError(f"“{email}” is not an e-mail address.") from error
        return emails

    def clean_webhook_url(self) -> str:
        url = str(self.cleaned_data["webhook_url"] or "")
        problem = problem_with(url) if url else ""
        if problem:
            raise ValidationError(problem)
        return url

    def _take_webhook(self) -> None:
        """A new address needs a new secret: the old one is known to somebody else."""
        if not {"webhook_url", "secret"} <= self.cleaned_data.keys():
            return
        url, secret = self.cleaned_data["webhook_url"], self.cleaned_data["secret"]
        policy = self.instance
        if secret:
            policy.webhook_secret = secret.encode()
        elif url and (policy.webhook_secret is None or self._is_moved()):
            text = "Enter a secret that the other side has, too: openssl rand -hex 32"
            self.add_error("secret", text)
        if not url:
            policy.webhook_secret = None

    def _is_moved(self) -> bool:
        return "webhook_url" in self.changed_data

    def _take_command(self) -> None:
        """Who edits a policy answers by their rights for the command it has."""
        if "command_type" not in self.cleaned_data:
            return
        chosen = self.cleaned_data["command_type"]
        text = self.cleaned_data.get("command_json", "")
        policy = self.instance
        stays = chosen == policy.command_type and not text.strip()
        given: Mapping[str, Any] = policy.keys if stays and chosen else {}
        if chosen and not stays:
            try:
                given = command.read(chosen, text)
            except command.Refused as error:
                self.add_error("command_json", str(error))
                return
        problem = command.refusal(self.user, chosen, given) if chosen else ""
        if problem:  # whom it reaches is as much their doing as which it is
            words = f"With this command you cannot save the policy: {problem}."
            self.add_error("command_type", words)
            return
        if stays:
            return
        keys = plist.dumps(given) if chosen else None
        policy.command_type, policy.command_keys = chosen, keys
        policy.command_by = self.user if chosen else None
