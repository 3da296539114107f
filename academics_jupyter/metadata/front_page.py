"""Title and authors by how a paper's first page is set: the largest text near the top, and the names under it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from academics_jupyter.metadata.author_names import authors_of_line
from academics_jupyter.metadata.findings import clean
from academics_jupyter.metadata.titles import printed_title
from academics_jupyter.protocol.records import Author

MAX_TITLE_LINES = 6
MAX_AUTHOR_LINES = 8
_SAME_SIZE = 0.6
_LARGER_THAN_BODY = 1.08
_RAISED = 0.8
_BANNER = re.compile(
    r"^\W*(?:journal|proceedings|vol(?:ume|\.)|issn|isbn|research article|original (?:article|paper|research)|article|"
    r"review|preprint|arxiv|technical report|working paper|contents|open access|doi\b|https?:|www\.)",
    re.IGNORECASE,
)
_STOP = re.compile(r"^\W*(?:abstract|summary|introduction|key ?words|contents|1\.?\s+introduction)\b", re.IGNORECASE)
_TITLE_MARKS = re.compile(r"\s*[∗*†‡§]+$")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of text in one font at a place on the page: points from its lower left corner."""

    text: str
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Line:
    """The fragments at one height, and the size of most of its characters."""

    text: str
    y: float
    size: float


def lines_of(fragments: Iterable[Fragment]) -> list[Line]:
    """The lines of a page from the top; raised marks (affiliations, footnotes) are left out."""
    rows: list[list[Fragment]] = []
    for fragment in sorted(fragments, key=lambda fragment: -fragment.y):
        if rows and rows[-1][0].y - fragment.y < 0.5 * max(rows[-1][0].size, fragment.size):
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    return [_line(row) for row in rows]


def _line(row: Sequence[Fragment]) -> Line:
    size = max(fragment.size for fragment in row)
    text, end = "", 0.0
    for fragment in sorted(row, key=lambda fragment: fragment.x):
        if fragment.size < _RAISED * size:
            # A mark stands between two names as a comma does.
            text += " * "
            continue
        if text and fragment.x - end > 2 * size:
            # Two columns: the two spaces keep them apart.
            text += "  "
        text += fragment.text
        # Widths are not known; letters are about half as wide as high.
        end = fragment.x + 0.5 * size * len(fragment.text)
    return Line(text.strip(), max(row, key=lambda fragment: fragment.size).y, size)


def find_title(lines: Sequence[Line]) -> tuple[str, int]:
    """The title and the index of the line after it; nothing and 0 where no text stands out."""
    body = _body_size(lines)
    upper = lines[: max(3, len(lines) * 2 // 3)]
    for size in sorted({line.size for line in upper if line.size > _LARGER_THAN_BODY * body}, reverse=True):
        start = next(index for index, line in enumerate(upper) if line.size == size)
        end = _end_of_run(upper, start)
        title = printed_title(_joined(upper[start:end]))
        if title and len(title) > 3 and end - start <= MAX_TITLE_LINES and not _BANNER.match(title):
            return title, end
    return "", 0


def _body_size(lines: Sequence[Line]) -> float:
    """The size in which most characters are set; 0 when a page holds a few lines only, which are all title matter."""
    counted: Counter[float] = Counter()
    for line in lines:
        counted[line.size] += len(line.text)
    if len(counted) < 2:
        return 0.0 if len(lines) <= 3 else max(counted, default=0.0)
    return counted.most_common(1)[0][0]


def _end_of_run(lines: Sequence[Line], start: int) -> int:
    """The index after the lines that go on in the same size and close below."""
    end = start + 1
    while (
        end < len(lines)
        and abs(lines[end].size - lines[start].size) < _SAME_SIZE
        and lines[end - 1].y - lines[end].y < 2.5 * lines[start].size
    ):
        end += 1
    return end


def _joined(lines: Iterable[Line]) -> str:
    texts = [_TITLE_MARKS.sub("", line.text) for line in lines]
    return clean(" ".join(text.strip() for text in texts).replace("- ", "-"))


def find_authors(lines: Sequence[Line], start: int) -> tuple[Author, ...]:
    """The names in the lines from `start` on, up to the abstract; nothing unless the first text there is names.

    Lines between names (affiliations, addresses) are passed over.
    """
    authors: list[Author] = []
    size = 0.0
    for line in lines[start : start + MAX_AUTHOR_LINES]:
        if _STOP.match(line.text):
            break
        found = authors_of_line(line.text)
        if not found and not authors and any(char.isalpha() for char in line.text):
            break
        # A second line of names goes on with the first one's size; anything else only looks like names.
        if found and (not authors or abs(line.size - size) < _SAME_SIZE):
            authors += found
            size = line.size
    return tuple(dict.fromkeys(authors))
