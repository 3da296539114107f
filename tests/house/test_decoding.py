"""Every type that msgspec reads is prepared first (see `protocol.preparing`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import academics_jupyter

PACKAGE = Path(academics_jupyter.__file__).parent
READS = ("msgspec.json.decode", "msgspec.msgpack.decode", "msgspec.convert")
DECODERS = ("msgspec.json.Decoder", "msgspec.msgpack.Decoder")
PREPARING = "protocol/preparing.py"


def unprepared(tree: ast.AST) -> Iterator[int]:
    """The lines where msgspec is given a type as it is."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        given = [each.value for each in call.keywords if each.arg == "type"] + call.args[1:]
        if name in DECODERS or (name in READS and not all(ast.unparse(each).startswith("prepared(") for each in given)):
            yield call.lineno


def test_each_type_is_prepared() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if file.relative_to(PACKAGE).as_posix() != PREPARING]
    assert [f"{file}:{line}" for file in files for line in unprepared(ast.parse(file.read_text()))] == []
