"""The driver's side of rooms: one machine for each, fed with what is written here, what comes, and the time.

What a machine decides is on disk before anything is told of it. Steps of one room follow one another.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from academics_jupyter.errors import ProtocolError, RemoteProtocolError, StoreError
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import HostChanged, MessageChanged, MessageReceived
from academics_jupyter.peer.reaching import Reaching
from academics_jupyter.peer.room_opening import opened_all
from academics_jupyter.peer.room_telling import LinkTelling, Telling
from academics_jupyter.peer.room_writing import RoomWriting
from academics_jupyter.protocol.messages import Message, digest
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room import Room
from academics_jupyter.protocol.room_effects import Adopt, Effect, Reject, Tell, TellEntries, TellMessages
from academics_jupyter.protocol.room_log import Post, post_of
from academics_jupyter.protocol.rooms import Mark, RoomEvent, Said, Typing
from academics_jupyter.protocol.wire import Done
from academics_jupyter.store.room_copies import Opened
from academics_jupyter.store.rooms import Facts, RoomRow

TICK_S = 0.5
REGREET_S = 5.0
MARKS_INTERVAL_S = 0.25
"""Everybody's progress is told at once, not each by itself."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Running:
    """A room's machine. `greeted` are the links that it was told of."""

    machine: Room
    row: RoomRow
    writing: RoomWriting
    has_queued: bool = True
    told_marks: dict[str, Mark] = field(default_factory=dict)
    told_s: float = 0.0
    greeted: dict[str, Link] = field(default_factory=dict)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class RoomRunner:
    """Runs while the peer is online."""

    def __init__(self, context: Context, mesh: Mesh, typing: Callable[[str, str], None]) -> None:
        """`typing` is told in which room who is writing."""
        self._context, self._typing = context, typing
        self._tells_read = context.settings.read_marks
        self._running: dict[str, _Running] = {}
        self._tellings: dict[Link, LinkTelling] = {}
        self._reaching = Reaching(mesh)
        self._changed = asyncio.Event()
        self._taking: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Run all rooms for ever."""
        try:
            with self._context.changes.watched("rooms") as changed:
                self._changed = changed
                changed.set()
                while True:
                    if changed.is_set():
                        changed.clear()
                        await self._read()
                    await self._step_all()
                    await either(changed, timeout_s=TICK_S)
        finally:
            for task in self._taking:
                task.cancel()
            for telling in self._tellings.values():
                telling.close()

    def members(self) -> frozenset[str]:
        """Those with whom there are rooms, and who are to be dialled."""
        machines = [running.machine for running in self._running.values()]
        members = {peer for machine in machines for peer in (*machine.log.members, machine.term.host)}
        # Who is not in yet asks whoever invited them.
        inviters = {
            post.inviter for machine in machines if not len(machine.log) for post in machine.copy.pending.values()
        }
        return frozenset(members | inviters) - {self._context.me, ""}

    def lost(self, link: Link) -> None:
        """A link has ended."""
        if (telling := self._tellings.pop(link, None)) is not None:
            telling.close()

    async def hear(self, link: Link, event: RoomEvent) -> Done:
        """Something was said in a room. Raises RemoteProtocolError, code `not_member`, where we are not in it."""
        running = self._running.get(event.room)
        if running is None:
            await self._read()
            running = self._running.get(event.room)
        if running is None:
            raise RemoteProtocolError("a room that we are not in", "not_member")
        said = event.said
        if isinstance(said, Typing):
            if link.peer in running.machine.log.members:
                self._typing(event.room, link.peer)
            return Done()
        came, posts = await opened_all(event.room, said)
        async with running.busy:
            effects = self._greet(running, link)
            now_ms = int(time.monotonic() * 1000)
            await self._carry_out(running, effects + running.machine.hear(link.peer, said, posts, now_ms), came)
        return Done()

    # What happens here

    def wrote(self, message: Message, envelope: Envelope) -> None:
        """We have just written something in a room."""
        running = self._running.get(message.recipient)
        if running is None:
            self._changed.set()
            return
        task = asyncio.create_task(self._take(running, post_of(message, digest(envelope))), name="academics-room-wrote")
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def _take(self, running: _Running, post: Post) -> None:
        machine = running.machine
        try:
            async with running.busy:
                if post.id not in machine.copy.pending:
                    await self._carry_out(running, machine.wrote(post), {})
        except (StoreError, ProtocolError) as error:
            log.warning("the room %s has to wait: %s", machine.log.room[:8], error)
            self._changed.set()

    async def _read(self) -> None:
        """See what was written, by whichever process of the profile."""
        store = self._context.store
        for row in await asyncio.to_thread(store.rooms.all):
            if row.standing in ("member", "leaving"):
                running = self._running.get(row.room) or await self._load(row)
                running.row = row
        for room in await asyncio.to_thread(store.room_copies.with_queued):
            if room in self._running:
                self._running[room].has_queued = True

    async def _step_all(self) -> None:
        """See who is there, and what time it is."""
        reached = await self._reaching.reached(self._hosts())
        for running in list(self._running.values()):
            try:
                async with running.busy:
                    await self._step(running, reached)
            except (StoreError, ProtocolError) as error:
                log.warning("the room %s has to wait: %s", running.row.room[:8], error)

    def _hosts(self) -> frozenset[str]:
        machines = (running.machine for running in self._running.values())
        return frozenset(machine.term.host for machine in machines if not machine.is_settled)

    async def _step(self, running: _Running, reached: dict[str, Link]) -> None:
        machine, row = running.machine, running.row
        machine.stands = row.standing == "member"
        effects: list[Effect] = []
        for peer in [each for each, link in running.greeted.items() if reached.get(each) is not link]:
            del running.greeted[peer]
            machine.link_down(peer)
        for peer, link in reached.items():
            machine.measured(peer, _rtt_ms(link))
            if peer not in running.greeted:
                running.greeted[peer] = link
                effects += machine.link_up(peer, _rtt_ms(link))
        if running.has_queued:
            running.has_queued = False
            for post in await asyncio.to_thread(self._context.store.room_copies.pending, row.room):
                if post.author == self._context.me and post.id not in machine.copy.pending:
                    effects += machine.wrote(post)
        if self._tells_read:
            effects += machine.was_read(row.read)
        effects += machine.tick(int(time.monotonic() * 1000))
        await self._carry_out(running, effects, {})
        await self._tell_people(running)

    async def _load(self, row: RoomRow) -> _Running:
        copy = await asyncio.to_thread(self._context.store.room_copies.load, row.room)
        read = row.read if self._tells_read else 0
        machine = Room(self._context.keys.signing, copy, row.claim, promised=row.promised, read=read)
        return self._running.setdefault(row.room, _Running(machine, row, RoomWriting(self._context.store, machine)))

    def _greet(self, running: _Running, link: Link) -> list[Effect]:
        """A link that has just come up may be heard from before it has been looked at."""
        if running.greeted.get(link.peer) is link or link.down.is_set():
            return []
        running.greeted[link.peer] = link
        return running.machine.link_up(link.peer, _rtt_ms(link))

    # What is done

    async def _carry_out(self, running: _Running, effects: list[Effect], came: dict[str, Opened]) -> None:
        """On disk first, then told. Where the disk takes it not, the machine is made anew from what is there."""
        machine, context = running.machine, self._context
        kept = [each for each in effects if not isinstance(each, Tell | TellEntries | TellMessages)]
        if kept:
            try:
                new = await context.keeper.kept(
                    context.store.room_copies.carry_out,
                    machine.log.room,
                    kept,
                    came,
                    context.me,
                    context.clock.now_ms(),
                )
            except BaseException:
                self._running.pop(machine.log.room, None)
                raise
            self._notice(machine, kept, new)
        for effect in effects:
            if isinstance(effect, Tell | TellEntries | TellMessages):
                self._tell(running, effect)

    def _notice(self, machine: Room, kept: Sequence[Effect], new: list[Message]) -> None:
        """Tell the kernel's watchers, and the log."""
        room = machine.log.room
        for message in new:
            if message.kind == "text":
                self._context.events.tell(MessageReceived(message.id, message.author, message.text, room))
            elif message.about:
                self._context.events.tell(MessageChanged(message.about, message.author, room))
        for effect in kept:
            if isinstance(effect, Adopt):
                self._context.events.tell(HostChanged(room, machine.term.host, machine.term.round))
                log.info("the room %s is hosted by %s in round %s", room[:8], machine.term.host[:8], machine.term.round)
            elif isinstance(effect, Reject):
                log.warning("a message in the room %s was refused: %s", room[:8], effect.code)

    def _tell(self, running: _Running, effect: Tell | TellEntries | TellMessages) -> None:
        link = running.greeted.get(effect.peer)
        if link is None or link.down.is_set():
            return
        telling = self._tellings.get(link)
        if telling is None:
            telling = self._tellings[link] = LinkTelling(link, self._written, self._not_told)
        telling.tell(Telling(running.machine.log.room, running.machine.term, effect))

    async def _written(self, telling: Telling) -> list[Said]:
        running = self._running.get(telling.room)
        return await running.writing.written(telling) if running else []

    def _not_told(self, link: Link, room: str) -> None:
        """Have the member greeted anew after a while, so that what it has missed comes again."""
        running = self._running.get(room)
        if running is not None and running.greeted.get(link.peer) is link:
            asyncio.get_running_loop().call_later(REGREET_S, lambda: running.greeted.pop(link.peer, None))

    async def _tell_people(self, running: _Running) -> None:
        """Keep what panels and magics show of a room, where it has changed."""
        machine, row, store, me = running.machine, running.row, self._context.store, self._context.me
        if len(machine.log) and (facts := _facts(machine, row.facts)) != row.facts:
            running.row = replace(row, facts=facts)
            await asyncio.to_thread(store.rooms.set_facts, row.room, facts)
        marks = dict(machine.hosting.marks)
        if marks != running.told_marks and time.monotonic() >= running.told_s + MARKS_INTERVAL_S:
            running.told_marks, running.told_s = marks, time.monotonic()
            await asyncio.to_thread(store.rooms.mark, row.room, marks.values(), machine.log.members - {me}, me)
        is_out = len(machine.log) and me not in machine.log.members
        if row.standing == "leaving" and is_out and not (machine.hosts and machine.log.members):
            await asyncio.to_thread(store.rooms.set_standing, row.room, "left")
            self._running.pop(row.room, None)


def _facts(machine: Room, before: Facts) -> Facts:
    terms = machine.log.terms
    return Facts(
        name=terms.name if terms else before.name,
        creator=machine.log.creator,
        members=tuple(sorted(machine.log.members)),
        host=machine.term.host,
        history=bool(terms and terms.history),
        deleted=machine.log.deleted_at_ms is not None,
        awaits_host=machine.awaits_host,
    )


def _rtt_ms(link: Link) -> int:
    return round(link.rtt_ms) if link.rtt_ms is not None else 1_000
