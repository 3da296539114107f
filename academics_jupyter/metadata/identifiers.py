"""Digital object identifiers, arXiv numbers, years and licences in text. Pure."""

from __future__ import annotations

import re

# As Crossref recommends for modern DOIs, more strict at the end.
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>{}|\\^`]+", re.IGNORECASE)
_LABELLED = re.compile(
    r"(?:\bdoi\b\s*[:=]?\s*|doi\.org/)(?:https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", re.IGNORECASE
)
_ARXIV = re.compile(r"\barXiv:\s?(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(v\d+)?(\s*\[[\w.-]+\])?", re.IGNORECASE)
_REFERENCES = re.compile(
    r"^\s*(?:\d+\.?\s*)?(?:references|bibliography|literature cited)\s*$", re.IGNORECASE | re.MULTILINE
)
_YEAR_SAID = re.compile(
    r"(?:©|\(c\)|copyright|published(?:\s+online)?:?|accepted:?)\s*(?:\w+\s+){0,4}?[\w.,/ -]{0,20}?\b((?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_CREATIVE_COMMONS = re.compile(
    r"(?:creativecommons\.org/licenses/|\bCC[ -])(by(?:-nc)?(?:-sa|-nd)?)[/ -](\d\.\d)", re.IGNORECASE
)
_ZERO = re.compile(r"creativecommons\.org/publicdomain/zero|\bCC0\b", re.IGNORECASE)


def find_doi(text: str) -> str:
    """The one DOI in a metadata field; nothing if there are none or several."""
    return _only(_DOI.findall(text))


def find_own_doi(page: str) -> str:
    """The DOI that a paper's first page says is its own: labelled, above its references, and the only one."""
    return _only(_DOI.findall(" ".join(_LABELLED.findall(_before_references(page)))))


def _only(found: list[str]) -> str:
    distinct = {doi.lower(): doi for doi in map(_trimmed, found)}
    return next(iter(distinct.values())) if len(distinct) == 1 else ""


def _trimmed(doi: str) -> str:
    """A DOI without the punctuation of the sentence around it; brackets stay where they are closed."""
    while doi and (doi[-1] in ".,;:'’”*" or (doi[-1] in ")]" and doi.count(doi[-1]) > doi.count(_OPENING[doi[-1]]))):
        doi = doi[:-1]
    return doi


_OPENING = {")": "(", "]": "["}


def find_arxiv(page: str) -> str:
    """The arXiv number that is stamped on a paper's first page (with version or category, as citations have not)."""
    stamped = {found[0] for found in _ARXIV.findall(_before_references(page)) if found[1] or found[2]}
    return stamped.pop() if len(stamped) == 1 else ""


def doi_of_arxiv(number: str) -> str:
    """The DOI that arXiv registers for each of its papers."""
    return f"10.48550/arXiv.{number}" if number else ""


def year_of_arxiv(number: str) -> int | None:
    """The year of first submission, which an arXiv number begins with (after the archive, before 2007)."""
    digits = number.rpartition("/")[2][:2]
    if not digits:
        return None
    return 1900 + int(digits) if int(digits) > 90 else 2000 + int(digits)


def find_year(page: str) -> int | None:
    """The year in a copyright or publication line."""
    years = {int(year) for year in _YEAR_SAID.findall(_before_references(page))}
    return years.pop() if len(years) == 1 else None


def find_license(text: str) -> str:
    """A Creative Commons licence named or linked in text, as its SPDX identifier."""
    found = _CREATIVE_COMMONS.search(text)
    if found:
        return f"CC-{found[1].upper()}-{found[2]}"
    return "CC0-1.0" if _ZERO.search(text) else ""


def _before_references(page: str) -> str:
    return _REFERENCES.split(page, maxsplit=1)[0]
