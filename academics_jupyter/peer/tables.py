"""Tables as pandas DataFrames, with the columns that people and notebooks rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from academics_jupyter.peer.framing import framed
from academics_jupyter.protocol.identity import fingerprint

if TYPE_CHECKING:
    import pandas as pd

    from academics_jupyter.peer.exploring import Listing
    from academics_jupyter.peer.people import Person
    from academics_jupyter.protocol.contents import Contents
    from academics_jupyter.protocol.records import Resource
    from academics_jupyter.store.history import StoredMessage
    from academics_jupyter.store.peers import Contact

RESOURCE_COLUMNS = [
    "id", "title", "authors", "year", "kind", "size_bytes", "keywords", "holders", "available", "sharer", "shared_at",
]  # fmt: skip
FILE_COLUMNS = ["path", "size_bytes", "id"]
VERSION_COLUMNS = ["version", "id", "title", "size_bytes", "sharer", "shared_at"]
PEOPLE_COLUMNS = ["name", "affiliation", "interests", "online", "resources", "fingerprint"]
PEER_COLUMNS = ["name", "fingerprint", "state", "direction", "rtt_ms", "since"]
HISTORY_COLUMNS = ["sent_at", "sender", "text", "state", "id"]
FOUND_COLUMNS = ["conversation", *HISTORY_COLUMNS]
INBOX_COLUMNS = ["conversation", "unread", "mentioned", "last_at", "last_text", "fingerprint"]

NameOf = Callable[[str], str]
TextOf = Callable[["StoredMessage"], str]


def resource_table(listings: Iterable[Listing]) -> pd.DataFrame:
    """A row for each listing; `holders` is how many hold it, `available` whether one of them is online."""
    rows = [
        {
            "id": each.resource.id,
            "title": each.resource.title,
            "authors": ", ".join(map(str, each.resource.authors)),
            "year": each.resource.year,
            "kind": each.resource.kind,
            "size_bytes": each.resource.size_bytes,
            "keywords": ", ".join(each.resource.keywords),
            "holders": len(each.holders),
            "available": each.available,
            "sharer": each.sharer,
            "shared_at": each.resource.created_at_ms,
        }
        for each in listings
    ]
    return framed(rows, RESOURCE_COLUMNS, {"year": "Int64", "size_bytes": "int64", "holders": "int64"}, ["shared_at"])


def file_table(contents: Contents) -> pd.DataFrame:
    """A row for each file of a folder, in the order of its tree."""
    rows = [{"path": "/".join(file.path), "size_bytes": file.size_bytes, "id": file.root} for file in contents.files]
    return framed(rows, FILE_COLUMNS, {"size_bytes": "int64"}, [])


def version_table(versions: Iterable[Resource], name_of: Callable[[str], str]) -> pd.DataFrame:
    """A row for each version."""
    rows = [
        {
            "version": each.version,
            "id": each.id,
            "title": each.title,
            "size_bytes": each.size_bytes,
            "sharer": name_of(each.peer),
            "shared_at": each.created_at_ms,
        }
        for each in versions
    ]
    return framed(rows, VERSION_COLUMNS, {"version": "int64", "size_bytes": "int64"}, ["shared_at"])


def people_table(people: Iterable[Person]) -> pd.DataFrame:
    """A row for each person."""
    rows = [
        {
            "name": person.name,
            "affiliation": person.affiliation,
            "interests": ", ".join(person.interests),
            "online": person.online,
            "resources": person.resources,
            "fingerprint": person.fingerprint,
        }
        for person in people
    ]
    return framed(rows, PEOPLE_COLUMNS, {"resources": "int64"}, [])


def peer_table(contacts: Iterable[Contact]) -> pd.DataFrame:
    """A row for each peer known; `direction` is `in` or `out`.

    `state` is `linked`, `busy` (online, but its kernel computes), `online` (with no link), `offline` or `blocked`.
    """
    rows = [
        {
            "name": contact.name,
            "fingerprint": fingerprint(contact.peer),
            "state": _state(contact),
            "direction": contact.direction,
            "rtt_ms": contact.rtt_ms,
            "since": contact.since_ms if contact.linked else contact.last_seen_ms,
        }
        for contact in contacts
    ]
    return framed(rows, PEER_COLUMNS, {"rtt_ms": "float64"}, ["since"])


def _state(contact: Contact) -> str:
    if contact.blocked:
        return "blocked"
    if contact.busy:
        return "busy"
    if contact.linked:
        return "linked"
    return "online" if contact.online else "offline"


def history_table(messages: Iterable[StoredMessage], name_of: NameOf, text_of: TextOf) -> pd.DataFrame:
    """A row for each message, oldest first; `text_of` words it."""
    rows = [_history_row(message, name_of, text_of) for message in messages]
    return framed(rows, HISTORY_COLUMNS, {}, ["sent_at"])


def found_table(
    messages: Iterable[StoredMessage], conversation_name: NameOf, name_of: NameOf, text_of: TextOf
) -> pd.DataFrame:
    """A row for each message of any conversation, oldest first."""
    rows = [
        {"conversation": conversation_name(message.conversation), **_history_row(message, name_of, text_of)}
        for message in messages
    ]
    return framed(rows, FOUND_COLUMNS, {}, ["sent_at"])


def inbox_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A row for each conversation with something unread."""
    return framed(rows, INBOX_COLUMNS, {"unread": "int64", "mentioned": "int64"}, ["last_at"])


def _history_row(message: StoredMessage, name_of: NameOf, text_of: TextOf) -> dict[str, Any]:
    return {
        "sent_at": message.sent_at_ms,
        "sender": name_of(message.author),
        "text": text_of(message),
        "state": message.state,
        "id": message.id,
    }
