"""Fields of a policy's form: a rule of each kind, and lists of lines."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms

from ..rules import Rule


class LinesField(forms.CharField):
    """Several texts, one on each line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> str:
        return "\n".join(value) if isinstance(value, list) else value or ""

    def clean(self, value: Any) -> Any:
        lines = (line.strip() for line in str(super().clean(value) or "").splitlines())
        return [line for line in dict.fromkeys(lines) if line]


class AddressField(forms.URLField):
    """Typed without a scheme it is https, as it will be in Django 6."""

    def __init__(self, **options: Any) -> None:
        super().__init__(assume_scheme="https", **options)


def _check(_: Rule) -> forms.Field:
    return forms.BooleanField()


def _version(rule: Rule) -> forms.Field:
    widget = forms.TextInput({"placeholder": rule.hint})
    return forms.CharField(max_length=32, widget=widget)


def _days(_: Rule) -> forms.Field:
    return forms.IntegerField(min_value=1, max_value=3650)


def _lines(rule: Rule) -> forms.Field:
    return LinesField(widget=forms.Textarea({"rows": 2, "placeholder": rule.hint}))


KINDS: Mapping[str, Callable[[Rule], forms.Field]] = {
    "check": _check,
    "version": _version,
    "days": _days,
    "lines": _lines,
}


def field_for(rule: Rule) -> forms.Field:
    """Return the form field that asks for a rule."""
    field = KINDS[rule.kind](rule)
    field.label, field.help_text, field.required = rule.label, rule.help, False
    return field
