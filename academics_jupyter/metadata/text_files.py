"""What notebooks, Markdown and plain text tell of themselves. Pure; nothing in them is ever run.

These patterns run in the kernel itself, so none may take more than linear time over what anyone may have written.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from academics_jupyter.metadata.author_names import author
from academics_jupyter.metadata.findings import MAX_LINE, Findings
from academics_jupyter.metadata.identifiers import find_license
from academics_jupyter.protocol.records import Author

_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.*)$|^(\S.*)\n(?:=+|-{3,})[ \t]*$", re.MULTILINE)
_TEX = {
    name: re.compile(rf"\\{name}\s{{0,9}}(?:\[[^\]]{{0,999}}\])?\{{([^{{}}]{{0,9999}})\}}")
    for name in ("title", "author")
}
_INLINE = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[`*]+|<[^>]*>")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def of_markdown(text: str) -> Findings:
    """The first heading as the title."""
    body = _FENCE.sub("", _FRONT_MATTER.sub("", text))
    heading = _HEADING.search(body)
    text = (heading[1] or heading[2])[:MAX_LINE].rstrip(" \t#") if heading else ""
    return Findings(title=_INLINE.sub(r"\1", text))


def of_plain_text(text: str) -> Findings:
    """A heading if there is one, else the first line if it is short and stands alone."""
    found = of_markdown(text)
    first, _, rest = text.strip().partition("\n")
    alone = not rest.strip() or rest.startswith(("\n", "\r"))
    return found if found.title or not alone or not 3 < len(first) <= 150 else Findings(title=first)


def of_tex(text: str) -> Findings:
    """`\\title` and `\\author`."""
    title, people = (found[1] if (found := _TEX[name].search(text)) else "" for name in ("title", "author"))
    names = [name.strip() for name in people.split(r"\and") if name.strip()]
    return Findings(title=title.replace(r"\\", " "), authors=tuple(author(name) for name in names))


def of_notebook(content: bytes) -> Findings:
    """The first Markdown heading; authors and licence from the notebook's metadata (nbformat 4).

    Nothing is found in what is not a notebook.
    """
    try:
        notebook = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Findings()
    metadata = _mapping(_mapping(notebook).get("metadata"))
    license_ = _text(metadata.get("license"))
    return Findings(
        title=_first_heading(_mapping(notebook).get("cells")) or _text(metadata.get("title")),
        authors=_authors(metadata.get("authors")),
        keywords=tuple(_text(word) for word in _list(metadata.get("keywords"))),
        license=find_license(license_) or license_,
    )


def _first_heading(cells: Any) -> str:
    for cell in map(_mapping, _list(cells)):
        if cell.get("cell_type") == "markdown":
            source = cell.get("source")
            text = "".join(map(_text, source)) if isinstance(source, list) else _text(source)
            if title := of_markdown(text).title:
                return title
    return ""


def _authors(people: Any) -> tuple[Author, ...]:
    names = [_text(person) or _text(_mapping(person).get("name")) for person in _list(people)]
    return tuple(author(name) for name in names if name)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
