"""What a text looks like, as plain data: strings, and elements of an allow-list with attributes of an allow-list.

The kernel makes such trees of what peers write, and the page makes elements and text nodes of them, by an allow-list of
its own (`static/markdown.js`); no HTML is written or read on the way. An element is (name, attributes, children).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

Node: TypeAlias = "str | tuple[str, dict[str, str], list[Node]]"

ELEMENTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "h4", "h5", "h6", "blockquote", "ul", "li", "table", "thead", "tbody", "tr", "hr", "br", "em", "strong",
            "s", "code",
        ),
        frozenset[str](),
    ),
    "p": frozenset({"kind"}),
    "ol": frozenset({"start"}),
    "th": frozenset({"align"}),
    "td": frozenset({"align"}),
    "pre": frozenset({"language"}),
    "span": frozenset({"kind"}),
    "a": frozenset({"href", "title"}),
    **dict.fromkeys(("mrow", "msub", "msup", "msubsup", "munder", "munderover"), frozenset({"mathvariant"})),
    **dict.fromkeys(("msqrt", "mroot", "mtr", "mphantom"), frozenset[str]()),
    **dict.fromkeys(("mi", "mn", "mtext"), frozenset({"mathvariant"})),
    "math": frozenset({"display", "alttext"}),
    "mo": frozenset(
        {
            "accent", "fence", "form", "largeop", "lspace", "mathvariant", "maxsize", "minsize", "movablelimits",
            "rspace", "separator", "stretchy",
        }
    ),
    "mover": frozenset({"accent"}),
    "mfrac": frozenset({"linethickness"}),
    "mspace": frozenset({"width", "height", "depth"}),
    "mpadded": frozenset({"width", "height", "depth", "lspace", "voffset"}),
    "mstyle": frozenset({"displaystyle", "scriptlevel"}),
    "mtable": frozenset({"displaystyle"}),
    "mtd": frozenset({"columnalign"}),
    "menclose": frozenset({"notation"}),
}  # fmt: skip
"""Every element there can be, with its attributes. `kind`, `language` and `align` choose a look, and are no HTML."""


def walked(nodes: Sequence[Node]) -> Iterator[Node]:
    """All nodes, each before its children, in the order of reading."""
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, str):
            waiting.extend(reversed(node[2]))


def depth(node: Node) -> int:
    """How many elements lie in one another; 0 for a string."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        each, level = waiting.pop()
        if not isinstance(each, str):
            deepest = max(deepest, level)
            waiting.extend((child, level + 1) for child in each[2])
    return deepest


def text_of(nodes: Sequence[Node]) -> str:
    """The strings of a tree, one after another."""
    return "".join(node for node in walked(nodes) if isinstance(node, str))
