"""OrderForm: the keys of one command, asked for as Apple's schema has them."""

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from mdmportal import catalogue
from mdmportal.protocol import plist, rules, schema
from mdmportal.protocol.schema import Command, Key, Problem

from ..schema_json import Wrong
from ..targets import Targets
from . import anything, arrays, pairs, pasted, scalars, shapes  # noqa: F401
from .context import Audience, Context
from .fields import FieldsNode
from .sent import Named, Sent
from .suggestions import Suggestions

UNFIT = "This holds characters that no property list can hold."

HASHED = frozenset({"passwordHash"})
"""Data of which people say what is hashed, in clear."""


class Root(FieldsNode):
    """All keys of a command."""

    template = "commands/keys/root.html"


class OrderForm:
    """Reads and draws the keys of a command.

    ``filled`` are keys that the portal fills in and nobody is asked for, ``optional``
    those that it fills in where they are left out. ``initial`` are keys to begin with;
    of ``targets`` is known what they cannot take, and what they may mean. Errors are by
    the name of their input, '' for those of the whole form.
    """

    template_name = "commands/keys/form.html"
    media = forms.Media(js=["portal/keys.js"])

    def __init__(
        self,
        command: Command,
        data: Any = None,
        files: Any = None,
        *,
        filled: Collection[str] = (),
        optional: Collection[str] = (),
        initial: Mapping[str, Any] | None = None,
        targets: Targets | None = None,
        prefix: str = "key",
    ) -> None:
        self.command, self.prefix = command, prefix
        self.is_bound = data is not None
        self.asked = _asked(command, filled, optional)
        before = [] if initial is None else list(self._spread(initial))
        sent = (
            Sent.of_request(data, files, before)
            if self.is_bound
            else Sent.of_inputs(before)
        )
        self.context = Context(
            request_type=command.request_type,
            sent=sent,
            audience=Audience(targets, command),
            suggestions=Suggestions(command.request_type, targets),
            words=catalogue.words(command.request_type),
            optional=optional,
            is_sent=self.is_bound,
        )
        self.root = Root(self.asked, prefix, "", self.context)
        self.keys: dict[str, Any] = {}
        """The keys as ordered: what was left empty is not among them."""
        self._is_read = False

    def _spread(self, keys: Mapping[str, Any]) -> Named:
        """Yield the inputs that show keys. What the schema has otherwise, as only a
        command written by hand can have it, is not shown. Passwords come hashed or in
        clear."""
        asked = dataclasses.replace(self.command, keys=self.asked.keys)
        wrong = _wrong(self.command, keys) & _wrong(asked, keys)
        fit = {name: value for name, value in keys.items() if name not in wrong}
        return FieldsNode.spread(self.asked, fit, self.prefix)

    # --- What was typed

    @property
    def pasted(self) -> str:
        """All keys at once, as JSON or a property list, instead of the controls."""
        return self.context.sent.text(f"{self.prefix}.paste")

    def is_valid(self) -> bool:
        return self.is_bound and not self.errors

    @property
    def errors(self) -> dict[str, list[str]]:
        """What is wrong, by the name of the input; {} if nothing is, or was sent."""
        if self.is_bound and not self._is_read:
            self._is_read = True
            self._read()
        found: dict[str, list[str]] = {}
        for name, text in self.context.errors:
            found.setdefault(name, []).append(text)
        return found

    @property
    def non_field_errors(self) -> Sequence[str]:
        return self.errors.get("", [])

    @property
    def paste_errors(self) -> Sequence[str]:
        return self.errors.get(f"{self.prefix}.paste", [])

    def add_error(self, path: str | None, text: str) -> None:
        """Note what is wrong with the key at a path, as ``Settings[0].Image``."""
        if self.pasted.strip():
            name = f"{self.prefix}.paste"
        else:
            node = self.root.find(path) if path else None
            name = node.name if node else ""
        self.context.errors.append((name, text))

    def _read(self) -> None:
        if self.pasted.strip():
            self.keys = self._read_pasted()
        else:
            self.keys = self.root.fields("")
        for problem in self._problems():
            self._note(problem)
        if not self.context.errors:
            self._refuse_unfit()

    def _read_pasted(self) -> dict[str, Any]:
        try:
            found = pasted.read(self.pasted, self.asked)
        except Wrong as problem:
            self.add_error(None, str(problem))
            return {}
        if not isinstance(found, Mapping):
            text = 'Give the keys as a dictionary: {"Queries": ["OSVersion"]}'
            self.add_error(None, text)
            return {}
        if self.root.is_filled:
            text = "Fill in the form or paste the keys, not both."
            self.add_error(None, text)
        return dict(found)

    def _problems(self) -> Sequence[Problem]:
        asked = dataclasses.replace(self.command, keys=self.asked.keys)
        found = schema.check(asked, self.keys)
        if found or self.context.errors:
            return found
        return rules.problems(self.command.request_type, self.keys)

    def _note(self, problem: Problem) -> None:
        """Show it at its field, unless something in that is known to be wrong."""
        if self.pasted.strip():
            self.add_error(None, str(problem))
            return
        node = self.root.find(problem.path) if problem.path else None
        if node is None:
            self.add_error(None, _sentence(problem.path or "This command", problem))
        elif not node.is_wrong:
            node.wrong(_sentence("This", problem))

    def _refuse_unfit(self) -> None:
        try:
            plist.loads(plist.dumps(self.keys))
        except (TypeError, ValueError, OverflowError, RecursionError):
            self.add_error(None, UNFIT)

    # --- How it looks

    @property
    def left_out(self) -> Sequence[tuple[str, str]]:
        """Keys that none of the devices knows, and why."""
        return self.root.left_out

    @property
    def is_empty(self) -> bool:
        """Whether the command has no keys to be asked for."""
        return not self.asked.keys

    @property
    def lists(self) -> Iterator[tuple[str, Sequence[tuple[str, str]]]]:
        """The suggestions that the form refers to; known once it has been drawn."""
        for source, values in self.context.suggestions.lists.items():
            if values:
                yield f"suggested-{source}", values

    def __str__(self) -> SafeString:
        return render_to_string(self.template_name, {"form": self, "root": self.root})

    __html__ = __str__


def _wrong(command: Command, keys: Mapping[str, Any]) -> set[str]:
    """Return which of the keys are not as the schema has them, at any depth."""
    problems = schema.check(command, keys)
    return {re.split(r"[.\[]", problem.path)[0] for problem in problems}


def _sentence(subject: str, problem: Problem) -> str:
    return f"{subject} {problem.message}."


def _asked(command: Command, filled: Collection[str], optional: Collection[str]) -> Key:
    """Return the keys to be asked for, as one dictionary."""
    keys = {
        name: _said(dataclasses.replace(key, required=False))
        if name in optional
        else _said(key)
        for name, key in command.keys.items()
        if name not in filled
    }
    return Key(
        name=command.request_type,
        type="dictionary",
        required=True,
        keys=MappingProxyType(keys),
        support=command.support,
    )


def _said(key: Key) -> Key:
    """Return the key with what people say in clear as text."""
    if key.name in HASHED:
        return dataclasses.replace(key, type="string")
    return dataclasses.replace(
        key,
        keys=MappingProxyType({name: _said(each) for name, each in key.keys.items()}),
        items=tuple(_said(each) for each in key.items),
    )
