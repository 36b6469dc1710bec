"""Forms: a command's keys, made from Apple's schema, and the words to confirm it."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mdmportal.protocol import ProtocolError, mobileconfig
from mdmportal.protocol.schema import Command, Key

from . import words
from .answers import SECRET_KEYS
from .schema_json import Wrong, example, from_json

MAX_UPLOAD = 5 * 1024 * 1024

# --- A field for each type of key


def _text(key: Key) -> forms.Field:
    if key.values:
        return forms.ChoiceField(choices=[("", "not set"), *_choices(key.values)])
    secret = key.name.lower() in SECRET_KEYS and key.name != "PIN"
    widget = forms.PasswordInput() if secret else forms.TextInput()
    return forms.CharField(strip=False, widget=widget)


def _choices(values: Iterable[Any]) -> list[tuple[str, str]]:
    return [(str(value), str(value)) for value in values]


def _number(kind: type[int] | type[float]) -> Callable[[Key], forms.Field]:
    def make(key: Key) -> forms.Field:
        if key.values:
            choices = [("", "not set"), *_choices(key.values)]
            return forms.TypedChoiceField(
                choices=choices, coerce=kind, empty_value=None
            )
        field = forms.IntegerField if kind is int else forms.FloatField
        return field(
            min_value=_bound(kind, key.minimum), max_value=_bound(kind, key.maximum)
        )

    return make


def _bound(kind: type[int] | type[float], bound: float | None) -> Any:
    return None if bound is None else kind(bound)


def _boolean(key: Key) -> forms.Field:
    """Three answers: what is not set leaves the device its own default."""
    unset = "not set" if key.default is None else f"not set ({_yes_no(key.default)})"
    return forms.TypedChoiceField(
        choices=[("", unset), ("true", "yes"), ("false", "no")],
        coerce=lambda value: value == "true",
        empty_value=None,
    )


def _yes_no(value: object) -> str:
    return "yes" if value else "no"


def _data(key: Key) -> forms.Field:
    return forms.FileField()


def _date(key: Key) -> forms.Field:
    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(widget=widget)


class LinesField(forms.CharField):
    """An array of strings: one on each line."""

    widget = forms.Textarea

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in str(super().clean(value) or "").splitlines()]
        return [line for line in lines if line] or None


class NestedField(forms.JSONField):
    """An array or dictionary, as JSON; data is base64 text in it, dates ISO 8601."""

    default_error_messages = {
        "invalid": "This is not JSON: look at its brackets, quotes and commas."
    }

    def __init__(self, key: Key, **options: Any) -> None:
        self.key = key
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        try:
            return from_json(self.key, found)
        except Wrong as problem:
            raise ValidationError(str(problem)) from problem

    def prepare_value(self, value: Any) -> str:
        """What was typed wrong stays as it is; nothing is shown as nothing."""
        if value is None or isinstance(value, str):
            return value or ""
        return json.dumps(value, indent=2, ensure_ascii=False)


def _nested(key: Key) -> forms.Field:
    simple = len(key.items) == 1 and key.items[0].type == "string"
    return LinesField() if simple else NestedField(key)


def _password(key: Key) -> forms.Field:
    """Said in clear here; a Mac is told a hash of it."""
    return forms.CharField(
        strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )


BY_NAME: Mapping[str, Callable[[Key], forms.Field]] = {"passwordHash": _password}

FIELDS: Mapping[str, Callable[[Key], forms.Field]] = {
    "string": _text,
    "integer": _number(int),
    "real": _number(float),
    "boolean": _boolean,
    "data": _data,
    "date": _date,
}
"""By the type of a key; all others are nested."""


def field_for(key: Key) -> forms.Field:
    """Return the form field of a key, under Apple's name."""
    field = BY_NAME.get(key.name, FIELDS.get(key.type, _nested))(key)
    field.label = key.name
    field.required = key.required
    field.help_text = help_for(key, field)
    return field


def help_for(key: Key, field: forms.Field) -> SafeString:
    """Return what to know about a key: words, range, default, an example."""
    parts = [words.EXPLAINED.get(key.name, ""), _range(key)]
    if key.default is not None and key.type != "boolean":
        parts.append(f"Default: {key.default}.")
    if isinstance(field, LinesField):
        parts.append("One on each line.")
    text = " ".join(part for part in parts if part)
    if not isinstance(field, NestedField):
        return format_html("{}", text)
    shape = json.dumps(example(key), indent=2)
    return format_html(
        "{} JSON, with Apple's key names. Data as base64 text. "
        "<details><summary>Example</summary><pre>{}</pre></details>",
        text,
        shape,
    )


