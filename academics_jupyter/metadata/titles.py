"""What is a title, and what only stands where one should. Pure."""

from __future__ import annotations

import re
from pathlib import PurePath

from academics_jupyter.metadata.findings import clean

_PLACEHOLDER = re.compile(
    r"""^\W*(?:
        (?:untitled|unbenannt|sans[ ]titre|no[ ]title|title|document|doc|paper|article|manuscript|main|template|draft|
           final|slide|layout|book|page|print|unspecified|anonymous|none|unknown|powerpoint[ ]presentation|
           presentation|new[ ](?:document|page))(?:[ ]?(?:document|draft|version))?[ _-]?\d*
      | microsoft[ ](?:word|powerpoint|excel)[ ]-.* | (?:doi|pii|arxiv|isbn|issn|https?)\s*:.* | pii\b.*
    )\W*$""",
    re.IGNORECASE | re.VERBOSE,
)
_FILE_ENDING = re.compile(
    r"\.(?:docx?|tex|dvi|pdf|ps|eps|rtf|odt|pages|indd|qxp|qxd|pptx?|xlsx?|md|html?|txt|ipynb|fm|wpd)$", re.IGNORECASE
)
_PATH_LIKE = re.compile(r"[_/\\\d]|\w\.\w")


def plausible_title(text: str, file_name: str) -> str:
    """`text` from a field of a file, cleaned, if it looks like a title that someone gave, else nothing."""
    title = printed_title(text)
    stem = PurePath(file_name).stem
    if " " not in title and (title.casefold() == stem.casefold() or _PATH_LIKE.search(title)):
        return ""
    return title


def printed_title(text: str) -> str:
    """`text` from a page, cleaned, if it can be a title, else nothing."""
    title = clean(text)
    letters = sum(char.isalpha() for char in title)
    if letters < 2 or _PLACEHOLDER.match(title) or _FILE_ENDING.search(title):
        return ""
    return title


def title_from_name(file_name: str) -> str:
    """A title for a file that tells none: `my_paper-v2.pdf` is "my paper v2". Never empty."""
    path = PurePath(file_name)
    stem = path.stem.removesuffix(".tar")
    return clean(re.sub(r"[_\-]+|(?<=\D)\.(?=\D)", " ", stem)) or clean(path.name) or "untitled"
