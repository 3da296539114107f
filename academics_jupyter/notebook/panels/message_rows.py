"""Messages as the browser draws them: who wrote them, what they reply to, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from academics_jupyter.peer.peer import Peer
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.names import shown
from academics_jupyter.store.history import Reaction, StoredMessage

SHORT_FINGERPRINT = 9
_NOTICES = {
    "join": "joined",
    "leave": "left",
    "deletion": "deleted the room: it can be read, and nothing more can be written",
}


class MessageRows:
    """Makes rows for one drawing; it asks the store, so not on the event loop."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self._me = peer, peer.id
        self._words = peer.words()
        self._names: dict[str, str] = {}

    def rows(self, messages: Iterable[StoredMessage]) -> list[dict[str, Any]]:
        """A row for each message. A cell's content is not in it: it is fetched once it comes into sight."""
        messages = list(messages)
        self._tell_apart(
            {each.author for each in messages} | {mark.author for each in messages for mark in each.reactions}
        )
        return [self._row(message) for message in messages]

    def name(self, peer: str) -> str:
        """What somebody is called."""
        if peer not in self._names:
            self._names[peer] = "You" if peer == self._me else self._peer.exploring.name_of(peer)
        return self._names[peer]

    def _tell_apart(self, people: set[str]) -> None:
        """Those of one name, or of ours, are shown with their fingerprints."""
        names = {peer: self.name(peer) for peer in people - {self._me}}
        taken = Counter(_alike(name) for name in ["You", self._peer.exploring.name_of(self._me), *names.values()])
        for peer, name in names.items():
            if taken[_alike(name)] > 1:
                self._names[peer] = f"{name} ({fingerprint(peer)[:SHORT_FINGERPRINT]})"

    def _row(self, message: StoredMessage) -> dict[str, Any]:
        return {
            "id": message.id,
            "author": message.author,
            "name": self.name(message.author),
            "mine": message.author == self._me,
            "text": self._words.body(message) if message.withdrawn else message.text,
            "notice": self._notice(message),
            "at_ms": message.sent_at_ms,
            "state": message.state,
            "reply": self._reply(message),
            "edited": message.edited,
            "withdrawn": message.withdrawn,
            "mentioned": self._me in message.mentions,
            "reactions": self._reactions(message.reactions),
            "resources": [
                {"id": each, "title": self._words.title_of(each, message.author)}
                for each in dict.fromkeys(message.resources)
            ],
            "cell": bool(message.cell),
        }

    def _notice(self, message: StoredMessage) -> str:
        if message.kind == "text":
            return ""
        name = self.name(message.author)
        if message.kind == "terms":
            return f"{name} set the room's terms: it is called #{shown(message.name)}"
        return f"{name} {_NOTICES.get(message.kind, message.kind)}"

    def _reply(self, message: StoredMessage) -> dict[str, str] | None:
        if message.kind != "text" or message.withdrawn or not message.about:
            return None
        return {"id": message.about, "text": self._words.replied(message).removeprefix("> ")}

    def _reactions(self, reactions: Iterable[Reaction]) -> list[dict[str, Any]]:
        """Each reaction once, with whose it is."""
        authors: dict[str, list[str]] = {}
        for reaction in reactions:
            authors.setdefault(reaction.text, []).append(reaction.author)
        return [
            {"text": text, "names": [self.name(each) for each in whose], "mine": self._me in whose}
            for text, whose in authors.items()
        ]


def _alike(name: str) -> str:
    return name.casefold().strip()
