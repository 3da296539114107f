"""How the things that magics return look in a cell."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.names import shown
from academics_jupyter.protocol.records import Profile, Resource
from academics_jupyter.store.downloads import Download
from academics_jupyter.store.messages import StoredMessage

SHORT_ID = 12
_UNITS = ("B", "kB", "MB", "GB", "TB")


def size(size_bytes: float) -> str:
    """Bytes as people read them: 512 B, 1.4 MB."""
    for unit in _UNITS:
        if size_bytes < 1000 or unit == _UNITS[-1]:
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"


def resource_text(resource: Resource) -> str:
    """A resource in a few lines, empty fields left out."""
    lines = [
        ("title", shown(resource.title)),
        ("authors", shown(", ".join(map(str, resource.authors)))),
        ("keywords", shown(", ".join(resource.keywords))),
        ("year", str(resource.year or "")),
        ("doi", shown(resource.doi)),
        ("license", shown(resource.license)),
        ("file", f"{shown(resource.file_name)}, {resource.kind}, {size(resource.size_bytes)}"),
        ("id", resource.id[:SHORT_ID]),
    ]
    return "\n".join(f"{label:<9} {text}" for label, text in lines if text)


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
    return f"{message.state}: {shown(message.text)}"


def download_text(download: Download) -> str:
    """A download in one line."""
    done = f"{size(download.done_bytes)} of {size(download.size_bytes)}"
    return f"{shown(download.name)}: {download.state}, {download.error or download.path or done}"


_TEXTS: dict[type[Any], Any] = {
    Resource: resource_text,
    Profile: profile_text,
    StoredMessage: message_text,
    Download: download_text,
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
