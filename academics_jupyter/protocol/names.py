"""Names and lines of text that came from others, made safe to keep and to show. May import nothing of the package.

A safe file name is one path component that means the same on Linux, macOS and Windows: no separator, control or
direction character, no device, stream or hidden name, at most 255 bytes of UTF-8, in Unicode's form NFC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_NAME_BYTES = 255
NAMELESS = "file"

_SEPARATORS = re.compile(r"[/\\]+")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_SPACES = re.compile(r" +")
_LEADING = re.compile(r"^[.~-][.~ -]*")
_ENDING = re.compile(r"(?<=.)(?:\.tar)?\.[^.\s]{1,16}$", re.IGNORECASE)
# Devices of Windows, which it finds in any folder and whatever the ending; the small digits count there as digits.
_DEVICE = re.compile(r"^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)", re.IGNORECASE)
# Zero-width joiners are part of how Persian, Hindi and emoji are written; next to ASCII they only hide something.
_STRAY_JOINER = re.compile("(?<![^\\x00-\\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\\x00-\\x7f])")
_JOINERS = "\u200c\u200d"
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def safe_file_name(name: str) -> str:
    """The name under which a peer's file is kept: the last part of any path in it, harmless and never empty.

    An ordinary name comes back as it is, and so does a safe one.
    """
    parts = [part for part in _SEPARATORS.split(name) if part]
    text = "".join(_kept(char) for char in unicodedata.normalize("NFC", parts[-1] if parts else ""))
    text = _STRAY_JOINER.sub("", _FORBIDDEN.sub("_", text))
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", text)).lstrip(" ").rstrip(" .")
    text = _LEADING.sub("_", text) or NAMELESS
    if _DEVICE.match(text):
        text = f"_{text}"
    return _shortened(text)


def _kept(char: str) -> str:
    """A character as it may stand in a name: the invisible vanish, what breaks lines or terminals is replaced."""
    category = unicodedata.category(char)
    if category in ("Cc", "Cs", "Zl", "Zp"):
        return "_"
    if category == "Cf" and char not in _JOINERS:
        return ""
    return " " if category == "Zs" else char


def _split(name: str) -> tuple[str, str]:
    """A name without its ending, and the ending with its dot: `.pdf`, `.tar.gz` or nothing."""
    found = _ENDING.search(name)
    return (name[: found.start()], found.group()) if found else (name, "")


def _shortened(name: str, mark: str = "") -> str:
    """A name with `mark` before its ending, the part before both cut to fit `MAX_NAME_BYTES`."""
    stem, ending = _split(name)
    room = MAX_NAME_BYTES - len(f"{mark}{ending}".encode())
    if mark:
        stem = stem.rstrip(f" {_JOINERS}")
    if len(stem.encode()) > room:
        stem = stem.encode()[:room].decode(errors="ignore").rstrip(f" .{_JOINERS}")
    return f"{stem}{mark}{ending}"


def _alike(name: str) -> str:
    """What is equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def unlike(name: str, taken: Iterable[str]) -> str:
    """`name`, else `name (2).pdf` and so on: the first unlike all `taken` in more than case and NFC or NFD."""
    known = {_alike(other) for other in taken}
    candidate, number = name, 1
    while _alike(candidate) in known:
        number += 1
        candidate = _shortened(name, f" ({number})")
    return candidate


def safe_names(names: Iterable[str]) -> list[str]:
    """The safe file name of each, kept apart as `unlike` does: for the files of one folder. Safe, unlike names stay."""
    numbers: dict[str, int] = {}
    return [_apart(safe_file_name(name), numbers) for name in names]


def _apart(name: str, numbers: dict[str, int]) -> str:
    """`name`, or one unlike all before it; `numbers` has what is taken, and the last number given to those alike."""
    key = _alike(name)
    number = numbers.get(key, 0) + 1
    candidate = name if number == 1 else _shortened(name, f" ({number})")
    while number > 1 and _alike(candidate) in numbers:
        number += 1
        candidate = _shortened(name, f" ({number})")
    numbers[key] = number
    numbers.setdefault(_alike(candidate), 1)
    return candidate


def shown(text: str) -> str:
    """A peer's text as one line for a terminal or log: control, direction and invisible characters are escaped.

    Text with right-to-left letters is wrapped in an isolate (Unicode's UAX 9), so that it cannot reorder what stands
    around it.
    """
    line = "".join(_escaped(char) for char in text)
    if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in line):
        return f"{_ISOLATE}{line}{_END_ISOLATE}"
    return line


def _escaped(char: str) -> str:
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS:
        return char.encode("unicode_escape").decode()
    return char
