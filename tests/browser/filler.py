"""Filler: fills in the form of a command as a person does, with keys that are given."""

from collections.abc import Mapping, Sequence
from typing import Any

from playwright.sync_api import Locator, Page

from mdmportal.protocol.schema import DISCRIMINATOR, Key

TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "real",
    str: "string",
}
"""What is chosen for a value that can be anything."""


class Filler:
    """``files`` are what is chosen for data, by its bytes."""

    def __init__(self, page: Page, files: Mapping[bytes, str]) -> None:
        self.page, self.files = page, files

    def fill(self, keys: Mapping[str, Key], values: Mapping[str, Any]) -> None:
        self._fields(keys, values, "key")

    def _fields(
        self, keys: Mapping[str, Key], values: Mapping[str, Any], name: str
    ) -> None:
        for key, value in values.items():
            if key != DISCRIMINATOR:
                self._key(keys[key], value, f"{name}.{key}")

    def _key(self, key: Key, value: Any, name: str) -> None:
        if isinstance(value, Mapping):
            if key.wildcard:
                self._pairs(value, name)
            else:
                self._fields(key.keys, value, name)
        elif isinstance(value, list):
            self._array(key, value, name)
        else:
            self._scalar(value, name)

    # --- Single values

    def _control(self, name: str) -> Locator:
        found = self.page.locator(f'[name="{name}"]')
        self._open(found)
        return found

    def _open(self, inside: Locator) -> None:
        """Unfold what it is folded into, from the outside in."""
        folded = self.page.locator("details:not([open])").filter(has=inside)
        while folded.count():
            folded.first.locator("> summary").click()

    def _scalar(self, value: Any, name: str) -> None:
        control = self._control(name)
        if isinstance(value, bytes):
            control.set_input_files(self.files[value])
        elif isinstance(value, bool):
            control.select_option("true" if value else "false")
        elif control.evaluate("(element) => element.tagName") == "SELECT":
            control.select_option(str(value))
        else:
            control.fill(str(value))

    # --- Arrays, and dictionaries of any keys

    def _array(self, key: Key, values: Sequence[Any], name: str) -> None:
        if len(key.items) > 1:
            self._shapes(key.items, values)
            return
        [item] = key.items
        if item.type == "dictionary":
            self._list(item, values, name)
        elif item.type == "data":
            self._control(name).set_input_files([self.files[each] for each in values])
        elif item.values:
            self._ticks(name, values)
        else:
            self._control(name).fill("\n".join(map(str, values)))

    def _list(self, item: Key, values: Sequence[Any], name: str) -> None:
        several = self._several(name)
        elements = several.locator("> [data-elements] > [data-element]")
        for number, value in enumerate(values):
            if elements.count() <= number:
                several.locator("> .mp-row > [data-add]").click()
            self._fields(item.keys, value, f"{name}.{number}")

    def _several(self, name: str) -> Locator:
        several = self.page.locator(f"#id_{name.replace('.', '-')}")
        self._open(several)
        return several

    def _ticks(self, name: str, values: Sequence[str]) -> None:
        self._several(name).locator('[data-tick=""]').click()
        for value in values:
            self.page.locator(f'[name="{name}"][value="{value}"]').check()

    def _shapes(
        self, shapes: Sequence[Key], values: Sequence[Mapping[str, Any]]
    ) -> None:
        ticked: dict[str, int] = {}
        for value in values:
            item = str(value[DISCRIMINATOR])
            number = ticked[item] = ticked.get(item, -1) + 1
            box = self.page.locator(f'[type=checkbox][value="{item}"]')
            if number:
                self.page.locator(".mp-shapes").filter(has=box.first).locator(
                    "[data-add]"
                ).click()
            box.nth(number).check()
            name = str(box.nth(number).get_attribute("name"))
            shape = next(each for each in shapes if each.name == item)
            self._fields(shape.keys, value, name.removesuffix(f".{DISCRIMINATOR}"))

    def _pairs(self, values: Mapping[str, Any], name: str) -> None:
        several = self.page.locator(f"#id_{name.replace('.', '-')}")
        self._open(several)
        if several.get_attribute("open") is None:
            several.locator("> summary").click()
        for number, (called, value) in enumerate(values.items()):
            several.locator("[data-add]").click()
            row = f"{name}.{number}"
            self._control(f"{row}.name").fill(called)
            self._control(f"{row}.value.type").select_option(TYPES[type(value)])
            said = ("no", "yes")[value] if isinstance(value, bool) else str(value)
            self._control(f"{row}.value").fill(said)
