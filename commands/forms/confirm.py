"""Confirm: what must be typed before something destroys, such as a device's name."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html

PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})


class ConfirmField(forms.CharField):
    """Takes nothing but ``expected``, however a keyboard has its quotes."""

    def __init__(self, expected: str) -> None:
        super().__init__(
            label=format_html("Type <q>{}</q> to confirm", expected),
            widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        )
        self.expected = expected

    def validate(self, value: Any) -> None:
        super().validate(value)
        if _as_typed(value) != _as_typed(self.expected):
            raise ValidationError(f"Type exactly: {self.expected}")


def _as_typed(text: str) -> str:
    """Return ``text`` as a keyboard has it: Apple writes “Maria’s iPhone” with ’."""
    return " ".join(text.translate(PLAIN).split())
