"""What `%fetch` makes of a file, and what loading the extension does not import for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from academics_jupyter.errors import TransferError
from academics_jupyter.notebook.opening import opened


def test_a_notebook_is_its_nodes(tmp_path: Path) -> None:
    path = tmp_path / "orbits.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Orbits")]), path)
    assert opened(path).cells[0].source == "# Orbits"


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "[" * 100_000,
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": 7}),
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": [{"source": {}}], "metadata": {}}),
        json.dumps({"nbformat": "4"}),
    ],
    ids=["no JSON", "a list", "deep lists", "a number of cells", "no cells", "a version in words"],
)
def test_what_is_no_notebook_says_so_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "orbits.ipynb"
    path.write_text(text)
    with pytest.raises(TransferError, match=r"^orbits\.ipynb was downloaded to .* cannot be read as its name says\.$"):
        opened(path)


def test_loading_the_extension_imports_nothing_slow() -> None:
    """Every kernel that loads it would wait for seconds."""
    script = "import sys, academics_jupyter.notebook.extension; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert not {"nbformat", "jsonschema", "pandas", "matplotlib"} & set(ran.stdout.split())
