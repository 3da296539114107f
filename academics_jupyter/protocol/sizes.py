"""Bytes as people write and read them: 512 B, 1.4 MB, 5 MB/s. Imports nothing."""

from __future__ import annotations

import re

_UNITS = ("B", "kB", "MB", "GB", "TB")
_FACTORS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_BINARY_FACTORS = {"k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_WRITTEN = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(?:([kmgt]i?)?b?)(?:\s*/\s*s)?", re.ASCII | re.IGNORECASE)


def size_text(size_bytes: float) -> str:
    """Bytes as people read them: 512 B, 1.4 MB."""
    for unit in _UNITS:
        if size_bytes < 1000 or unit == _UNITS[-1]:
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"


def written_bytes(text: str) -> int | None:
    """The bytes that "5 MB", "500 kB/s", "2 MiB" or "1000000" stands for; None for what stands for none.

    k, M, G and T are powers of 1000, and Ki, Mi, Gi and Ti of 1024, in capitals or not, as nobody means bits here.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        return None
    prefix = (match[2] or "").lower()
    factor = _BINARY_FACTORS[prefix[0]] if prefix.endswith("i") else _FACTORS[prefix]
    return round(float(match[1]) * factor)
