"""Mentions: `@name` in a message, and whom it names. Imports nothing of the package.

A name with spaces stands in quotation marks, `@"Ada Lovelace"`; of any name its start is enough where that fits one
person only. What fits nobody, or several, is text like any other, and so is whatever stands in code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

MAX_NAME_LENGTH = 100

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_MENTION = re.compile(rf"(?<![\w@./])@(?:\"([^\"\n]{{1,{MAX_NAME_LENGTH}}})\"|([^\W_][\w.'’-]{{0,{MAX_NAME_LENGTH}}}))")
_UNFINISHED = re.compile(r"(?<![\w@./])@(\"[^\"\n]*|(?:[^\W_][\w.'’-]*)?)\Z")
_CUT = re.compile(r"[.'’-]+\w*\Z")


def mentioned(text: str, circles: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The ids of those whom a text mentions, each once, in the order in which they come.

    `circles` are groups of people, ids with names, the nearest first: a name counts in the first one where it fits.
    """
    found = (_named(name, circles) for name in _names(text))
    return tuple(dict.fromkeys(peer for peer in found if peer))


def unfinished(text: str) -> str | None:
    """What of a mention stands at the end of a text, without its `@`; None where there is none."""
    found = _UNFINISHED.search(text)
    return found[1] if found else None


def written(name: str) -> str:
    """A name as it is mentioned."""
    plain = f"@{name}"
    found = _MENTION.fullmatch(plain)
    return plain if found and found[2] == name else f'@"{name}"'


def begins(name: str, start: str) -> bool:
    """Whether a name begins so; case does not matter."""
    return _alike(name).startswith(_alike(start))


def _names(text: str) -> Iterator[list[str]]:
    """Each mention, as the names that it may mean: `@ada's` may be of ada."""
    for found in _MENTION.finditer(_SPAN.sub(" ", _FENCE.sub(" ", text))):
        names = [found[1] or found[2]]
        while found[2] and (shorter := _CUT.sub("", names[-1])) and shorter != names[-1]:
            names.append(shorter)
        yield names


def _named(names: Sequence[str], circles: Sequence[Mapping[str, str]]) -> str:
    for name in names:
        for people in circles:
            exact = [peer for peer, known in people.items() if _alike(known) == _alike(name)]
            fitting = exact or [peer for peer, known in people.items() if begins(known, name)]
            if fitting:
                return fitting[0] if len(fitting) == 1 else ""
    return ""


def _alike(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
