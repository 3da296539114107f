"""From what a person types to the one thing it names: a resource or a peer."""

from __future__ import annotations

import asyncio
import logging
import re

from academics_jupyter.errors import AmbiguousTargetError, RegistryError, UnknownTargetError
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.exploring import ExploringService
from academics_jupyter.protocol.identity import fingerprint, fingerprint_matches

MIN_ID_LENGTH = 6
MAX_LISTED = 4

log = logging.getLogger(__name__)
_ID = re.compile(rf"[0-9a-f]{{{MIN_ID_LENGTH},64}}")


class Lookup:
    """Resolves IDs and PEERs. `rows` are the resources of the last exploration, by row number."""

    def __init__(self, context: Context, exploring: ExploringService) -> None:
        self._context, self._exploring = context, exploring
        self.rows: list[str] = []

    async def resource(self, text: str, *, ask: bool = True) -> str:
        """The whole id that `text` names; without `ask`, among what is known here alone, and so offline too.

        Raises UnknownTargetError or AmbiguousTargetError.
        """
        text = text.strip().lower()
        if text.isdigit() and len(text) < MIN_ID_LENGTH:
            return self._row(int(text))
        if not _ID.fullmatch(text):
            raise UnknownTargetError(
                f"{text!r} is no resource: give {MIN_ID_LENGTH} characters or more of its id, or its row number in"
                " the last %explore."
            )
        found = self._known_resources(text)
        if ask:
            found |= await self._asked_resources(text)
        if not found:
            raise UnknownTargetError(f"No resource's id begins with {text!r}: %explore shows what there is.")
        if len(found) > 1:
            listed = ", ".join(f"{id_[:12]}… ({title})" for id_, title in list(found.items())[:MAX_LISTED])
            raise AmbiguousTargetError(f"{text!r} could be {listed}: type more of the id.")
        return next(iter(found))

    def _row(self, row: int) -> str:
        if row >= len(self.rows):
            last = f"rows 0 to {len(self.rows) - 1}" if self.rows else "no rows"
            raise UnknownTargetError(f"There is no row {row}: the last %explore has {last}.")
        return self.rows[row]

    def _known_resources(self, start: str) -> dict[str, str]:
        found = {signed.record.id: signed.record.title for signed in self._context.store.records.resources(start)}
        return found | {
            held.resource: "in your repository"
            for held in self._context.store.files.all()
            if held.resource.startswith(start) and held.resource not in found
        }

    async def _asked_resources(self, start: str) -> dict[str, str]:
        try:
            async with self._context.asking() as registry:
                described = [each.descriptions[0].record for each in await registry.resources(start)]
        except RegistryError as error:
            log.info("looking %s up in what is known here: %s", start, error)
            return {}
        return {record.id: record.title for record in described}

    async def peer(self, text: str) -> str:
        """The peer id that `text` names: a name, a fingerprint's start, or a word of a name; of one peer only.

        Raises UnknownTargetError or AmbiguousTargetError.
        """
        text = text.strip()
        known = await self._people(text)
        wanted = text.casefold()
        named = {peer: name for peer, name in known.items() if name.casefold() == wanted}
        by_word = {peer: name for peer, name in known.items() if wanted in name.casefold().split()}
        typed = text.replace("-", "")
        by_fingerprint = {
            peer: name
            for peer, name in known.items()
            if len(typed) >= MIN_ID_LENGTH and (fingerprint_matches(peer, text) or peer.startswith(text.lower()))
        }
        found = named or by_fingerprint or by_word
        if not found:
            raise UnknownTargetError(f"Nobody known here is {text!r}: %people shows who is on the network.")
        if len(found) > 1:
            listed = ", ".join(f"{name} {fingerprint(peer)[:14]}" for peer, name in list(found.items())[:MAX_LISTED])
            raise AmbiguousTargetError(f"{text!r} could be {listed}: give the start of the fingerprint.")
        return next(iter(found))

    async def conversation(self, text: str) -> str:
        """The peer or room that `text` names: a room begins with #. Raises as `peer` and `room`."""
        return await (self.room(text) if text.strip().startswith("#") else self.peer(text))

    async def room(self, text: str) -> str:
        """The room id that `text` names: its name, with # or without, or its id's start.

        Of rooms with one name, those that we are in or invited to come first. Raises UnknownTargetError or
        AmbiguousTargetError.
        """
        wanted = text.strip().lstrip("#").strip().casefold()
        rows = await asyncio.to_thread(self._context.store.rooms.all)
        named = [row for row in rows if row.facts.name.casefold() == wanted]
        by_id = [row for row in rows if len(wanted) >= MIN_ID_LENGTH and row.room.startswith(wanted)]
        found = named or by_id
        found = [row for row in found if row.standing in ("member", "invited")] or found
        if not found:
            raise UnknownTargetError(f"There is no room {text!r} here: %room list shows yours.")
        if len(found) > 1:
            listed = ", ".join(f"{row.room[:12]}… by {row.facts.creator[:8]}" for row in found[:MAX_LISTED])
            raise AmbiguousTargetError(f"{text!r} could be {listed}: give the start of the room's id.")
        return found[0].room

    async def message(self, text: str) -> str:
        """The message id that `text` begins. Raises UnknownTargetError or AmbiguousTargetError."""
        wanted = text.strip().lower()
        if not _ID.fullmatch(wanted):
            raise UnknownTargetError(f"{text!r} is no message: %history shows their ids.")
        found = await asyncio.to_thread(self._context.store.messages.beginning, wanted)
        if not found:
            raise UnknownTargetError(f"No message's id begins with {text!r}: %history shows them.")
        if len(found) > 1:
            raise AmbiguousTargetError(f"{text!r} begins the ids of {len(found)} messages: type more of it.")
        return found[0]

    async def _people(self, text: str) -> dict[str, str]:
        """Everybody known, and whom the registry has under such a name, with their names; not ourselves."""
        store = self._context.store
        known = {contact.peer: contact.name for contact in store.peers.all()}
        known |= {signed.record.peer: signed.record.name for signed in store.records.profiles()}
        try:
            known |= {peer: presence.name for peer, presence in (await self._exploring.online()).items()}
            async with self._context.asking() as registry:
                known |= {signed.record.peer: signed.record.name for signed in await registry.profiles((text,))}
        except RegistryError as error:
            log.info("looking %s up among the people known here: %s", text, error)
        known.pop(self._context.me, None)
        return known
