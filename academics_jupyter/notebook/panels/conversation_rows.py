"""The list of conversations as the browser draws it: the people, and the rooms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.people import Person
from academics_jupyter.peer.room_tables import member_rows, room_state
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.rooms import open_invitation
from academics_jupyter.store.history import ConversationSummary
from academics_jupyter.store.peers import Contact
from academics_jupyter.store.rooms import RoomRow

LAST_TEXT_LENGTH = 80
OUTSIDE = ("left", "declined")

Summaries = Mapping[str, ConversationSummary]


def people_rows(
    known: Iterable[str],
    people: Mapping[str, Person],
    contacts: Mapping[str, Contact],
    conversations: Summaries,
    name_of: Callable[[str], str],
) -> list[dict[str, Any]]:
    """A row for each of `known`: conversations first, the latest on top; then the others, online first."""
    rows = []
    for each in known:
        contact, person = contacts.get(each), people.get(each)
        rows.append(
            {
                "peer": each,
                "name": person.name if person else name_of(each),
                "affiliation": person.affiliation if person else "",
                "fingerprint": fingerprint(each),
                "verified": bool(contact and contact.verified),
                "blocked": bool(contact and contact.blocked),
                "presence": _presence(contact, person),
                **_summary(conversations.get(each)),
            }
        )
    return sorted(
        _namesakes_marked(rows), key=lambda row: (-row["last_at_ms"], row["presence"] == "away", row["name"].casefold())
    )


def _presence(contact: Contact | None, person: Person | None) -> str:
    """What the links and the registry know together: those with whom there is no link are in the registry only."""
    presence = contact.presence if contact is not None else "away"
    return "online" if presence == "away" and person is not None and person.online else presence


def room_rows(peer: Peer, rows: Iterable[RoomRow], conversations: Summaries) -> list[dict[str, Any]]:
    """A row for each room that we are in, are asked into, or were in and can read."""
    shown = [row for row in rows if row.standing not in OUTSIDE or row.room in conversations]
    return [_room_row(peer, row, conversations.get(row.room)) for row in shown]


def open_room(peer: Peer, row: RoomRow, answers: Mapping[str, str], contacts: Mapping[str, Contact]) -> dict[str, Any]:
    """All that there is to see of one room."""
    members = member_rows(row, answers, contacts, peer.id, peer.exploring.name_of)
    return {
        "room": row.room,
        "state": room_state(row),
        "mine": row.facts.creator == peer.id,
        "history": row.facts.history,
        "can_write": row.standing == "member" and not row.facts.deleted,
        "members": members if row.standing in ("member", "leaving") else [],
    }


def _room_row(peer: Peer, row: RoomRow, summary: ConversationSummary | None) -> dict[str, Any]:
    line = _summary(summary)
    if summary is not None and not summary.last_text:
        line["last_text"] = peer.last_text(summary)
    name_of = peer.exploring.name_of
    return line | {
        "room": row.room,
        "name": row.facts.name,
        "state": room_state(row),
        "invited_by": _inviter(row, name_of) if row.standing == "invited" else "",
        "host": "you" if row.facts.host == peer.id else name_of(row.facts.host),
        "members": len(row.facts.members),
        "muted": row.muted,
        "last_at_ms": line["last_at_ms"] or row.at_ms,
    }


def _inviter(row: RoomRow, name_of: Callable[[str], str]) -> str:
    return name_of(open_invitation(row.facts.invitation).inviter) if row.facts.invitation else ""


def _summary(summary: ConversationSummary | None) -> dict[str, Any]:
    if summary is None:
        return {"unread": 0, "mentioned": 0, "last_at_ms": 0, "last_text": ""}
    line = " ".join(summary.last_text[:LAST_TEXT_LENGTH].split())
    return {
        "unread": summary.unread,
        "mentioned": summary.mentioned,
        "last_at_ms": summary.last_at_ms,
        "last_text": line,
    }


def _namesakes_marked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two people of one name are told apart by their fingerprints."""
    names = Counter(row["name"].casefold().strip() for row in rows)
    return [row | {"namesake": names[row["name"].casefold().strip()] > 1} for row in rows]
