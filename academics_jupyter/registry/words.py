"""The search words of a resource, a profile and a query. Pure; may import protocol only.

A word is a run of letters and digits, case-folded, without accents. A resource is found by about twenty of them: the
title, authors, keywords, kind, year and file name each have a share, what they leave over is filled up in the same
order and then from the abstract. In a query every word must be found; the last may be the start of a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath

from academics_jupyter.protocol.records import Profile, Resource

MAX_RESOURCE_WORDS = 24
MAX_PROFILE_WORDS = 100
MAX_QUERY_WORDS = 12
MAX_WORD_LENGTH = 40

_COMMON = """
a an and are as at be by can do for from has have how in into is it its no not of on or our that the their this to using
via was we were what when which with der die das und ein eine la le les el los del des du et un une y
"""
STOP_WORDS = frozenset(_COMMON.split())

_RUN = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Searched:
    """What a query asks for: words that must be there whole, and `last`, which may be the start of one."""

    whole: tuple[str, ...] = ()
    last: str = ""

    @property
    def all(self) -> tuple[str, ...]:
        """Every word, the last one too."""
        return (*self.whole, self.last) if self.last else ()


def split(text: str) -> list[str]:
    """All words of a text in order, short and common ones too."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(character for character in plain if not unicodedata.category(character).startswith("M"))
    return [word[:MAX_WORD_LENGTH] for word in _RUN.findall(bare)]


def joined(text: str) -> str:
    """A text as its words in one line: what two spellings of a keyword or name have in common."""
    return " ".join(split(text))


def telling(text: str) -> list[str]:
    """The words of a text that tell it from others, in order."""
    return [word for word in split(text) if _tells(word)]


def resource_words(resource: Resource) -> tuple[str, ...]:
    """The words a resource is found by, at most MAX_RESOURCE_WORDS, the most telling first."""
    title = telling(resource.title)
    families = [word for author in resource.authors for word in telling(author.family or author.literal)]
    keywords = [word for keyword in resource.keywords for word in telling(keyword)]
    facts = [resource.kind, *([str(resource.year)] if resource.year else [])]
    name = telling(PurePath(resource.file_name).stem)
    shares = (*title[:10], *families[:5], *keywords[:5], *facts, *name[:3])
    rest = (*title, *families, *keywords, *name, *telling(resource.abstract))
    return _first((*shares, *rest), MAX_RESOURCE_WORDS)


def profile_words(profile: Profile) -> tuple[str, ...]:
    """The words of a name, affiliation and interests."""
    texts = (profile.name, profile.affiliation, *profile.interests)
    return _first((word for text in texts for word in split(text)), MAX_PROFILE_WORDS)


def author_words(resource: Resource) -> list[frozenset[str]]:
    """The words of each author's name."""
    return [frozenset(split(str(author))) for author in resource.authors]


def topics(resource: Resource) -> tuple[str, ...]:
    """The keywords as `joined` gives them."""
    return _first((joined(keyword) for keyword in resource.keywords), len(resource.keywords))


def query_words(texts: Iterable[str]) -> tuple[str, ...]:
    """All words of a query, each once, short and common ones too."""
    return _first((word for text in texts for word in split(text)), MAX_QUERY_WORDS)


def searched(texts: Iterable[str]) -> Searched:
    """What a query for resources asks for. A common word counts only where it stands alone, as the start of another."""
    words = query_words(texts)
    kept = [word for word in words if _tells(word)]
    if words and (not kept or (words[-1] not in kept and words[-1] not in STOP_WORDS)):
        kept = [*kept, words[-1]]
    return Searched(tuple(kept[:-1]), kept[-1]) if kept else Searched()


def _tells(word: str) -> bool:
    return word not in STOP_WORDS and (len(word) > 1 or not word.isascii())


def _first(words: Iterable[str], count: int) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(word for word in words if word), count))
