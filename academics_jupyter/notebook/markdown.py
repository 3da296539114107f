"""Messages in Markdown as trees of plain data (see `tree`): CommonMark with tables, strikethrough, code and formulas.

Whatever a peer writes has a look, soon and without losing a letter: raw HTML, entities, links with other schemes than
the few allowed, and link definitions stay text; an image is a link. A text that would take long, or of which Markdown
would leave something out (cells beyond a table's width, what is nested too deeply), is shown as it was written.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from academics_jupyter.notebook import colouring
from academics_jupyter.notebook.mathematics import formula
from academics_jupyter.notebook.tree import Node, text_of, walked
from academics_jupyter.protocol.messages import MAX_TEXT_LENGTH

MAX_MARKS = 6000
MAX_CELLS = 10_000
MAX_NODES = 6000
MAX_NESTING = 20
MAX_CLAIM = 300
"""How much of a link's label is looked at for an address."""

_MARKS = re.compile(r"[\[\]*_~`$|<\\!\n]")
_TABLE_RULE = re.compile(r"^[ \t>]*[|:-][|: \t-]*$", re.MULTILINE)
_SURROGATES = re.compile("[\ud800-\udfff]")
_TARGET = re.compile(r"(?:https?://|mailto:)[^\s]+|academics://[0-9A-Za-z]{6,128}", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w@/.])https?://[^\s<>\"]+", re.IGNORECASE)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}")
_SIMPLE = {
    "paragraph": "p", "blockquote": "blockquote", "bullet_list": "ul", "ordered_list": "ol", "list_item": "li",
    "table": "table", "thead": "thead", "tbody": "tbody", "tr": "tr", "th": "th", "td": "td", "em": "em",
    "strong": "strong", "s": "s", "link": "a",
}  # fmt: skip
_HEADINGS = {"h1": "h4", "h2": "h5"}
"""A message's headings stand below those of the page it is shown in."""

log = logging.getLogger(__name__)


def parsed(text: str) -> list[Node]:
    """What a message looks like; one string where it is shown as it was written."""
    text = _SURROGATES.sub("\ufffd", text)
    if _is_too_much(text):
        return [text]
    try:
        builder = _Builder(text)
        tree = builder.built(_PARSER.parse(text))
    except Exception:
        log.warning("a message could not be read as Markdown", exc_info=True)
        return [text]
    if not tree or builder.leaves_out() or sum(1 for _ in walked(tree)) > MAX_NODES:
        return [text]
    return tree


def _is_too_much(text: str) -> bool:
    """Whether Markdown would take long: its time goes with the marks in a text, and with the cells of its tables."""
    if len(text) > MAX_TEXT_LENGTH or len(_MARKS.findall(text)) > MAX_MARKS:
        return True
    columns = max((rule.count("|") for rule in _TABLE_RULE.findall(text)), default=0)
    return columns * text.count("\n") > MAX_CELLS


def _made_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"]).disable(["reference", "entity", "html_block", "html_inline"])
    parser.validateLink = lambda url: _TARGET.fullmatch(url) is not None  # type: ignore[method-assign]
    return parser.use(
        dollarmath_plugin,
        allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False, double_inline=True,
    )  # fmt: skip


_PARSER = _made_parser()


