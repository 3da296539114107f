"""Opening what was downloaded, as `%fetch` does: inert, whatever is in it. Nothing is unpickled, run or extracted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from academics_jupyter.errors import TransferError

MAX_TEXT_BYTES = 50 << 20
_TEXT_SUFFIXES = {".txt", ".md", ".rst", ".tex", ".bib", ".py", ".r", ".jl", ".json", ".yaml", ".yml", ".toml", ".xml"}


def opened(path: Path) -> Any:
    """Tables as DataFrames, notebooks as nbformat nodes, text as str, all else as its Path.

    Raises TransferError where a file is not what its name says.
    """
    try:
        return _opened(path)
    except ImportError as error:
        raise TransferError(f"{path.name} was downloaded to {path}; to open it: pip install pyarrow.") from error
    except (ValueError, UnicodeError, nbformat.ValidationError) as error:
        raise TransferError(f"{path.name} was downloaded to {path} but cannot be read as its name says.") from error


def _opened(path: Path) -> Any:
    suffix = "" if path.is_dir() else path.suffix.lower()
    if suffix in {".csv", ".tsv"}:
        import pandas as pd

        return pd.read_csv(path, sep="\t" if suffix == ".tsv" else ",")
    if suffix == ".parquet":
        import pandas as pd

        return pd.read_parquet(path)
    if suffix == ".ipynb":
        return nbformat.read(path, as_version=4)
    if suffix in _TEXT_SUFFIXES and path.stat().st_size <= MAX_TEXT_BYTES:
        return path.read_text(encoding="utf-8")
    return path
