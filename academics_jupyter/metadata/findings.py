"""What the readers of files hand on, cleaned and within the limits of a resource's record."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from academics_jupyter.protocol.records import Author

MAX_LINE = 1_000
MAX_ABSTRACT = 10_000
MAX_AUTHORS = 300
MAX_KEYWORDS = 32
MAX_KEYWORD = 100

# Typeset text holds these as single signs; other compatibility forms (x², ℝ) mean something and stay.
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad][ \t]*\n[ \t]*(?=[a-zà-öø-ÿ])")


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What a file tells of itself; empty where it tells nothing."""

    title: str = ""
    authors: tuple[Author, ...] = ()
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    doi: str = ""
    year: int | None = None
    license: str = ""

    def bounded(self) -> Findings:
        """The same, cleaned and cut to what a record may hold."""
        words = (_line(word) for word in self.keywords[: 4 * MAX_KEYWORDS])
        authors = (
            Author(family=_line(a.family), given=_line(a.given), literal=_line(a.literal))
            for a in self.authors[: 4 * MAX_AUTHORS]
        )
        return Findings(
            title=_line(self.title),
            authors=tuple(author for author in authors if str(author))[:MAX_AUTHORS],
            abstract=clean(self.abstract[: 4 * MAX_ABSTRACT])[:MAX_ABSTRACT],
            keywords=tuple(dict.fromkeys(word for word in words if 0 < len(word) <= MAX_KEYWORD))[:MAX_KEYWORDS],
            doi=_line(self.doi),
            year=self.year if self.year is not None and 1000 <= self.year <= 9999 else None,
            license=_line(self.license),
        )

    def or_else(self, other: Findings) -> Findings:
        """These findings, with those of `other` where there is nothing here."""
        return Findings(**{name: getattr(self, name) or getattr(other, name) for name in self.__struct_fields__})


def clean(text: str) -> str:
    """Text on one line in NFC: hyphenation undone, ligatures resolved, control and invisible characters gone."""
    joined = _HYPHENATED.sub("", text).translate(_LIGATURES)
    seen = "".join(" " if char.isspace() else char for char in joined if char.isspace() or _visible(char))
    return unicodedata.normalize("NFC", " ".join(seen.split()))


def _visible(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn") or char in "\u200c\u200d"


def _line(text: str) -> str:
    return clean(text[: 4 * MAX_LINE])[:MAX_LINE]
