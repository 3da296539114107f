"""Rooms, as people deal with them: found one, invite, join, leave, delete. What they do is on disk first.

How the members come to agree on what was said is `room_running`'s. All of this works offline, in each of a profile's
kernels.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Unpack

from academics_jupyter.errors import RemoteProtocolError, UnknownTargetError, UsageError
from academics_jupyter.network.link import Link
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import RoomInvited
from academics_jupyter.protocol.messages import MAX_INVITED, Terms, room_id
from academics_jupyter.protocol.rooms import (
    Claim,
    Decline,
    Invitation,
    Invite,
    Term,
    open_invitation,
    sign_invitation,
)
from academics_jupyter.protocol.wire import Done
from academics_jupyter.store.messages import Content
from academics_jupyter.store.rooms import Facts, RoomRow

MAX_NAME_LENGTH = 100


class RoomsService:
    """The rooms of one profile."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def all(self) -> list[RoomRow]:
        """Every room that we are, were or might be in."""
        return await asyncio.to_thread(self._context.store.rooms.all)

    async def get(self, room: str) -> RoomRow:
        """One room. Raises UnknownTargetError."""
        row = await asyncio.to_thread(self._context.store.rooms.get, room)
        if row is None:
            raise UnknownTargetError("There is no such room: %room list shows yours.")
        return row

    async def answers(self, room: str) -> dict[str, str]:
        """Whom we have invited to a room, with their answers: "", or declined."""
        return await asyncio.to_thread(self._context.store.invitations.of, room)

    async def create(self, name: str, invited: Sequence[str], *, history: bool = False) -> RoomRow:
        """Found a room, and invite peers. Raises UsageError for a name that is empty or too long, or too many peers."""
        name = " ".join(name.split())
        if not name or len(name) > MAX_NAME_LENGTH:
            raise UsageError(f"A room's name has 1 to {MAX_NAME_LENGTH} characters.")
        if len(invited) > MAX_INVITED:
            raise UsageError(f"A room is founded with {MAX_INVITED} others at most: invite the rest later.")
        room = await asyncio.to_thread(self._found, name, tuple(dict.fromkeys(invited)), history)
        return await self.get(room)

    def _found(self, name: str, invited: tuple[str, ...], history: bool) -> str:
        context = self._context
        founding, me, now_ms = secrets.token_hex(16), context.me, context.clock.now_ms()
        room = room_id(me, founding)
        with context.store.transaction():
            facts = Facts(name=name, creator=me, members=(me,), host=me, history=history)
            context.store.rooms.enter(room, "member", Claim(term=Term(1, me)), facts, now_ms)
            terms = Terms(name=name, history=history, invited=invited)
            context.store.messages.compose(
                context.keys.signing, room, "", now_ms, id=founding, kind="founding", terms=terms
            )
            self._invite(room, invited)
        return room

    async def invite(self, room: str, peers: Sequence[str]) -> RoomRow:
        """Ask peers into a room that we are in. Raises UsageError."""
        row = await self._mine(room)
        if already := set(peers) & set(row.facts.members):
            raise UsageError(f"{len(already)} of them are in #{row.facts.name} already.")
        await asyncio.to_thread(self._invite, room, peers)
        return row

    def _invite(self, room: str, peers: Sequence[str]) -> None:
        context = self._context
        with context.store.transaction():
            row = context.store.rooms.get(room)
            assert row is not None  # noqa: S101 - whoever invites is in it
            for peer in peers:
                invitation = Invitation(
                    room=room,
                    inviter=context.me,
                    invitee=peer,
                    creator=row.facts.creator,
                    name=row.facts.name,
                    members=max(1, len(row.facts.members)),
                    term=row.claim.term,
                    sent_at_ms=context.clock.now_ms(),
                )
                context.store.invitations.invite(peer, invitation, sign_invitation(context.keys.signing, invitation))
                context.store.outbox.add(peer, "invitation", room)

    async def accept(self, room: str) -> RoomRow:
        """Take an invitation up. Raises UsageError where there is none."""
        row = await self.get(room)
        if row.standing == "member":
            return row
        if row.facts.invitation is None:
            raise UsageError(f"#{row.facts.name} has no open invitation: ask a member for one.")
        await asyncio.to_thread(self._write, room, "member", kind="join", invitation=row.facts.invitation)
        return await self.get(room)

    async def decline(self, room: str) -> RoomRow:
        """Do not take an invitation up. Raises UsageError where there is none."""
        row = await self.get(room)
        if row.standing != "invited" or row.facts.invitation is None:
            raise UsageError(f"#{row.facts.name} has no open invitation.")
        inviter = open_invitation(row.facts.invitation).inviter
        await asyncio.to_thread(self._decline, room, inviter)
        return await self.get(room)

    def _decline(self, room: str, inviter: str) -> None:
        with self._context.store.transaction():
            self._context.store.rooms.set_standing(room, "declined")
            self._context.store.outbox.add(inviter, "declined", room)

    async def leave(self, room: str) -> RoomRow:
        """Be a member no more; from now on nothing that comes is kept. Raises UsageError."""
        row = await self.get(room)
        if row.standing == "invited":
            return await self.decline(room)
        await self._mine(room)
        await asyncio.to_thread(self._write, room, "leaving", kind="leave")
        return await self.get(room)

    async def delete(self, room: str) -> RoomRow:
        """Close a room for good, as only who founded it may; everybody keeps what was said. Raises UsageError."""
        row = await self._mine(room)
        if row.facts.creator != self._context.me:
            raise UsageError(f"Only who founded #{row.facts.name} can delete it; %room leave takes you out of it.")
        if not row.facts.deleted:
            await asyncio.to_thread(self._write, room, "member", kind="deletion")
        return await self.get(room)

    def _write(self, room: str, standing: str, **content: Unpack[Content]) -> None:
        """Say something about the room in it, and be something else to it, at once."""
        context = self._context
        with context.store.transaction():
            context.store.messages.compose(context.keys.signing, room, "", context.clock.now_ms(), **content)
            context.store.rooms.set_standing(room, standing)

    async def set_terms(self, room: str, *, name: str | None = None, history: bool | None = None) -> RoomRow:
        """Rename a room, or open what was said to those who join later; only who founded it may. Raises UsageError."""
        row = await self._mine(room)
        if row.facts.creator != self._context.me:
            raise UsageError(f"Only who founded #{row.facts.name} can change its terms.")
        terms = Terms(name=name or row.facts.name, history=row.facts.history if history is None else history)
        await asyncio.to_thread(self._write, room, "member", kind="terms", terms=terms)
        return row

    async def mute(self, room: str, *, muted: bool = True) -> RoomRow:
        """Have what comes not count as unread, or count again."""
        await self.get(room)
        await asyncio.to_thread(self._context.store.rooms.set_muted, room, muted=muted)
        return await self.get(room)

    async def check_writable(self, room: str) -> None:
        """Raises UsageError where nothing can be written to a room, and says why."""
        row = await self._mine(room)
        if row.facts.deleted:
            raise UsageError(f"#{row.facts.name} was deleted: it can be read, and nothing more can be written.")

    async def _mine(self, room: str) -> RoomRow:
        row = await self.get(room)
        if row.standing == "invited":
            raise UsageError(f'You have not joined #{row.facts.name} yet: %room accept "#{row.facts.name}".')
        if row.standing != "member":
            raise UsageError(f"You are not in #{row.facts.name} any more: ask a member for an invitation.")
        return row

    # What comes

    async def invited(self, link: Link, invite: Invite) -> Done:
        """An invitation came.

        Raises RemoteProtocolError, code `wrong_peer`, where it is not its sender's or not for us.
        """
        invitation = open_invitation(invite.invitation)
        if invitation.inviter != link.peer or invitation.invitee != self._context.me:
            raise RemoteProtocolError("an invitation by or for someone else", "wrong_peer")
        if await asyncio.to_thread(self._invited, invitation, invite):
            self._context.events.tell(RoomInvited(invitation.room, invitation.name, invitation.inviter))
        return Done()

    def _invited(self, invitation: Invitation, invite: Invite) -> bool:
        rooms, now_ms = self._context.store.rooms, self._context.clock.now_ms()
        with self._context.store.transaction():
            row = rooms.get(invitation.room)
            if row is not None and row.standing in ("member", "leaving"):
                return False
            facts = Facts(
                name=invitation.name,
                creator=invitation.creator,
                host=invitation.term.host,
                invitation=invite.invitation,
            )
            rooms.enter(invitation.room, "invited", Claim(term=invitation.term), facts, now_ms)
        return True

    async def declined(self, link: Link, decline: Decline) -> Done:
        """Somebody does not take our invitation up."""
        await asyncio.to_thread(self._context.store.invitations.declined, decline.room, link.peer)
        return Done()
