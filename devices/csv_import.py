"""CSV in: a table that people filled in, whatever their spreadsheet made of it.

Comma, semicolon or tab between the cells; UTF-8, UTF-16 or Windows' Western European.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .csv_export import CALCULATES

MOST_BYTES = 5_000_000
MOST_LINES = 20_000
DELIMITERS = ",;\t"
KEYS = ("id", "serial_number", "udid", "enrollment_id")
"""The columns that say which device a line is about."""
FACTS = ("name", "owner", "asset_tag", "groups", "tags")
"""The columns that say what is to be so."""
ALIASES: Mapping[str, str] = {
    "title": "name",
    "device": "name",
    "device_name": "name",
    "serial": "serial_number",
    "enrollmentid": "enrollment_id",
    "group": "groups",
    "tag": "tags",
}
KEEP, CLEAR = "", "-"
"""What a cell says that leaves everything as it is, and one that empties it."""


class Unreadable(ValueError):
    """The file is no table that can be read; says why, and what to do."""


@dataclass(frozen=True)
class Line:
    """A line of the file: its number there, and its cells by column."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    lines: Sequence[Line]
    ignored: Sequence[str]
    """Columns that mean nothing here."""


def read(content: bytes) -> Table:
    """Return the table in a file, or raise Unreadable."""
    if len(content) > MOST_BYTES:
        raise Unreadable(
            f"The file is larger than {MOST_BYTES // 1_000_000} MB: split it."
        )
    text = _decoded(content).replace("\0", "")
    rows = _rows(text)
    _, header = next(rows, (0, []))
    names = [_name(title) for title in header]
    _check(names)
    lines: list[Line] = []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(lines) == MOST_LINES:
            raise Unreadable(f"The file has more than {MOST_LINES:,} lines: split it.")
        lines.append(Line(number, _cells(names, cells)))
    known = {*KEYS, *FACTS}
    ignored = [
        title
        for title, name in zip(header, names, strict=True)
        if title and name not in known
    ]
    return Table(lines, ignored)


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("This is no text: save the table as “CSV UTF-8”.")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line it begins on."""
    skipped = 0
    if text[:4].lower() == "sep=":  # Excel's own word for the delimiter
        text, skipped = text.partition("\n")[2], 1
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begins = 1 + skipped
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            raise Unreadable(f"Line {begins} is not CSV: {problem}.") from problem
        yield begins, row
        begins = reader.line_num + 1 + skipped


def _name(title: str) -> str:
    name = "_".join(title.strip().lower().replace("-", " ").split())
    return ALIASES.get(name, name)


def _check(names: Sequence[str]) -> None:
    """Refuse a header by which nothing could be done."""
    if not any(names):
        raise Unreadable("The file is empty, or its first line names no columns.")
    if not set(names) & set(KEYS):
        raise Unreadable(
            "No column says which device a line is about. Name one of the first line’s "
            f"columns {', '.join(KEYS[:-1])} or {KEYS[-1]}."
        )
    if not set(names) & set(FACTS):
        raise Unreadable(
            "No column says what is to change. Name one of the first line’s columns "
            f"{', '.join(FACTS[:-1])} or {FACTS[-1]}."
        )
    twice = {name for name in (*KEYS, *FACTS) if names.count(name) > 1}
    if twice:
        raise Unreadable(f"The column {', '.join(sorted(twice))} is there twice.")


def _cells(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    return {
        name: _cell(cell)
        for name, cell in zip(names, cells, strict=False)
        if name in KEYS or name in FACTS
    }


def _cell(cell: str) -> str:
    """Return a cell as it was before it was kept from being calculated."""
    cell = cell.strip()
    if cell[:1] == "'" and cell[1:].startswith(CALCULATES):
        return cell[1:]
    return cell


def listed(cell: str) -> list[str]:
    """Return the names in a cell that holds several."""
    names = (name.strip() for name in cell.split(";"))
    return list(dict.fromkeys(name for name in names if name))
