"""Formulas in LaTeX as trees of MathML, which browsers typeset without fonts or scripts of ours.

latex2mathml reads them. What it was not made for is kept from it: macros, which can expand without end, and
`\\sideset`, which doubles what it holds at each level. What is longer, deeper or larger than a formula that people read
is refused, and so is every element that is not on the allow-list; its other attributes are left out: no colour that
hides a text in one of the themes, no link, no style, and no length that reaches far over what stands around.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from academics_jupyter.notebook.tree import ELEMENTS, Node, depth, walked

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_LENGTH = 2000
MAX_DEPTH = 40
MAX_NODES = 1500

_REFUSED = re.compile(
    r"\\(?:[gex]?def|let|newcommand|renewcommand|providecommand|newenvironment|DeclareMathOperator|sideset)(?![a-zA-Z])"
)
_ENVIRONMENTS = {
    "align": "align*", "aligned": "align*", "gather": "matrix", "gather*": "matrix", "gathered": "matrix",
    "dcases": "cases",
}  # fmt: skip
"""Of amsmath, as those that latex2mathml knows, and without numbers, which nothing could refer to."""
_ENVIRONMENT = re.compile(rf"\\(begin|end)\s*\{{({'|'.join(map(re.escape, _ENVIRONMENTS))})\}}")
_EMPTY_LAST_CELL = re.compile(r"(?<!\\)&(?=\s*\\end\b)")
"""latex2mathml takes a row whose last cell is empty for no row at all."""
_CHARACTER = re.compile(r"&#x[0-9a-fA-F]{1,6};")
_LENGTH = re.compile(r"[+-]?(?:\d(?:\.\d{1,4})?|\.\d{1,4})(?:em|ex|px|pt)?")
_WORD = re.compile(r"[a-z][a-z -]{0,60}|[0-3]")


def formula(latex: str, *, block: bool) -> Node | None:
    """A formula as a tree that says its LaTeX as its alternative text; None where it cannot or must not be drawn."""
    if len(latex) > MAX_LENGTH or _REFUSED.search(latex):
        return None
    # Not before somebody writes a formula: its table of symbols takes a tenth of a second to read.
    from latex2mathml.converter import Converter

    source = _ENVIRONMENT.sub(lambda found: f"\\{found[1]}{{{_ENVIRONMENTS[found[2]]}}}", latex)
    source = _EMPTY_LAST_CELL.sub("&{}", source)
    try:
        made = Converter(display="block" if block else "inline").convert_to_element(source)
        root = _tree(made)
    except Exception:
        # It raises what it comes upon in a formula that is wrong: IndexError, StopIteration, RecursionError and others.
        return None
    if root is None or depth(root) > MAX_DEPTH or sum(1 for _ in walked([root])) > MAX_NODES:
        return None
    root[1]["alttext"] = latex
    return root


def _tree(element: Element) -> tuple[str, dict[str, str], list[Node]] | None:
    """An element with what is allowed of it; None where it, or one within it, is of no kind that is allowed."""
    if element.tag not in ELEMENTS:
        return None
    attributes = {
        name: value
        for name, value in element.attrib.items()
        if name in ELEMENTS[element.tag] and (_LENGTH.fullmatch(value) or _WORD.fullmatch(value))
    }
    children: list[Node] = []
    if element.text:
        text = _CHARACTER.sub(lambda found: html.unescape(found[0]), element.text)
        children.append(text)
        if element.tag == "mi" and text != element.text and text.isascii() and text.isalpha():
            # An upright letter, \mathrm{d}, comes as a character's number.
            attributes["mathvariant"] = "normal"
    for each in element:
        child = _tree(each)
        if child is None:
            return None
        children.append(child)
    return element.tag, attributes, children
