"""Code in colours: its tokens by Pygments, each with the kind of thing it is, for the page to colour.

Pygments is made for the code of people who mean well: in some of its languages a text can be written that takes it
minutes. So the languages are those that held against hostile texts, and `colours` takes a limited length.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from academics_jupyter.notebook.tree import Node, text_of

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

MAX_LENGTH = 5000
MAX_SPANS = 3000

_LANGUAGES = frozenset(
    (
        "python", "pycon", "r", "julia", "bash", "console", "sql", "json", "yaml", "toml", "latex", "bibtex", "c",
        "cpp", "java", "javascript", "typescript", "html", "xml", "css", "rust", "go", "fortran", "matlab", "octave",
        "stata", "sas", "mathematica", "haskell", "lean", "coq", "ruby", "lua", "swift", "diff", "ini", "docker",
    )
)  # fmt: skip
_ALIASES = {
    "py": "python", "python3": "python", "ipython": "python", "ipython3": "python", "jl": "julia", "sh": "bash",
    "shell": "bash", "zsh": "bash", "yml": "yaml", "tex": "latex", "bib": "bibtex", "c++": "cpp", "js": "javascript",
    "ts": "typescript", "rs": "rust", "f90": "fortran", "wolfram": "mathematica", "hs": "haskell", "rb": "ruby",
    "patch": "diff", "dockerfile": "docker",
}  # fmt: skip
_BLANK_BOMB = re.compile(r"\s{200}")
"""Several languages look ahead over white space from each of its characters."""

KINDS = ("comment", "string", "number", "keyword", "operator", "definition", "builtin", "deleted", "inserted")


def colours(code: str, language: str) -> list[Node]:
    """Code as strings and `span`s of a `kind`; as one string where the language is unknown or the code too much."""
    name = _ALIASES.get(language.casefold(), language.casefold())
    if name not in _LANGUAGES or len(code) > MAX_LENGTH or _BLANK_BOMB.search(code):
        return [code]
    tokens = ((_kind(token), text) for _, token, text in _lexer(name).get_tokens_unprocessed(code))
    nodes: list[Node] = []
    for kind, group in groupby(tokens, key=lambda token: token[0]):
        text = "".join(part for _, part in group)
        nodes.append(("span", {"kind": kind}, [text]) if kind else text)
    # Some of its languages leave out what they do not know.
    return nodes if len(nodes) <= MAX_SPANS and text_of(nodes) == code else [code]


@cache
def _lexer(name: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


@cache
def _kind(token: _TokenType) -> str:
    """Which of `KINDS` a token is of; empty for what is not coloured."""
    from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String

    kinds = (
        (Comment, "comment"), (String, "string"), (Number, "number"), (Keyword, "keyword"), (Operator, "operator"),
        (Name.Function, "definition"), (Name.Class, "definition"), (Name.Builtin, "builtin"), (Name.Tag, "keyword"),
        (Generic.Deleted, "deleted"), (Generic.Inserted, "inserted"),
    )  # fmt: skip
    return next((kind for family, kind in kinds if token in family), "")
