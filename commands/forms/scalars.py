"""Scalars: keys of single values, each with a control of its own."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from mdmportal.protocol.schema import Key

from ..answers import SECRET_KEYS
from . import labels, uploads
from .node import BIGGEST, UNSET, Node
from .sent import Named

REMOVABLE: Mapping[str, str] = {
    "NewPassword": "Remove the password instead of setting one"
}
"""Keys for which an empty text says something, and what."""

LONG_TEXTS = frozenset({"Message", "Footnote"})
SHOWN_SECRETS = frozenset({"PIN"})

# --- Text and numbers


class TextNode(Node, kind="text"):
    template = "commands/keys/text.html"

    @property
    def is_secret(self) -> bool:
        name = self.key.name
        return name.lower() in SECRET_KEYS and name not in SHOWN_SECRETS

    @property
    def is_long(self) -> bool:
        return self.key.name in LONG_TEXTS

    @property
    def suggested(self) -> str:
        return self.context.suggestions.of(self.key.name)

    @property
    def sample(self) -> str:
        return labels.SAMPLES.get(self.key.name, "")

    @property
    def removal(self) -> str:
        return REMOVABLE.get(self.key.name, "")

    @property
    def is_removed(self) -> bool:
        return bool(self.removal and self.context.sent.text(f"{self.name}.remove"))

    @property
    def is_filled(self) -> bool:
        return bool(self.text if self.is_secret else self.text.strip()) or (
            self.is_removed
        )

    def value(self) -> Any:
        if self.is_removed:
            return ""
        return self.text if self.is_secret else self.text.strip()

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        if isinstance(value, bytes):  # a password's hash: nobody can type it again
            return
        if value == "" and key.name in REMOVABLE:
            yield f"{name}.remove", "1"
        yield name, str(value)


class NumberNode(Node, kind="number"):
    template = "commands/keys/number.html"

    @property
    def step(self) -> str:
        return "1" if self.key.type == "integer" else "any"

    def value(self) -> Any:
        low, high = self.key.minimum, self.key.maximum
        if self.key.type == "integer":
            field: forms.Field = forms.IntegerField(
                min_value=int(-BIGGEST if low is None else low),
                max_value=int(BIGGEST if high is None else high),
            )
        else:
            field = forms.FloatField(min_value=low, max_value=high)
        return _cleaned(self, field)


def _cleaned(node: Node, field: forms.Field) -> Any:
    try:
        return field.clean(node.text.strip())
    except ValidationError as error:
        for message in error.messages:
            node.wrong(message)
        return UNSET


class DateNode(Node, kind="date"):
    template = "commands/keys/date.html"

    def value(self) -> Any:
        return _cleaned(self, forms.DateTimeField())

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        """As the browser's control has it: by the clock of who looks."""
        yield name, f"{timezone.localtime(_aware(value)):%Y-%m-%dT%H:%M:%S}"


def _aware(value: dt.datetime) -> dt.datetime:
    """A property list's dates are in UTC and do not say so."""
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


# --- Choices


class ChoiceNode(Node, kind="choice"):
    template = "commands/keys/choice.html"

    @property
    def unset(self) -> str:
        if self.required:
            return "choose"
        default = self.key.default
        return "not set" if default is None else f"not set ({self.said(default)})"

    def said(self, value: Any) -> str:
        return labels.choice(self.key, value)

    @property
    def options(self) -> list[tuple[str, str]]:
        known = [each for each in self.key.values if not self._refused(each)]
        return [(str(each), self.said(each)) for each in known]

    def _refused(self, value: Any) -> str:
        choice = self.key.choices.get(value)
        return self.context.audience.refused(choice) if choice else ""

    def value(self) -> Any:
        for value in self.key.values:
            if str(value) == self.text:
                return value
        self.wrong("Choose one of the list.")
        return UNSET


class BooleanNode(ChoiceNode, kind="boolean"):
    """Three answers: what is not set leaves the device its own default."""

    def said(self, value: Any) -> str:
        return "yes" if value else "no"

    @property
    def options(self) -> list[tuple[str, str]]:
        return [("true", "yes"), ("false", "no")]

    def value(self) -> Any:
        return self.text == "true"

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        yield name, "true" if value else "false"


class FixedNode(Node, kind="fixed"):
    """The one value that there is: nothing to choose, and nothing to leave out."""

    template = "commands/keys/fixed.html"
    is_filled = False

    def read(self, at: str) -> Any:
        self.at = at
        return self.key.values[0]

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        return ()


# --- Data


class DataNode(Node, kind="file"):
    """A file. One that was chosen before stays, unless that is unticked."""

    template = "commands/keys/file.html"

    @property
    def accept(self) -> str:
        return uploads.accepted(self.key.name)

    @property
    def takes_text(self) -> bool:
        """Whether people may have it as base64 text rather than as a file."""
        return not self.accept

    @property
    def kept(self) -> bytes | None:
        return self.context.sent.kept.get(self.name)

    @property
    def stays(self) -> bool:
        if self.kept is None:
            return False
        return not self.context.is_sent or bool(
            self.context.sent.text(f"{self.name}.kept")
        )

    @property
    def base64(self) -> str:
        return self.context.sent.text(f"{self.name}.base64")

    @property
    def is_lost(self) -> bool:
        """Browsers send a file once: what was chosen is gone when the form returns."""
        return bool(self.context.is_sent and self.context.sent.files(self.name))

    @property
    def is_filled(self) -> bool:
        sent = self.context.sent
        return bool(sent.files(self.name)) or bool(self.base64.strip()) or self.stays

    def value(self) -> Any:
        try:
            uploaded = self.context.sent.files(self.name)
            if uploaded:
                return uploads.take(self.key.name, uploaded[-1])
            if self.base64.strip():
                return uploads.from_base64(self.base64)
        except uploads.Unfit as problem:
            self.wrong(str(problem))
            return UNSET
        return self.kept

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        yield name, bytes(value)
