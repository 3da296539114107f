"""News in events that the other side takes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from academics_jupyter.protocol.records import Envelope, Record, Signed
from academics_jupyter.protocol.wire import MAX_EVENT_BYTES, MAX_RECORDS

NEWS_BYTES = MAX_EVENT_BYTES * 9 // 10
"""Envelopes in one event of news, as JSON; the event's own few characters come on top."""


def lots_of_news(records: Iterable[Signed[Record]]) -> list[tuple[Envelope, ...]]:
    """The records' envelopes, in order, in lots that each fit into one event."""
    lots: list[list[Envelope]] = []
    lot_bytes = NEWS_BYTES
    for signed in records:
        size_bytes = len(msgspec.json.encode(signed.envelope)) + 1
        if lot_bytes + size_bytes > NEWS_BYTES or len(lots[-1]) == MAX_RECORDS:
            lots.append([])
            lot_bytes = 0
        lot_bytes += size_bytes
        lots[-1].append(signed.envelope)
    return [tuple(lot) for lot in lots]