def _range(key: Key) -> str:
    low, high = key.minimum, key.maximum
    if low is not None and high is not None:
        return f"From {low:g} to {high:g}."
    if low is not None:
        return f"At least {low:g}."
    return f"At most {high:g}." if high is not None else ""


# --- The form

REMOVABLE = "NewPassword"
"""The key of a password that an empty one removes."""

LIVES: Mapping[str, tuple[str, dt.timedelta | None]] = {
    "": ("does not expire", None),
    "hour": ("in 1 hour", dt.timedelta(hours=1)),
    "day": ("in 1 day", dt.timedelta(days=1)),
    "week": ("in 7 days", dt.timedelta(days=7)),
}
"""How long an order may wait, by the choice that says so."""


class OrderForm(forms.Form):
    """The keys of one command, how long it may wait, a note, and what confirms it.

    ``confirm`` is what must be typed, '' for nothing; ``filled`` are keys that the
    portal fills, which are not asked for; ``optional`` those that it fills if left out.
    """

    def __init__(
        self,
        command: Command,
        *args: Any,
        confirm: str = "",
        filled: Iterable[str] = (),
        optional: Iterable[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.command, self.expected = command, confirm
        self.own = [name for name in command.keys if name not in set(filled)]
        for name in self.own:
            self.fields[f"key_{name}"] = field_for(command.keys[name])
        for name in optional:
            self.fields[f"key_{name}"].required = False
        if REMOVABLE in self.own:
            self.fields["remove"] = forms.BooleanField(
                required=False, label="Remove the password instead of setting one"
            )
        self.fields["expires"] = forms.ChoiceField(
            choices=[(value, title) for value, (title, _) in LIVES.items()],
            required=False,
            label="Expires",
            help_text="A device that has not come by then is not sent it any more.",
        )
        self.fields["note"] = forms.CharField(
            max_length=255,
            required=False,
            label="Note",
            help_text="Why, for whoever reads the history. Not sent to the device.",
        )
        if confirm:
            self.fields["confirm"] = self._confirmation(confirm)

    @staticmethod
    def _confirmation(confirm: str) -> forms.CharField:
        return forms.CharField(
            label=format_html("Type <q>{}</q> to confirm", confirm),
            widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        )

    def clean_confirm(self) -> str:
        typed = str(self.cleaned_data["confirm"])
        if _as_typed(typed) != _as_typed(self.expected):
            raise ValidationError(f"Type exactly: {self.expected}")
        return typed

    def clean(self) -> None:
        for name in self.own:
            upload = self.cleaned_data.get(f"key_{name}")
            if isinstance(upload, UploadedFile):
                self._take(name, upload)

    def _take(self, name: str, upload: "UploadedFile[bytes]") -> None:
        """Replace an uploaded file by its bytes; a profile must be one."""
        if (upload.size or 0) > MAX_UPLOAD:
            self.add_error(f"key_{name}", "The file is larger than 5 MB.")
            return
        content = upload.read()
        if self.command.request_type == "InstallProfile":
            try:
                mobileconfig.read(content)
            except ProtocolError:
                problem = "This is not a configuration profile, signed or not."
                self.add_error(f"key_{name}", problem)
        self.cleaned_data[f"key_{name}"] = content

    @property
    def expires_at(self) -> dt.datetime | None:
        """When the order expires, counted from now; None for never."""
        _, life = LIVES[self.cleaned_data["expires"]]
        return timezone.now() + life if life else None

    @property
    def keys(self) -> dict[str, Any]:
        """The command's keys as ordered: what was left empty is not among them."""
        values = {name: self.cleaned_data.get(f"key_{name}") for name in self.own}
        said = {name: value for name, value in values.items() if not _is_unset(value)}
        if self.cleaned_data.get("remove"):
            said[REMOVABLE] = ""
        return said


PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})


def _as_typed(text: str) -> str:
    """Return ``text`` as a keyboard has it: Apple writes “Maria’s iPhone” with ’."""
    return " ".join(text.translate(PLAIN).split())


def _is_unset(value: object) -> bool:
    return value is None or value in ("", b"")
