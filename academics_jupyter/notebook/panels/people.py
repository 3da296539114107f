"""The people in the panel: a second view inside Explore, searched as one types and kept true while it is in sight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from academics_jupyter.errors import RegistryError
from academics_jupyter.notebook.panels.part import Command, Part
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.panels.resource_rows import person_row
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.people import PeoplePage, Person
from academics_jupyter.protocol.records import Profile, Signed

NEWS_INTERVAL_S = 2.0


class PeopleView:
    """What Explore knows of people. `is_seen` tells whether somebody looks at this view."""

    def __init__(self, part: Part, is_seen: Callable[[], bool]) -> None:
        self._part, self._is_seen = part, is_seen
        self._words: tuple[str, ...] = ()
        self._asked = 0
        self._pages: list[Signed[Profile] | None] = [None]
        self._page = 0
        self._refreshing = Repeated(self._find_again, NEWS_INTERVAL_S)

    def commands(self) -> dict[str, Command]:
        """Search people, turn the page, confirm a fingerprint."""
        return {"people": self._search, "turn_people": self._turn, "verify": self._verify}

    def refresh(self) -> None:
        """Repeat the query soon, if somebody looks."""
        if self._is_seen():
            self._refreshing.soon()

    async def release(self) -> None:
        """Ask no more."""
        await self._refreshing.stop()

    async def _search(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._words = tuple(str(content.get("words", "")).split())
        self._pages, self._page = [None], 0
        self._asked += 1
        await self._find()

    async def _turn(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        page = int(content["page"])
        if 0 <= page < len(self._pages):
            self._page = page
            self._asked += 1
            await self._find()

    async def _verify(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self._part.session.peer()).verify(str(content["peer"]))
        await self._find()

    async def _find_again(self) -> None:
        if self._is_seen():
            with self._part.errors_shown():
                await self._find()

    async def _find(self) -> None:
        """Ask for the page in force; an answer that a later question has overtaken is dropped."""
        peer, asked, page = self._part.peer, self._asked, self._page
        if peer is None:
            return
        try:
            found, notice = await peer.exploring.everybody.page(self._words, self._pages[page]), ""
        except RegistryError as error:
            found, notice = PeoplePage(tuple(await _met(peer))), f"{error} Shown are those whom this profile knows."
        rows = await asyncio.to_thread(lambda: [person_row(person, peer) for person in found.people])
        if notice:
            rows = [row for row in rows if all(word.casefold() in row["name"].casefold() for word in self._words)]
        if asked != self._asked:
            return
        self._pages[page + 1 :] = [found.next] if found.next else []
        self._part.show(
            people=rows,
            people_asked=asked,
            people_page=page,
            people_more=found.next is not None,
            people_words=" ".join(self._words),
            people_notice=notice,
        )


async def _met(peer: Peer) -> list[Person]:
    """Everybody this profile has met, and ourselves."""
    contacts = await peer.exploring.contacts()
    return await peer.exploring.known([peer.id, *(contact.peer for contact in contacts)])
