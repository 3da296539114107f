"""Opening what was downloaded, as `%fetch` does: inert, whatever is in it. Nothing is unpickled, run or extracted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    except (ValueError, UnicodeError) as error:
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
        return _notebook(path)
    if suffix in _TEXT_SUFFIXES and path.stat().st_size <= MAX_TEXT_BYTES:
        return path.read_text(encoding="utf-8")
    return path


def _notebook(path: Path) -> Any:
    import nbformat  # it takes seconds to import, and every kernel that loads the extension would

    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError, RecursionError) as error:
        # It looks at what it reads before it has checked it.
        raise ValueError(str(error)) from error
