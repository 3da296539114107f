"""Tables of rooms, as DataFrames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from academics_jupyter.peer.framing import framed
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.rooms import Mark
from academics_jupyter.store.history import StoredMessage
from academics_jupyter.store.peers import Contact
from academics_jupyter.store.rooms import RoomRow

if TYPE_CHECKING:
    import pandas as pd

ROOM_COLUMNS = ["name", "state", "host", "members", "unread", "muted", "id"]
MEMBER_COLUMNS = ["name", "role", "state", "fingerprint"]
RECEIPT_COLUMNS = ["name", "state", "fingerprint"]

NameOf = Callable[[str], str]


def rooms_table(rows: Iterable[RoomRow], unread: Mapping[str, int], me: str, name_of: NameOf) -> pd.DataFrame:
    """A row for each room; `state` is member, invited, leaving, deleted, or waiting for a host."""
    return framed(
        [
            {
                "name": row.facts.name,
                "state": room_state(row),
                "host": "you" if row.facts.host == me else name_of(row.facts.host),
                "members": len(row.facts.members),
                "unread": unread.get(row.room, 0),
                "muted": row.muted,
                "id": row.room,
            }
            for row in rows
        ],
        ROOM_COLUMNS,
        {"members": "int64", "unread": "int64"},
        [],
    )


def room_state(row: RoomRow) -> str:
    """What a room is to us now, in a word or some."""
    if row.standing != "member":
        return row.standing
    if row.facts.deleted:
        return "deleted"
    return "waiting for a host" if row.facts.awaits_host else "member"


def members_table(
    row: RoomRow, invited: Mapping[str, str], contacts: Mapping[str, Contact], me: str, name_of: NameOf
) -> pd.DataFrame:
    """A row for each member, and for those who were invited and are none; `state` is online, busy, away, or theirs."""
    return framed(member_rows(row, invited, contacts, me, name_of), MEMBER_COLUMNS, {}, [])


def member_rows(
    row: RoomRow, invited: Mapping[str, str], contacts: Mapping[str, Contact], me: str, name_of: NameOf
) -> list[dict[str, str]]:
    """What `members_table` has, and each one's id as `peer`."""
    rows = [
        {
            "peer": member,
            "name": name_of(member),
            "role": _role(row, member),
            "state": "you" if member == me else _presence(contacts.get(member)),
            "fingerprint": fingerprint(member),
        }
        for member in row.facts.members
    ]
    return rows + [
        {
            "peer": peer,
            "name": name_of(peer),
            "role": "invited",
            "state": answer or _presence(contacts.get(peer)),
            "fingerprint": fingerprint(peer),
        }
        for peer, answer in invited.items()
        if peer not in row.facts.members
    ]


def _role(row: RoomRow, member: str) -> str:
    roles = [role for role, peer in (("founder", row.facts.creator), ("host", row.facts.host)) if peer == member]
    return ", ".join(roles) or "member"


def _presence(contact: Contact | None) -> str:
    return contact.presence if contact is not None else "away"


def receipts_table(
    message: StoredMessage, row: RoomRow | None, marks: Iterable[Mark], me: str, name_of: NameOf
) -> pd.DataFrame:
    """A row for each who is to have a message of ours: queued, held by the host, delivered or read."""
    known = {mark.member: mark for mark in marks}
    readers = [each for each in row.facts.members if each != me] if row else [message.conversation]
    rows = [
        {
            "name": name_of(reader),
            "state": _receipt(message, known.get(reader)) if row else message.state,
            "fingerprint": fingerprint(reader),
        }
        for reader in readers
    ]
    return framed(rows, RECEIPT_COLUMNS, {}, [])


def _receipt(message: StoredMessage, mark: Mark | None) -> str:
    if message.state in ("queued", "refused"):
        return message.state
    if mark is None or mark.number < message.place:
        return "held"
    return "read" if mark.read >= message.place else "delivered"
