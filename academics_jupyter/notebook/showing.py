"""How the things that magics return look in a cell."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from academics_jupyter.peer.message_text import WITHDRAWN, cell_text
from academics_jupyter.peer.room_tables import room_state
from academics_jupyter.peer.wording import download_text
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.names import shown
from academics_jupyter.protocol.records import Profile, Resource
from academics_jupyter.protocol.sizes import size_text
from academics_jupyter.store.downloads import Download
from academics_jupyter.store.history import StoredMessage
from academics_jupyter.store.rooms import RoomRow

SHORT_ID = 12


def resource_text(resource: Resource) -> str:
    """A resource in a few lines, empty fields left out."""
    lines = [
        ("title", shown(resource.title)),
        ("authors", shown(", ".join(map(str, resource.authors)))),
        ("keywords", shown(", ".join(resource.keywords))),
        ("year", str(resource.year or "")),
        ("doi", shown(resource.doi)),
        ("license", shown(resource.license)),
        ("file", f"{shown(resource.file_name)}, {kind_text(resource)}, {size_text(resource.size_bytes)}"),
        ("version", version_text(resource)),
        ("id", resource.id[:SHORT_ID]),
    ]
    return "\n".join(f"{label:<9} {text}" for label, text in lines if text)


def kind_text(resource: Resource) -> str:
    """What a resource is: `data`, or `folder, 12 files`."""
    if not resource.files:
        return resource.kind
    return f"folder, {resource.files:,} file{'s' if resource.files > 1 else ''}"


def version_text(resource: Resource) -> str:
    """Which version it is, nothing for a first one."""
    return f"{resource.version}, after {resource.previous[:SHORT_ID]}" if resource.previous else ""


def profile_text(profile: Profile) -> str:
    """A profile in a few lines."""
    lines = [
        ("name", shown(profile.name)),
        ("email", shown(profile.email)),
        ("affiliation", shown(profile.affiliation)),
        ("interests", shown(", ".join(profile.interests))),
        ("fingerprint", fingerprint(profile.peer)),
    ]
    return "\n".join(f"{label:<11} {text}" for label, text in lines if text)


def message_text(message: StoredMessage) -> str:
    """A sent message in one line."""
    with_it = [cell_text(message.cell)] * bool(message.cell) + ["📎"] * len(message.resources)
    said = WITHDRAWN if message.withdrawn else " ".join([*([shown(message.text)] if message.text else []), *with_it])
    return f"{message.state}: {said}"


def room_text(row: RoomRow) -> str:
    """A room in one line."""
    count = len(row.facts.members)
    return f"#{shown(row.facts.name)}: {room_state(row)}, {count} member{'' if count == 1 else 's'}, id {row.room[:12]}"


_TEXTS: dict[type[Any], Any] = {
    Resource: resource_text,
    Profile: profile_text,
    StoredMessage: message_text,
    Download: download_text,
    RoomRow: room_text,
}


def show_well(shell: InteractiveShell) -> None:
    """Have the shell print these types as above."""
    if shell.display_formatter is not None:
        formatter = shell.display_formatter.formatters["text/plain"]
        for kind, text in _TEXTS.items():
            formatter.for_type(kind, _printer(text))


def _printer(text: Any) -> Any:
    def print_it(thing: Any, printer: Any, _cycle: bool) -> None:
        printer.text(text(thing))

    return print_it
