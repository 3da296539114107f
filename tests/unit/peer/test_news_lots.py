"""News goes out in events that the other side takes."""

from __future__ import annotations

from msgspec import to_builtins
from nacl.signing import SigningKey

from academics_jupyter.network.packets import StrictJson
from academics_jupyter.peer.news_lots import lots_of_news
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import RECORD_LIFETIME_MS, Holding, Record, Resource, Signed, sign_record
from academics_jupyter.protocol.wire import MAX_EVENT_BYTES, MAX_RECORDS, News

KEY = SigningKey(bytes(32))
HEADER = {
    "peer": peer_id(KEY),
    "epoch": 1,
    "issued_at_ms": 0,
    "expires_at_ms": RECORD_LIFETIME_MS,
}


def long_resource(sequence: int) -> Signed[Record]:
    """As long as one can be, and twice as long once JSON has escaped it."""
    record = Resource(
        **HEADER, sequence=sequence, id="ab" * 32, sha256="cd" * 32, size_bytes=1, file_name="a", media_type="",
        kind="paper", title="é" * 1000, abstract='"' * 10_000,
    )  # fmt: skip
    return sign_record(KEY, record)


def test_every_lot_fits_into_an_event_and_order_is_kept() -> None:
    records = [long_resource(sequence) for sequence in range(200)]
    lots = lots_of_news(records)
    assert [envelope for lot in lots for envelope in lot] == [signed.envelope for signed in records]
    for lot in lots:
        assert len(lot) <= MAX_RECORDS
        event = StrictJson.dumps(["news", to_builtins(News(records=lot))], separators=(",", ":"))
        assert len(event.encode()) < MAX_EVENT_BYTES


def test_small_records_go_by_number() -> None:
    holding = sign_record(KEY, Holding(**HEADER, sequence=1, resource="ab" * 32, held=True))
    assert [len(lot) for lot in lots_of_news([holding] * (MAX_RECORDS + 1))] == [MAX_RECORDS, 1]
    assert lots_of_news([]) == []
