from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.sizes import size_text, written_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1000000", 1_000_000),
        (" 7 ", 7),
        ("5 MB", 5_000_000),
        ("5MB/s", 5_000_000),
        ("500 kB / s", 500_000),
        ("500 KB", 500_000),
        ("2 MiB", 2 << 20),
        ("2mib/s", 2 << 20),
        ("1.5 GB", 1_500_000_000),
        ("0.5k", 500),
        ("3 TiB", 3 << 40),
        ("12 B/s", 12),
    ],
)
def test_an_amount_as_people_write_it(text: str, expected: int) -> None:
    assert written_bytes(text) == expected


@pytest.mark.parametrize(
    "text", ["", "MB", "-1", "1e6", "5 Mbit", "5 MB/min", "5,5 MB", "٣ MB", "fast", "nan", "5 ib", "1" * 99]
)
def test_what_stands_for_no_amount(text: str) -> None:
    assert written_bytes(text) is None


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_400_000, "1.4 MB"), (2e9, "2.0 GB"), (5e15, "5000.0 TB")],
)
def test_an_amount_as_people_read_it(size_bytes: float, expected: str) -> None:
    assert size_text(size_bytes) == expected


@given(st.integers(0, 10**15))
def test_what_is_shown_can_be_written(size_bytes: int) -> None:
    assert written_bytes(size_text(size_bytes)) == pytest.approx(size_bytes, rel=0.06)
