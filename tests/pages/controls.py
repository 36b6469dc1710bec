"""Controls: what a browser would send of a page's HTML, without scripts or with."""

from collections import defaultdict
from html.parser import HTMLParser

from django.http import QueryDict


class Controls(HTMLParser):
    """Collects the successful controls of a page; ``blanks`` are not among them.

    https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#constructing-the-form-data-set
    """

    def __init__(self, html: str, *, scripted: bool = True) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = defaultdict(list)
        self._unseen, self._depth = (
            {"template"} | ({"noscript"} if scripted else set()),
            0,
        )
        self._area = self._select = ""
        self._text: list[str] = []
        self.feed(str(html))

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        if tag in self._unseen:
            self._depth += 1
        if self._depth:
            return
        said = {name: value or "" for name, value in attributes}
        name = said.get("name", "")
        if tag == "textarea":
            self._area, self._text = name, []
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in said:
            self.values[self._select].append(said["value"])
        elif tag == "input" and name and said.get("type") != "file":
            is_box = said.get("type") in ("checkbox", "radio")
            if "checked" in said or not is_box:
                self.values[name].append(said.get("value", "on" if is_box else ""))

    def handle_data(self, data: str) -> None:
        if self._area:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            self._depth -= 1
        if tag == "textarea" and self._area:
            self.values[self._area].append("".join(self._text))
            self._area = ""
        if tag == "select":
            self._select = ""


def sent_by(html: object, **more: str) -> QueryDict:
    """Return what is posted of a form as it was drawn, with ``more`` typed into it."""
    found = QueryDict(mutable=True)
    for name, values in Controls(str(html)).values.items():
        found.setlist(name, values)
    for name, value in more.items():
        found[name] = value
    return found
