"""What a message's text and a person's query are to the search index: folded text, and an FTS5 query. Pure.

Folding makes one of what people hold to be the same: case, ligatures, wide letters, raised digits; accents are left to
FTS5's tokenizer. Scripts that put no spaces between words, and Korean, whose words carry their endings, become single
characters, which a query asks for side by side: so a word is found in the middle of a line. Symbols such as emoji are
words too.

| typed              | finds messages with                                     |
| ------------------ | ------------------------------------------------------- |
| `graph embed`      | the word "graph" and a word that begins with "embed"    |
| `graph embed␣`     | both words, whole                                       |
| `"graph embedding"`| these words, one after the other                        |
| `10.1038/s41586`   | its parts, one after the other, the last maybe unfinished |
"""

from __future__ import annotations

import re
import unicodedata

MAX_QUERY_LENGTH = 1_000
"""In characters; what is typed beyond them is not looked for."""

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»「」『』＂", '"'))
_PIECE = re.compile(r'"([^"]*)"?|([^\s"]+)')
_LETTERS = str.maketrans("łøđħŧı", "lodhti")
"""Letters with strokes, which Unicode does not take apart."""

_UNSEEN = re.compile("[\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\ud800-\udfff]+")
"""Soft hyphens, joiners, direction marks, variation selectors; and halves of surrogates, which UTF-8 does not have."""
_ALONE = re.compile(
    "(["
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\uac00-\ud7a3"
    "\u00a6\u00a9\u00ae\u00b0\u2190-\u2bff\U0001f000-\U0001faff"  # symbols, emoji
    "])"
)


def folded(text: str) -> str:
    """The text as the tokenizer is given it."""
    text = text.replace("\0", " ")
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold().translate(_LETTERS)
    # Casefolding may take apart what was composed.
    return _ALONE.sub(r" \1 ", unicodedata.normalize("NFC", plain))


def match(words: str) -> str:
    """The FTS5 query for what a person typed; "" where that has no word in it."""
    typed = words[:MAX_QUERY_LENGTH].translate(_QUOTES)
    phrases = [folded(quoted or word).replace('"', " ") for quoted, word in _PIECE.findall(typed)]
    phrases = [f'"{phrase}"' for phrase in phrases if phrase.strip()]
    if phrases and not (typed[-1].isspace() or typed[-1] == '"'):
        phrases[-1] += " *"
    return " ".join(phrases)
