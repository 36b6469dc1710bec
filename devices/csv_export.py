"""CSV out: rows as a spreadsheet opens them, written piece by piece.

UTF-8 with a byte order mark, by which Excel knows it; dates as ISO 8601. What a
spreadsheet would calculate is text here: https://owasp.org/www-community/attacks/
CSV_Injection
"""

import csv
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

CHUNK = 1000
"""Rows that are read, and written, at a time."""
CALCULATES = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet takes for a formula."""
BOM = "\ufeff"


def text(value: object) -> str:
    """Return a cell's text; of what a list shows as HTML, the words."""
    if isinstance(value, tuple):
        value = value[0]  # with what stands small below it on the page
    if value is None or value == "-":  # how the lists show that there is nothing
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, int | float):
        return str(value)
    words = str(value)
    if isinstance(value, SafeString):
        words = unescape(" ".join(strip_tags(words).split()))
    return f"'{words}" if words.startswith(CALCULATES) else words


class _Line:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file."""
    writer = csv.writer(_Line())
    yield BOM + writer.writerow(header)
    for row in rows:
        yield writer.writerow([text(value) for value in row])


def chunks(rows: QuerySet[Any]) -> Iterator[list[Model]]:
    """Yield a list's rows, CHUNK at a time: memory does not grow with the list.

    What is prefetched is fetched for each chunk.
    """
    chunk: list[Model] = []
    for row in rows.iterator(chunk_size=CHUNK):
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
