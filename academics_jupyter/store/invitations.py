"""The invitations that we have sent, and what became of them. May import protocol only."""

from __future__ import annotations

from academics_jupyter.errors import StoreDamagedError
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.rooms import Invitation
from academics_jupyter.store.database import Database
from academics_jupyter.store.sealing import Sealing


class Invitations:
    """The invitations of one store. What they say, the room's name, is sealed."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database, self._sealing = database, sealing

    def invite(self, peer: str, invitation: Invitation, envelope: Envelope) -> None:
        """Keep an invitation; a newer one to the same room takes its place. Topic "rooms"."""
        sealed = self._sealing.seal_struct(f"{invitation.room}{peer}", envelope)
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO invitations (room, invitee, sealed) VALUES (?, ?, ?)"
                " ON CONFLICT (room, invitee) DO UPDATE SET sealed = excluded.sealed, answer = ''",
                (invitation.room, peer, sealed),
            )
            self._database.changed("rooms")

    def envelope(self, room: str, peer: str) -> Envelope:
        """An invitation as it travels. Raises StoreDamagedError, also where it is not there."""
        rows = self._database.read("SELECT sealed FROM invitations WHERE room = ? AND invitee = ?", (room, peer))
        if not rows:
            raise StoreDamagedError("An invitation is not there any more.")
        return self._sealing.open_struct(f"{room}{peer}", rows[0]["sealed"], Envelope)

    def declined(self, room: str, peer: str) -> None:
        """Somebody does not take it up. Topic "rooms"."""
        with self._database.transaction():
            self._database.execute(
                "UPDATE invitations SET answer = 'declined' WHERE room = ? AND invitee = ?", (room, peer)
            )
            self._database.changed("rooms")

    def of(self, room: str) -> dict[str, str]:
        """Who was invited to a room, with their answers: "", or declined."""
        rows = self._database.read("SELECT invitee, answer FROM invitations WHERE room = ?", (room,))
        return {row["invitee"]: row["answer"] for row in rows}
