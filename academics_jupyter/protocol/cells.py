"""A notebook cell with its output, as it travels in a message: nbformat JSON, cut to what a message may hold.

What is sent keeps text and pictures; HTML, JavaScript and widgets stay with their author. What is read is shown as text
and as PNG pictures of a bearable size, whatever is in it, and never run. May import errors, messages and records.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from academics_jupyter.errors import UsageError
from academics_jupyter.protocol.messages import MAX_CELL_LENGTH
from academics_jupyter.protocol.records import MAX_ENVELOPE_LENGTH, decode
from academics_jupyter.protocol.sizes import size_text

MAX_ESCAPED_LENGTH = MAX_ENVELOPE_LENGTH - 80_000
"""Of a cell's JSON within the JSON of its message, which leaves room for a text."""
MAX_OUTPUTS = 200
MAX_PIXELS = 40_000_000
MAX_SOURCE_LENGTH = 60_000
SHORTEST_TEXT = 2_000
"""A text is not cut below this many characters to make room."""

_PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
_KEPT = ("text/plain", "text/markdown", "text/latex", *_PICTURES)
_PNG = b"\x89PNG\r\n\x1a\n"
_CUT = "\n… (cut: it was too long to send)"


class _Output(Struct):
    output_type: str
    name: str = ""
    text: str | list[str] = ""
    data: dict[str, Any] = {}
    ename: str = ""
    evalue: str = ""


class _Cell(Struct):
    source: str | list[str]
    cell_type: Literal["code"] = "code"
    outputs: list[_Output] = []


class Shown(NamedTuple):
    """An output as it may be shown: `text`, or the bytes of a PNG picture with its text."""

    text: str
    png: bytes = b""


class Cell(NamedTuple):
    """A cell as it came: its source, and its outputs."""

    source: str
    outputs: tuple[Shown, ...]


class Packed(NamedTuple):
    """A cell's JSON, and in words what was left out of it."""

    json: str
    left_out: tuple[str, ...]


def packed(source: str, outputs: Iterable[Mapping[str, Any]]) -> Packed:
    """A code cell with nbformat `outputs`, for a message. Raises UsageError where its source alone is too long."""
    if len(source) > MAX_SOURCE_LENGTH:
        raise UsageError(
            f"The cell has {len(source):,} characters and {MAX_SOURCE_LENGTH:,} is the most: share it as a notebook."
        )
    notes: dict[str, str] = {}
    kept = [each for number, output in enumerate(outputs, 1) for each in _sendable(output, number, notes)]
    if len(kept) > MAX_OUTPUTS:
        notes["count"] = f"The last {len(kept) - MAX_OUTPUTS:,} outputs were left out: {MAX_OUTPUTS} is the most."
        del kept[MAX_OUTPUTS:]
    cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": kept}
    cell["source"] = _joined(source)
    while not _fits(text := msgspec.json.encode(cell).decode()):
        _leave_out(kept, notes)
    return Packed(text, tuple(notes.values()))


def opened(cell: str) -> Cell:
    """A cell that came, safe to show. Raises RemoteProtocolError where it is none."""
    read = decode(cell, _Cell)
    return Cell(_joined(read.source), tuple(_shown(output) for output in read.outputs[:MAX_OUTPUTS]))


def _fits(text: str) -> bool:
    return len(text) <= MAX_CELL_LENGTH and len(msgspec.json.encode(text).decode()) <= MAX_ESCAPED_LENGTH


def _sendable(output: Mapping[str, Any], number: int, notes: dict[str, str]) -> Iterable[dict[str, Any]]:
    """An output as nbformat has it, with what may be sent of it."""
    kind = output["output_type"]
    if kind == "stream":
        return [{"output_type": kind, "name": output["name"], "text": _last_of_lines(_joined(output["text"]))}]
    if kind not in ("display_data", "execute_result"):
        return []
    data = {mime: _joined(value) for mime, value in output["data"].items() if mime in _KEPT}
    only_a_name = not set(data) - {"text/plain"} and data.get("text/plain", "<>").startswith("<")
    if only_a_name and len(output["data"]) > len(data):
        notes[f"output {number}"] = f"Output {number} was left out: only text and pictures are sent."
        return []
    whole: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
    return [whole | {"execution_count": None} if kind == "execute_result" else whole] if data else []


def _leave_out(outputs: list[dict[str, Any]], notes: dict[str, str]) -> None:
    """Take the largest picture out, else cut the longest text, and say so in `notes`."""
    sizes = [
        (mime in _PICTURES, len(value), number, mime)
        for number, output in enumerate(outputs)
        for mime, value in _parts(output).items()
        if mime in _KEPT or mime == "text"
    ]
    is_picture, length, number, mime = max(sizes)
    parts, key = _parts(outputs[number]), f"{id(outputs[number])} {mime}"
    if is_picture:
        size_bytes = length if mime == "image/svg+xml" else length * 3 // 4
        notes[key] = f"A picture of {size_text(size_bytes)} was left out: it is too large to send."
        del parts[mime]
        parts.setdefault("text/plain", "(a picture)")
    elif length > SHORTEST_TEXT:
        notes.setdefault(key, f"A text of {length:,} characters was cut: it is too long to send.")
        parts[mime] = parts[mime].removesuffix(_CUT)[: max(SHORTEST_TEXT, length // 2) - len(_CUT)] + _CUT
    else:
        notes["small"] = "Some outputs were left out: there are too many to send."
        del outputs[number]


def _parts(output: dict[str, Any]) -> dict[str, Any]:
    """Where the texts and pictures of an output are."""
    if "data" in output:
        data: dict[str, Any] = output["data"]
        return data
    return output


def _shown(output: _Output) -> Shown:
    if output.output_type == "stream":
        return Shown(_joined(output.text))
    if output.output_type == "error":
        return Shown(f"{output.ename}: {output.evalue}")
    text = _joined(output.data.get("text/plain", ""))
    picture = _png(_joined(output.data.get("image/png", "")))
    if picture:
        return Shown(text, picture)
    if any(mime in output.data for mime in _PICTURES):
        text = f"{text}\n(a picture that is not shown)".strip()
    return Shown(text or "(an output that is not shown)")


def _png(data: str) -> bytes:
    """A PNG picture; nothing where it is none, or would be huge once it is unpacked."""
    try:
        picture = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
    if len(picture) < 33 or not picture.startswith(_PNG) or picture[12:16] != b"IHDR":
        return b""
    width, height = struct.unpack(">II", picture[16:24])
    return picture if 0 < width * height <= MAX_PIXELS else b""


def _joined(text: Any) -> str:
    """nbformat writes a text as one string or as a list of its lines."""
    lines = text if isinstance(text, list) else [text]
    return "".join(line for line in lines if isinstance(line, str)).encode(errors="replace").decode()


def _last_of_lines(text: str) -> str:
    """What is seen of lines that were written over, as progress bars are."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
