"""Reads one PDF, in a process of its own: `python -m academics_jupyter.metadata.pdf_reader SECONDS NAME < FILE`.

A PDF from anywhere may loop, fill the memory or exploit its parser, so this process takes its limits before pypdf sees
a byte. Each line of its output is the findings so far as JSON; the last whole one counts, so that what the document's
own fields say survives a first page that cannot be read.
"""

from __future__ import annotations

import contextlib
import logging
import math
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO, TypeVar

import msgspec
from pypdf import PageObject, PdfReader
from pypdf.xmp import XmpInformation

from academics_jupyter.metadata.abstracts import find_abstract, find_keywords, split_keywords
from academics_jupyter.metadata.author_names import author, authors_of_field
from academics_jupyter.metadata.findings import Findings, clean
from academics_jupyter.metadata.front_page import Fragment, find_authors, find_title, lines_of
from academics_jupyter.metadata.identifiers import (
    doi_of_arxiv,
    find_arxiv,
    find_doi,
    find_license,
    find_own_doi,
    find_year,
    year_of_arxiv,
)
from academics_jupyter.metadata.titles import plausible_title
from academics_jupyter.protocol.records import Author

MAX_MEMORY_BYTES = 1 << 30
MAX_PAGE_CHARS = 100_000
MIN_DESCRIPTION = 80

T = TypeVar("T")


def limit(seconds: int) -> None:
    """Take limits that cannot be raised again: memory, processor time, no written files, no further processes."""
    if sys.platform == "win32":
        return
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        # Not every system has every limit; the others still hold.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _tried(read: Callable[[], T], otherwise: T) -> T:
    """What `read` returns, or `otherwise`: broken files raise nearly anything, and one bad field spoils no other."""
    try:
        return read()
    except Exception:
        return otherwise


def of_info(reader: PdfReader, name: str) -> Findings:
    """What the document information dictionary says (ISO 32000, 14.3.3)."""
    info: Mapping[str, object] = reader.metadata or {}

    def field(key: str) -> str:
        value = info.get(key)
        return clean(str(value)) if value is not None else ""

    return Findings(
        title=plausible_title(field("/Title"), name),
        authors=authors_of_field(field("/Author")),
        keywords=split_keywords(field("/Keywords")),
        doi=find_doi(" ".join(field(key) for key in ("/doi", "/DOI", "/Subject", "/Keywords"))),
        license=find_license(field("/License")),
    )


def of_xmp(reader: PdfReader, name: str) -> Findings:
    """What the XMP packet says in Dublin Core and PRISM terms (ISO 16684)."""
    xmp = reader.xmp_metadata
    if xmp is None:
        return Findings()
    packet = _tried(lambda: xmp.stream.get_data()[:MAX_PAGE_CHARS].decode(errors="replace"), "")
    description = clean(_of_languages(_tried(lambda: xmp.dc_description, None)))
    return Findings(
        title=plausible_title(_of_languages(_tried(lambda: xmp.dc_title, None)), name),
        authors=_creators(xmp),
        abstract=description if len(description) >= MIN_DESCRIPTION else "",
        keywords=tuple(clean(word) for word in _tried(lambda: xmp.dc_subject, None) or ()),
        doi=find_doi(packet.replace("&lt;", " ").replace("</", " ")),
        year=next((date.year for date in _tried(lambda: xmp.dc_date, None) or ()), None),
        license=find_license(packet),
    )


def _of_languages(texts: dict[str, str] | None) -> str:
    """One of the languages a text is given in: the default one, else the first."""
    return str((texts or {}).get("x-default") or next(iter((texts or {}).values()), ""))


def _creators(xmp: XmpInformation) -> tuple[Author, ...]:
    names = [clean(name) for name in _tried(lambda: xmp.dc_creator, None) or ()]
    # Many programs put the whole list into the one name.
    return authors_of_field(names[0]) if len(names) == 1 else tuple(author(name) for name in names if name)


def fragments_of(page: PageObject) -> tuple[list[Fragment], str]:
    """The upright text of a page with its places, and the text alone in reading order."""
    found: list[Fragment] = []

    def visit(text: str, user: list[float], line: list[float], _font: object, size: float) -> None:
        a, b, c, d = _product(line[:4], user[:4])
        upright = a > 0 and abs(b) < 1e-3 * a
        if text.strip() and upright and size:
            x = line[4] * user[0] + line[5] * user[2] + user[4]
            y = line[4] * user[1] + line[5] * user[3] + user[5]
            scale = math.sqrt(abs(a * d - b * c))
            found.append(Fragment(text.replace("\n", " "), x, y, round(abs(size) * scale, 1)))

    text = page.extract_text(visitor_text=visit)
    return found, text[:MAX_PAGE_CHARS]


def _year_made(reader: PdfReader) -> int | None:
    made = _tried(lambda: reader.metadata.creation_date if reader.metadata else None, None)
    return made.year if made else None


def _product(m: list[float], n: list[float]) -> tuple[float, float, float, float]:
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
    )


def of_first_page(reader: PdfReader) -> Findings:
    """What the first page shows."""
    fragments, text = fragments_of(reader.pages[0])
    lines = lines_of(fragments)
    title, after = find_title(lines)
    number = find_arxiv(text)
    return Findings(
        title=title,
        authors=find_authors(lines, after) if title else (),
        abstract=find_abstract(text),
        keywords=find_keywords(text),
        doi=find_own_doi(text) or doi_of_arxiv(number),
        # A page of text was most likely set when it was written; a scan says nothing of that.
        year=year_of_arxiv(number) or find_year(text) or (_year_made(reader) if text.strip() else None),
        license=find_license(text),
    )


def read(file: BinaryIO, name: str, tell: Callable[[Findings], None]) -> None:
    """Tell what is found, at first from the document's fields, then with what its first page adds."""
    reader = PdfReader(file, strict=False)
    if reader.is_encrypted:
        reader.decrypt("")
    xmp, info = _tried(lambda: of_xmp(reader, name), Findings()), _tried(lambda: of_info(reader, name), Findings())
    said = xmp.or_else(info)
    tell(said)
    page = _tried(lambda: of_first_page(reader), Findings())
    # A description may be anything; an abstract on the page is one.
    tell(Findings(abstract=page.abstract).or_else(said).or_else(page))


def _tell(findings: Findings) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(findings.bounded()) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Read the PDF on standard input within limits; says nothing of one that cannot be read."""
    seconds, name = int(sys.argv[1]), sys.argv[2]
    limit(seconds)
    logging.disable()
    _tried(lambda: read(sys.stdin.buffer, name, _tell), None)


if __name__ == "__main__":
    main()
