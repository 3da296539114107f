"""Looking for text that must not lie on a disk: what `strings` would show, and what a program would have to undo."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path


def contents_below(*folders: Path) -> dict[str, bytes]:
    """Every file there is, hidden and temporary ones too, and what lies inside of archives; by name."""
    found: dict[str, bytes] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    continue  # it has just been renamed or removed
                found |= {str(path): content, **{f"{path}!{name}": inside for name, inside in _inside(content)}}
    return found


def traces(contents: dict[str, bytes], secrets: Iterable[str | bytes]) -> list[str]:
    """In which contents any of the secrets can be found."""
    wanted = {spelling for secret in secrets for spelling in _spellings(secret)}
    return [f"{name}: {spelling!r}" for name, content in contents.items() for spelling in wanted if spelling in content]


def _inside(content: bytes) -> Iterator[tuple[str, bytes]]:
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)


def _spellings(secret: str | bytes) -> Iterator[bytes]:
    if isinstance(secret, str):
        yield json.dumps(secret)[1:-1].encode()
        yield secret.encode("utf-16-le")
        yield secret.encode("utf-16-be")
    plain = secret.encode() if isinstance(secret, str) else secret
    yield plain
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    for offset in range(3):
        # The characters at both ends depend on what stands beside.
        inner = base64.b64encode(bytes(offset) + plain)[4 if offset else 0 :]
        yield inner[:-4]
        yield inner[:-4].translate(bytes.maketrans(b"+/", b"-_"))
