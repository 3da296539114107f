"""What a person says of what they share, and what of that a record takes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from academics_jupyter.protocol.records import Author

MAX_LINE = 1_000
MAX_ABSTRACT = 10_000
MAX_AUTHORS = 300
MAX_KEYWORDS = 32
MAX_WORD = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a person says of a file; None leaves what the file itself, or an earlier description, says.

    An empty text says that it has none, and so does the year 0.
    """

    title: str | None = None
    authors: str | tuple[str, ...] | None = None
    abstract: str | None = None
    keywords: str | tuple[str, ...] | None = None
    license: str | None = None
    doi: str | None = None
    year: int | None = None

    def fields(self) -> dict[str, Any]:
        """The given ones, as a record takes them."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: value for name, value in given.items() if value is not None}
        if "year" in given:
            given["year"] = given["year"] or None
        if "authors" in given:
            given["authors"] = tuple(Author(literal=name) for name in _listed(given["authors"], ";"))
        if "keywords" in given:
            given["keywords"] = tuple(_listed(given["keywords"], ","))
        return given


def _listed(value: str | tuple[str, ...], separator: str) -> list[str]:
    items = value.split(separator) if isinstance(value, str) else value
    return [item.strip() for item in items if item.strip()]


def fitting(said: dict[str, Any]) -> dict[str, Any]:
    """Cut to what a record takes: a file may say anything of itself."""
    limits = {"title": MAX_LINE, "license": MAX_LINE, "doi": MAX_LINE, "abstract": MAX_ABSTRACT}
    for name, limit in limits.items():
        if name in said:
            said[name] = str(said[name])[:limit]
    if "authors" in said:
        said["authors"] = tuple(said["authors"])[:MAX_AUTHORS]
    if "keywords" in said:
        said["keywords"] = tuple(word[:MAX_WORD] for word in said["keywords"] if word)[:MAX_KEYWORDS]
    return said
