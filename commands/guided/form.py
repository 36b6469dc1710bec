"""Form: the few plain fields of a step, and the name that confirms what destroys."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from .. import availability
from ..forms.confirm import ConfirmField
from ..models import Case
from . import recording
from .facts import Facts
from .plan import Standing
from .step import Deed, Field, Ordering, Workflow

LARGEST = 1_000_000
"""Bytes of a file."""


class StepForm(forms.Form):
    """What a step is done with; ``values`` are by the names of its fields."""

    def __init__(
        self, standing: Standing, facts: Facts, data: Any = None, files: Any = None
    ) -> None:
        super().__init__(data, files, prefix=standing.step.name)
        self.names: list[str] = []
        for field in _fields(standing, facts):
            self.names.append(field.name)
            self.fields[field.name] = _control(field, facts)
        if standing.asks_name:
            self.fields["confirm"] = ConfirmField(str(facts.device))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "owner" in cleaned:
            recording.person(cleaned["owner"])  # a ValidationError says who is not
        return cleaned

    @property
    def values(self) -> Mapping[str, Any]:
        said = {name: self.cleaned_data.get(name) for name in self.names}
        return {name: _content(value) for name, value in said.items()}


def _content(value: Any) -> Any:
    return value.read() if isinstance(value, UploadedFile) else value


def _fields(standing: Standing, facts: Facts) -> Iterator[Field]:
    """Yield the fields that this device knows."""
    act = standing.step.act
    if isinstance(act, Deed):
        yield from act.fields
    elif isinstance(act, Ordering):
        for field in act.fields:
            if field.is_file or _is_known(field, act, facts):
                yield field


def _is_known(field: Field, act: Ordering, facts: Facts) -> bool:
    if facts.channel is None:
        return False
    keys = act.keys(facts, {field.name: "text"})
    return not availability.refusal(facts.channel, act.request_type, keys)


def _control(field: Field, facts: Facts) -> forms.Field:
    options: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help,
        "required": False,
    }
    if field.is_file:
        return _File(**options)
    widget = forms.TextInput({"autocomplete": "off"})
    return forms.CharField(
        **options,
        initial=field.initial(facts),
        max_length=field.longest,
        widget=widget,
    )


class _File(forms.FileField):
    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if file and file.size > LARGEST:
            raise forms.ValidationError("The file is too large to be a profile.")
        return file


class BeginForm(forms.Form):
    note = forms.CharField(
        label="What happened",
        max_length=255,
        required=False,
        help_text="Where and when, who said so, the number of a ticket.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class CloseForm(forms.Form):
    """How it ended."""

    outcome = forms.ChoiceField(label="How it ended", widget=forms.Select)
    note = forms.CharField(
        label="What to remember",
        max_length=255,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
    )

    def __init__(self, workflow: Workflow, data: Any = None) -> None:
        super().__init__(data)
        choices = [(one.value, _said(one)) for one in workflow.outcomes]
        self.fields["outcome"].choices = [("", "Choose…"), *choices]  # type: ignore[attr-defined]


def _said(outcome: Case.Outcome) -> str:
    label = str(outcome.label)
    return label[:1].upper() + label[1:]
