"""The abstract and keywords in the text of a paper's first page. Pure."""

from __future__ import annotations

import re

from academics_jupyter.metadata.findings import MAX_ABSTRACT, MAX_KEYWORD, MAX_KEYWORDS, clean

MIN_ABSTRACT = 40
# A page that names no end of its abstract may hold nothing else, but not at any length.
MAX_UNENDED = 4_000

_ABSTRACT = re.compile(r"(?:^|\n)[ \t]*abstract\b[ \t]*([.:—–-]+|(?=\n))?", re.IGNORECASE)
_KEYWORDS = re.compile(
    r"(?:^|\n)[ \t]*(?:key[ -]?words?(?: and phrases)?|index terms)\b[ \t]*[.:—–-]*\s*", re.IGNORECASE
)
_END = re.compile(
    r"\n[ \t]*(?:(?:\d+|I)?\.?[ \t]*(?:introduction|background)\b|key[ -]?words?\b|index terms\b|ccs concepts|"
    r"categories and subject|acm reference|jel classification|msc\b|pacs\b|©|\(c\)[ ]|references\b|"
    r"1\.?[ \t]+[A-Z][a-z]+)",
    re.IGNORECASE,
)
_BLANK = re.compile(r"\n\s*\n")


def find_abstract(page: str) -> str:
    """The text between "Abstract" and what follows it, on one line; nothing where start or end cannot be told."""
    start = _ABSTRACT.search(page)
    if start is None:
        return ""
    rest = page[start.end() :]
    end = _END.search(rest)
    text = clean(rest[: end.start()] if end else rest)
    is_heading = start[1] is not None
    if len(text) < MIN_ABSTRACT or (end is None and (len(text) > MAX_UNENDED or not is_heading)):
        return ""
    return text[:MAX_ABSTRACT]


def find_keywords(page: str) -> tuple[str, ...]:
    """The words after "Keywords" up to a blank line, a full stop at a line's end or the next heading."""
    start = _KEYWORDS.search(page)
    if start is None:
        return ()
    rest = page[start.end() :]
    ends = [found.start() for found in (_END.search(rest), _BLANK.search(rest), re.search(r"\.\s*\n", rest)) if found]
    return split_keywords(rest[: min(ends, default=len(rest))])


def split_keywords(text: str) -> tuple[str, ...]:
    """A list of keywords, taken apart at whichever sign separates it.

    Nothing comes of a text with no separators that is longer than a keyword.
    """
    sign = next((sign for sign in (";", "·", "•", ",", "\n") if sign in text.strip()), ";")
    words = [clean(part).strip(" .") for part in text.split(sign)]
    if len(words) > MAX_KEYWORDS or any(len(word) > MAX_KEYWORD for word in words):
        return ()
    return tuple(dict.fromkeys(word for word in words if word))
