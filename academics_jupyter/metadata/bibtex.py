"""How a resource is cited: as a BibTeX entry. Pure."""

from __future__ import annotations

import re
import unicodedata

from academics_jupyter.protocol.records import Author, Resource

# Braces become commands, for BibTeX counts them even behind a backslash.
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
    }
)
_PLAIN_DOI = re.compile(r"^10\.\d{4,9}/[^\s\\{}%#~^$&\"]+$")
_ARXIV_DOI = re.compile(r"^10\.48550/arxiv\.", re.IGNORECASE)
_SMALL_WORDS = frozenset(
    ["a", "an", "the", "on", "of", "in", "for", "to", "and", "der", "die", "das", "le", "la", "les", "un", "une", "el"]
)


def bibtex(resource: Resource) -> str:
    """One BibTeX entry, ending in a line break: `@article` for a paper with a publisher's DOI, else `@misc`.

    Whatever a peer wrote is escaped, so that no entry, field or LaTeX command can come of it.
    """
    fields = {
        "author": " and ".join(_bibtex_name(author) for author in resource.authors),
        "title": f"{{{_escaped(resource.title)}}}" if resource.title else "",
        "year": str(resource.year) if resource.year is not None else "",
        "doi": resource.doi if _PLAIN_DOI.match(resource.doi) else _escaped(resource.doi),
        "howpublished": f"academics://{resource.id}",
        "keywords": ", ".join(_escaped(word) for word in resource.keywords),
        "note": f"License: {_escaped(resource.license)}" if resource.license else "",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    kind = "article" if _is_published(resource) else "misc"
    return "\n".join([f"@{kind}{{{citation_key(resource)},", *lines, "}"]) + "\n"


def citation_key(resource: Resource) -> str:
    """Family name, year and first word of weight, in plain letters: `lovelace1843notes`."""
    first = resource.authors[0] if resource.authors else Author()
    name = _ascii(first.family or first.literal.rpartition(" ")[2])
    words = [_ascii(word) for word in resource.title.split()]
    word = next((word for word in words if word and word not in _SMALL_WORDS), "")
    year = "" if resource.year is None else str(resource.year)
    return f"{name}{year}{word}" or f"resource{resource.id[:8]}"


def _is_published(resource: Resource) -> bool:
    return resource.kind == "paper" and bool(resource.doi) and not _ARXIV_DOI.match(resource.doi)


def _escaped(text: str) -> str:
    seen = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
    return " ".join(seen.split()).translate(_LATEX)


def _bibtex_name(author: Author) -> str:
    if author.literal or not author.given:
        return f"{{{_escaped(author.literal or author.family)}}}"
    return ", ".join(_name_part(part) for part in (author.family, author.given) if part)


def _name_part(part: str) -> str:
    """A part of a name, in braces where BibTeX would take it for several names."""
    text = _escaped(part)
    return f"{{{text}}}" if re.search(r",|\band\b", text, re.IGNORECASE) else text


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", errors="ignore").decode().lower()
    return re.sub(r"[^a-z0-9]", "", plain)
