"""The signed records known here, ours and others'. May import protocol and errors only.

Only records whose signature held come in (`Signed` is made by checking), so reading does not check again. Expired,
withdrawn and given-up records are kept: they are what an older one must not replace.
"""

from __future__ import annotations

import sqlite3
from typing import TypeVar

import msgspec

from academics_jupyter.protocol.records import Holding, Presence, Profile, Record, Resource, Signed, decode
from academics_jupyter.store.database import Database

R = TypeVar("R", bound=Record)

_TOPICS = {
    Resource.LABEL: "resources",
    Holding.LABEL: "holdings",
    Profile.LABEL: "profiles",
    Presence.LABEL: "presences",
}
_AFTER_HEX = "g"
"""Sorts after every hexadecimal digit."""


class Records:
    """The newest record of each kind and key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, signed: Signed[Record]) -> bool:
        """Keep a record unless one of its key that counts as much is there; whether it was kept.

        Topic "resources", "holdings", "profiles" or "presences".
        """
        record = signed.record
        with self._database.transaction():
            kept = self._database.execute(
                "INSERT INTO records (label, key, epoch, sequence, payload, signature) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (label, key) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence,"
                " payload = excluded.payload, signature = excluded.signature"
                " WHERE (excluded.epoch, excluded.sequence) > (records.epoch, records.sequence)",
                (record.LABEL, record.key, record.epoch, record.sequence, signed.payload, signed.signature),
            )
            if kept:
                self._database.changed(_TOPICS[record.LABEL])
        return bool(kept)

    def get(self, kind: type[R], key: str) -> Signed[R] | None:
        """The record of that kind and key."""
        rows = self._database.read(
            "SELECT payload, signature FROM records WHERE label = ? AND key = ?", (kind.LABEL, key)
        )
        return _signed(kind, rows[0]) if rows else None

    def resources(self, start: str = "") -> list[Signed[Resource]]:
        """All descriptions, of whichever sharer, of resources whose id begins with `start` (hex)."""
        return self._with_keys(Resource, start)

    def described_by(self, peer: str, file_name: str) -> list[Signed[Resource]]:
        """Descriptions by one sharer in whose text a file name stands, as we write it; of other names too, maybe."""
        return self._described_by(peer, msgspec.json.encode(file_name).decode())

    def naming(self, peer: str, resource: str) -> list[Signed[Resource]]:
        """Descriptions by one sharer that name a resource, such as the previous version of theirs."""
        return self._described_by(peer, f'"{resource}"')

    def later_versions(self) -> list[Signed[Resource]]:
        """Descriptions of all that is a later version of something."""
        rows = self._database.read(
            "SELECT payload, signature FROM records WHERE label = ?"
            ' AND instr(payload, \'"previous"\') AND NOT instr(payload, \'"previous":""\')',
            (Resource.LABEL,),
        )
        return [_signed(Resource, row) for row in rows]

    def _described_by(self, peer: str, text: str) -> list[Signed[Resource]]:
        # Most are passed over before they are read, which takes long where somebody shares thousands.
        rows = self._database.read(
            "SELECT payload, signature FROM records WHERE label = ? AND substr(key, 65) = ? AND instr(payload, ?)",
            (Resource.LABEL, peer, text),
        )
        return [_signed(Resource, row) for row in rows]

    def holdings(self, resource: str) -> list[Signed[Holding]]:
        """Who holds the resource, and who has given it up."""
        return self._with_keys(Holding, resource)

    def presences(self) -> list[Signed[Presence]]:
        """The last presence of every peer heard of."""
        return self._with_keys(Presence, "")

    def profiles(self) -> list[Signed[Profile]]:
        """The profile of every peer heard of."""
        return self._with_keys(Profile, "")

    def _with_keys(self, kind: type[R], start: str) -> list[Signed[R]]:
        start = start.lower()
        rows = self._database.read(
            "SELECT payload, signature FROM records WHERE label = ? AND key >= ? AND key < ? ORDER BY key",
            (kind.LABEL, start, start + _AFTER_HEX),
        )
        return [_signed(kind, row) for row in rows]


def _signed(kind: type[R], row: sqlite3.Row) -> Signed[R]:
    payload = str(row["payload"])
    return Signed(decode(payload.partition("\n")[2], kind), payload, str(row["signature"]))
