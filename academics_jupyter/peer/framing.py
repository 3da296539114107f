"""From rows to a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def framed(rows: list[dict[str, Any]], columns: list[str], types: dict[str, str], times: list[str]) -> pd.DataFrame:
    """A table with these columns, also where it has no rows; those in `times` are given in milliseconds since 1970."""
    import pandas as pd  # slow to import, and needed only once somebody looks at a table

    table = pd.DataFrame(rows, columns=columns)
    for column in times:
        table[column] = pd.to_datetime(table[column], unit="ms", utc=True)
    return table.astype(types)
