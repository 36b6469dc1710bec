"""A page of the web as its reader sees it: forms, links and text.

https://html.spec.whatwg.org/multipage/forms.html
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

SILENT = {"script", "style", "template", "noscript", "title", "svg"}
"""What is inside these is not text for a reader."""
BUTTONS = {"submit", "image"}
PUSHED = {*BUTTONS, "button", "reset"}
SENT_AS_IS = {*PUSHED, "hidden", "checkbox", "radio", "select"}


@dataclass
class Field:
    """One control of a form; ``kind`` is its type, in lower case."""

    name: str
    kind: str
    value: str = ""
    fixed: bool = False
    required: bool = False
    checked: bool = False

    @property
    def is_sent(self) -> bool:
        """Whether a form that is sent as it stands has this field."""
        return bool(self.name) and (
            self.checked
            if self.kind in ("checkbox", "radio")
            else self.kind not in PUSHED
        )


@dataclass
class Button:
    """What is pressed to send a form; ``action`` is its own, '' the form's."""

    text: str
    name: str = ""
    value: str = ""
    action: str = ""


@dataclass
class Form:
    """A form; ``action`` is a whole address, ``method`` GET or POST."""

    action: str
    method: str
    fields: list[Field] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    def has(self, *kinds: str) -> bool:
        """Whether a field of these types can be filled in."""
        return any(one.kind in kinds and not one.fixed for one in self.fields)

    def names(self, *names: str) -> bool:
        return any(one.name in names for one in self.fields)

    @property
    def asks_nothing(self) -> bool:
        """Whether there is nothing to fill in, only to send."""
        return all(one.kind in SENT_AS_IS for one in self.fields)


@dataclass
class Link:
    text: str
    url: str


@dataclass
class Page:
    """A page at ``url``; ``refresh`` is where it sends its reader by itself, or ''."""

    url: str
    title: str = ""
    text: str = ""
    refresh: str = ""
    forms: list[Form] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


def read(url: str, html: str) -> Page:
    """Return the page that ``html`` makes at this address."""
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    return reader.page


class _Reader(HTMLParser):
    """Collects what is of use; broken markup is read as far as it goes."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.page = Page(url)
        self._base = url
        self._silent: list[str] = []
        self._form: Form | None = None
        self._by_id: dict[str, Form] = {}
        self._late: list[tuple[str, Field | Button]] = []
        self._link: Link | None = None
        self._button: Button | None = None
        self._area: Field | None = None
        self._select: Field | None = None

    # Elements

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in SILENT:
            self._silent.append(tag)
        method = getattr(self, f"_start_{tag}", None)
        if method:
            method(values)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        method = getattr(self, f"_end_{tag}", None)
        if method:
            method()

    def handle_data(self, data: str) -> None:
        if self._silent:
            if self._silent[-1] == "title":
                self.page.title += data.strip()
            return
        if self._area:
            self._area.value += data
            return
        for holder in (self._link, self._button):
            if holder:
                holder.text = _joined(holder.text, data)
        self.page.text = _joined(self.page.text, data)

    def close(self) -> None:
        super().close()
        for owner, part in self._late:
            form = self._by_id.get(owner)
            if form:
                _add(form, part)

    def _start_base(self, values: dict[str, str]) -> None:
        if values.get("href"):
            self._base = urljoin(self.page.url, values["href"])

    def _start_meta(self, values: dict[str, str]) -> None:
        if values.get("http-equiv", "").casefold() == "refresh":
            found = re.search(r"url\s*=\s*['\"]?([^'\"]+)", values["content"], re.I)
            if found:
                self.page.refresh = urljoin(self._base, found[1].strip())

    def _start_a(self, values: dict[str, str]) -> None:
        if "href" in values:
            url = urljoin(self._base, values["href"])
            self._link = Link(_label(values), url)
            self.page.links.append(self._link)

    def _end_a(self) -> None:
        self._link = None

    def _start_img(self, values: dict[str, str]) -> None:
        self.handle_data(values.get("alt", ""))

    # Forms

    def _start_form(self, values: dict[str, str]) -> None:
        action = urljoin(self._base, values.get("action") or self.page.url)
        method = values.get("method", "").upper()
        self._form = Form(action, "POST" if method == "POST" else "GET")
        self.page.forms.append(self._form)
        if "id" in values:
            self._by_id[values["id"]] = self._form

    def _end_form(self) -> None:
        self._form = None

    def _put(self, values: dict[str, str], part: Field | Button) -> None:
        """Add to its form a control, unless it is disabled."""
        if "disabled" in values:
            return
        if "form" in values:
            self._late.append((values["form"], part))
        elif self._form:
            _add(self._form, part)

    def _start_input(self, values: dict[str, str]) -> None:
        kind = values.get("type", "text").lower() or "text"
        name, value = values.get("name", ""), values.get("value", "")
        if kind in BUTTONS:
            text = _joined(value or values.get("alt", ""), _label(values))
            self._put(values, self._made(Button(text, name, value), values))
            return
        chosen = kind in ("checkbox", "radio")
        self._put(
            values,
            Field(
                name,
                kind,
                value if "value" in values or not chosen else "on",
                fixed="readonly" in values,
                required="required" in values,
                checked="checked" in values,
            ),
        )

    def _start_button(self, values: dict[str, str]) -> None:
        self._button = Button(
            _label(values), values.get("name", ""), values.get("value", "")
        )
        if values.get("type", "submit").lower() == "submit":
            self._put(values, self._made(self._button, values))

    def _end_button(self) -> None:
        self._button = None

    def _made(self, button: Button, values: dict[str, str]) -> Button:
        if values.get("formaction"):
            button.action = urljoin(self._base, values["formaction"])
        return button

    def _start_textarea(self, values: dict[str, str]) -> None:
        self._area = Field(values.get("name", ""), "textarea")
        self._put(values, self._area)

    def _end_textarea(self) -> None:
        self._area = None

    def _start_select(self, values: dict[str, str]) -> None:
        self._select = Field(values.get("name", ""), "select")
        self._put(values, self._select)

    def _start_option(self, values: dict[str, str]) -> None:
        """The first option counts, unless another one is marked."""
        select = self._select
        if select and ("selected" in values or not select.checked):
            select.value, select.checked = values.get("value", ""), True

    def _end_select(self) -> None:
        self._select = None


def _add(form: Form, part: Field | Button) -> None:
    if isinstance(part, Button):
        form.buttons.append(part)
    else:
        form.fields.append(part)


def _label(values: dict[str, str]) -> str:
    return values.get("aria-label") or values.get("title", "")


def _joined(text: str, more: str) -> str:
    return " ".join(f"{text} {more}".split())