class _Builder:
    """Makes a tree of markdown-it's tokens, and keeps count of what it has told of the text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._told: list[str] = []
        self._target = ""
        self._colourable = colouring.MAX_LENGTH

    def built(self, tokens: Sequence[Token]) -> list[Node]:
        """The tree of these tokens."""
        root: list[Node] = []
        open_lists = [root]
        for token in tokens:
            within = open_lists[-1]
            if token.nesting > 0:
                children: list[Node] = within if token.hidden else []
                if not token.hidden:
                    within.append((*self._opened(token), children))
                open_lists.append(children)
            elif token.nesting < 0:
                children = open_lists.pop()
                if token.type == "link_close":
                    open_lists[-1].extend(_unmasked(text_of(children), self._target))
                    self._target = ""
            else:
                within.extend(self._leaf(token))
        return root

    def leaves_out(self) -> bool:
        """Whether a letter or digit of the text is not in the tree."""
        return bool(_letters(self._source) - _letters("".join(self._told)))

    def _opened(self, token: Token) -> tuple[str, dict[str, str]]:
        kind = token.type.removesuffix("_open")
        if kind == "heading":
            return _HEADINGS.get(token.tag, "h6"), {}
        if kind == "link":
            self._target, title = str(token.attrs["href"]), str(token.attrs.get("title", ""))
            if token.info != "auto":
                self._tell_target(self._target, title)
            return "a", _link(self._target, title)
        attributes = {}
        if kind == "list_item":
            self._told.append(token.info)
        if kind == "ordered_list" and "start" in token.attrs:
            attributes["start"] = str(token.attrs["start"])
        if kind in ("th", "td") and "style" in token.attrs:
            attributes["align"] = str(token.attrs["style"]).removeprefix("text-align:")
        return _SIMPLE[kind], attributes

    def _leaf(self, token: Token) -> list[Node]:
        match token.type:
            case "inline":
                return self.built(token.children or [])
            case "text" | "text_special":
                self._told.append(token.content)
                return [token.content] if self._target else self._with_links(token.content)
            case "softbreak" | "hardbreak":
                return [("br", {}, [])]
            case "hr":
                return [("hr", {}, [])]
            case "code_inline":
                self._told.append(token.content)
                return [("code", {}, [token.content])]
            case "fence" | "code_block":
                return [self._code(token)]
            case "image":
                return self._image(token)
            case "math_block":
                return [("p", {"kind": "formula"}, self._formula(token, block=True))]
            case "math_inline" | "math_inline_double":
                return self._formula(token, block=token.type == "math_inline_double")
        raise ValueError(f"nothing is known of a {token.type}")

    def _code(self, token: Token) -> Node:
        self._told += [token.content, token.info]
        language = token.info.strip()
        code = token.content.removesuffix("\n")
        children: list[Node] = [code]
        if language and len(code) <= self._colourable:
            self._colourable -= len(code)
            children = colouring.colours(code, language.split()[0])
        return "pre", {"language": language} if language else {}, children

    def _formula(self, token: Token, *, block: bool) -> list[Node]:
        self._told.append(token.content)
        made = formula(token.content.strip(), block=block)
        return [made] if made else _lines(f"{token.markup}{token.content}{token.markup}")

    def _image(self, token: Token) -> list[Node]:
        """Nothing is fetched for having been written: an image is a link, or within a link its alternative text."""
        target, title, label = str(token.attrs["src"]), str(token.attrs.get("title", "")), token.content
        self._told.append(label)
        self._tell_target(target, title)
        if self._target:
            return [f"{label} ({' '.join(filter(None, (target, title)))})"]
        return [("a", _link(target, title), [label or target]), *_unmasked(label, target)]

    def _with_links(self, text: str) -> list[Node]:
        """A text whose web addresses are links."""
        nodes: list[Node] = []
        end = 0
        for found in _ADDRESS.finditer(text):
            address = found[0].rstrip(".,:;!?'*_~")
            if address.endswith(")") and "(" not in address:
                address = address.rstrip(").,:;!?'*_~")
            if not _is_web_address(address):
                continue
            target = _PARSER.normalizeLink(address)
            nodes += [text[end : found.start()], ("a", _link(target), [address]), *_unmasked(address, target)]
            end = found.start() + len(address)
        return [node for node in (*nodes, text[end:]) if node]

    def _tell_target(self, target: str, title: str) -> None:
        self._told += [target if target in self._source else _PARSER.normalizeLinkText(target), title]


def _is_web_address(text: str) -> bool:
    """Whether there is a host in it."""
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _link(target: str, title: str = "") -> dict[str, str]:
    """Whatever its author calls it, a link shows where it leads."""
    return {"href": target, "title": f"{target}\n{title}".rstrip("\n")}


def _unmasked(label: str, target: str) -> list[Node]:
    """The host that a link leads to, where its label looks like the address of another one."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return [f" ({target})"]
    if parts.scheme == "academics":
        return []
    host, claim = parts.hostname or "", label[:MAX_CLAIM]
    if parts.scheme == "mailto":
        host, claim = parts.path.rpartition("@")[2], claim.rpartition("@")[2]
    claimed = _HOST.search(claim)
    if claimed is None or claimed[0].casefold().removeprefix("www.") == host.casefold().removeprefix("www."):
        return []
    return [f" ({host})"]


def _lines(text: str) -> list[Node]:
    """A text with its line breaks as elements."""
    nodes: list[Node] = []
    for line in text.split("\n"):
        nodes += [("br", {}, []), line]
    return nodes[1:]


def _letters(text: str) -> Counter[str]:
    return Counter(character for character in text.casefold() if character.isalnum())
