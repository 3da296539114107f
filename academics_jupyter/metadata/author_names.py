"""Lists of people as files hold them, taken apart into authors. Pure.

Careful rather than wrong: where a list cannot be told apart for sure, a name stays whole as a `literal`.
"""

from __future__ import annotations

import re

from academics_jupyter.metadata.findings import clean
from academics_jupyter.protocol.records import Author

_AND = re.compile(r"\s*(?:,\s*)?(?:\band\b|\bund\b|\bet\b(?!\s+al)|&)\s*", re.IGNORECASE)
_PARTICLES = frozenset(
    [
        "al",
        "da",
        "das",
        "de",
        "del",
        "della",
        "den",
        "der",
        "di",
        "do",
        "dos",
        "du",
        "el",
        "la",
        "le",
        "van",
        "von",
        "zu",
    ]
)
_SUFFIX = re.compile(r"^(?:jr|sr|ii|iii|iv|ph\.?d|m\.?d|msc|dr)\.?$", re.IGNORECASE)
_INITIALS = re.compile(r"^(?:[^\W\d_]\.?[\s-]?){1,4}$")
_NOT_A_PERSON = re.compile(
    r"^\W*(?:anonymous|unknown|unspecified|author|authors|user|admin|administrator|owner|root|none|"
    r"microsoft.*|office user|.*\busers?|.*@.*|.*\\.*|.*/.*)\W*$",
    re.IGNORECASE,
)
_INSTITUTION = re.compile(
    r"universi|institut|departm|laborato|\blabs?\b|school|college|faculty|facult|centre|center|research|hospital|"
    r"academy|academ|\binc\b|\bltd\b|gmbh|corporation|company|foundation|ministry|division|\bgroup\b|google|microsoft|"
    r"abstract|introduction|journal|proceedings|conference|volume|published|received|accepted|copyright|keywords|"
    r"corresponding|technical|report|draft|preprint|version|review|article|january|february|march|april|june|july|"
    r"august|september|october|november|december|street|avenue|\bthe\b|\bof\b|\bfor\b|\bin\b|\bon\b|\bwith\b",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\d*∗†‡§¶‖#⋆★✉¹²³⁰-⁹ᵃᵇᶜ]+(?:\s*,\s*[\d*∗†‡§¶‖#⋆★✉¹²³⁰-⁹]+)*|\borcid\b|[\[(][^\])]*[\])]|\S+@\S+")
_SEPARATORS = re.compile(r"\s*(?:[,;·•|]|\s{2,}|\band\b|&)\s*")
_NAME_TOKEN = re.compile(r"^[^\W\d_](?:[^\W\d_]|[.'’‐\-])*$")


def author(name: str) -> Author:
    """One person, from "Family, Given" or "Given van Family"; a single word or an organisation is a literal."""
    text = clean(name).strip(" ,;")
    family, comma, given = (part.strip() for part in text.partition(","))
    if comma and given and not _SUFFIX.match(given):
        return Author(family=family, given=given)
    words = (family if comma else text).split()
    if len(words) < 2 or _INSTITUTION.search(text):
        return Author(literal=text)
    start = len(words) - 1
    while start > 1 and (words[start - 1] in _PARTICLES or _SUFFIX.match(words[start])):
        start -= 1
    return Author(family=" ".join(words[start:]), given=" ".join(words[:start]))


def authors_of_field(text: str) -> tuple[Author, ...]:
    """The people in a metadata field, separated by semicolons, "and" or commas; none if it holds a log-in name."""
    return tuple(author(name) for name in _names_of_field(clean(text)) if name and not _NOT_A_PERSON.match(name))


def _names_of_field(text: str) -> list[str]:
    if not any(char.isupper() or ord(char) > 0x24F for char in text):
        return []
    if ";" in text:
        return [part.strip() for part in text.split(";")]
    by_and = [part.strip(" ,") for part in _AND.split(text)]
    if all(part.count(",") == 1 and _inverted(part) for part in by_and):
        return by_and
    return [name for part in by_and for name in _by_comma(part)]


def _inverted(part: str) -> bool:
    """Whether "X, Y" is family and given name, and not two people."""
    family = part.partition(",")[0].split()
    return len(family) == 1 or family[0].casefold() in _PARTICLES


def _by_comma(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    pairs = list(zip(parts[::2], parts[1::2], strict=False))
    if len(parts) % 2 == 0 and all(_INITIALS.match(given) for _, given in pairs):
        return [f"{family}, {given}" for family, given in pairs]
    names: list[str] = []
    for part in parts:
        if names and _SUFFIX.match(part):
            continue
        names.append(part)
    return names


def authors_of_line(line: str) -> tuple[Author, ...]:
    """The people in a line under a paper's title, or nothing unless every part of the line looks like a name."""
    parts = [part.strip(" .,;") for part in _SEPARATORS.split(_MARKS.sub(", ", line))]
    names = [part for part in parts if part and not _SUFFIX.match(part)]
    if not names or _INSTITUTION.search(line) or not all(_is_name(name) for name in names):
        return ()
    return tuple(author(name) for name in names)


def _is_name(text: str) -> bool:
    """Whether text reads as "Given Family": two to four words, capitals where names have them."""
    words = [word for word in text.split() if word.casefold() not in _PARTICLES]
    if not 2 <= len(words) <= 4 or not all(_NAME_TOKEN.match(word) and not word[0].islower() for word in words):
        return False
    whole = [word for word in words if len(word.strip(".")) > 1]
    # Four whole words are as likely two people in two columns.
    return 1 <= len(whole) <= 3
