"""What is to be shared, from the choice to its publication: what is being looked at, and the drafts, as rows to draw.

Each row is there until it is published or discarded. One that failed stays, and says why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any

from academics_jupyter.errors import AcademicsError, UsageError
from academics_jupyter.notebook.panels.part import FAULT, Command
from academics_jupyter.notebook.panels.upload_part import UploadPart, teller
from academics_jupyter.peer.description import Description
from academics_jupyter.peer.drafting import said_in
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.taking import size_of
from academics_jupyter.store.drafts import Draft

TEXTS = ("title", "authors", "abstract", "keywords", "license", "doi")
EARLIEST_YEAR = 1000
LATEST_YEAR = 9999
AT_ONCE = 2
"""So many are looked at, or published, at a time."""
WAITS = "It goes out once you are online."


log = logging.getLogger(__name__)


class Drafting:
    """The rows of one part."""

    def __init__(self, part: UploadPart) -> None:
        self._part = part
        self._looking: dict[str, dict[str, Any]] = {}
        self._publishing: dict[int, int] = {}
        self._errors: dict[int, str] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    def commands(self) -> dict[str, Command]:
        """Look at a path; correct, publish and discard what was found; forget what failed."""
        return {
            "offer": self._offer_path,
            "revise": self._revise,
            "publish": self._publish_all,
            "discard": self._discard,
            "forget": self._forget,
        }

    def rows(self, peer: Peer) -> list[dict[str, Any]]:
        """The drafts as the browser draws them."""
        return [self._row(draft) for draft in peer.drafting.all()]

    async def offer(self, key: str, path: Path, *, brought: bool = False) -> None:
        """Look at what lies at `path` and make a draft of it, or say why not; under `key` while that goes on."""
        # What comes again under its key takes the place of what failed.
        self._looking[key] = {"key": key, "name": path.name or str(path), "percent": 0, "error": ""}
        self._show_looking()
        self._part.send({"looking": key})
        error = await self._failure(self._look(key, path, brought))
        if error:
            self._looking[key] |= {"error": error}
        else:
            await self._part.draw()
            del self._looking[key]
        self._show_looking()

    async def _look(self, key: str, path: Path, brought: bool) -> None:
        async with self._turns:
            peer = await self._part.registered()
            size_bytes = await asyncio.to_thread(size_of, path)
            tell = teller(size_bytes, lambda percent: self._tell_looking(key, percent))
            await peer.drafting.add(path, tell, brought=brought)

    async def _failure(self, doing: Awaitable[None]) -> str:
        """Do it; what went wrong in one line, if anything."""
        try:
            await doing
        except AcademicsError as error:
            return str(error)
        except OSError as error:
            return f"The disk refused: {error.strerror or error}."
        except Exception:
            log.exception("a fault in sharing")
            return FAULT
        return ""

    async def _offer_path(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await self.offer(str(content["key"]), Path(str(content["path"]).strip()))

    async def _revise(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await self._correct(await self._part.registered(), int(content["draft"]), content["fields"])

    async def _correct(self, peer: Peer, draft: int, fields: Mapping[str, Any]) -> None:
        if fields:
            await peer.drafting.revise(draft, description_of(fields))
        if self._errors.pop(draft, None):
            self._part.redraw.soon()

    async def _publish_all(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """One after the other is begun, so that the latest of them comes first in the repository."""
        peer = await self._part.registered()
        wanted = {int(each["draft"]): each["fields"] for each in content["drafts"]}
        wanted = {draft: fields for draft, fields in wanted.items() if draft not in self._publishing}
        self._publishing |= dict.fromkeys(wanted, 0)
        await self._part.draw()
        published = await asyncio.gather(*(self._publish(peer, draft, fields) for draft, fields in wanted.items()))
        notices = [notice for notice in published if notice is not None]
        if notices:
            offline = (await asyncio.to_thread(peer.status)).role == "stopped"
            said = " ".join(dict.fromkeys([*filter(None, notices), *([WAITS] if offline else [])]))
            self._part.send({"published": len(notices), "notice": said})
        self._part.redraw.soon()

    async def _publish(self, peer: Peer, draft: int, fields: Mapping[str, Any]) -> str | None:
        """Publish one; what the person is to know of it, None where it failed."""
        notice = ""

        async def publish() -> None:
            nonlocal notice
            async with self._turns:
                await self._correct(peer, draft, fields)
                row = peer.drafting.get(draft)
                tell = teller(row.size_bytes, lambda percent: self._tell_publishing(draft, percent))
                notice = (await peer.drafting.publish(draft, tell)).notice

        error = await self._failure(publish())
        self._publishing.pop(draft, None)
        if error:
            self._errors[draft] = error
        await self._part.draw()
        return None if error else notice

    async def _discard(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer, draft = await self._part.registered(), int(content["draft"])
        if draft in self._publishing:
            raise UsageError("That is being published: unshare it then.")
        self._errors.pop(draft, None)
        await peer.drafting.discard(draft)

    async def _forget(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        row = self._looking.get(str(content["key"]))
        if row is not None and row["error"]:
            del self._looking[row["key"]]
            self._show_looking()

    def _row(self, draft: Draft) -> dict[str, Any]:
        said, error = None, self._errors.get(draft.id, "")
        try:
            said = said_in(draft)
        except UsageError as unreadable:
            error = str(unreadable)
        if not error and not Path(draft.path).exists():
            error = f"{draft.path} is not there any more: bring it back, or discard this."
        return {
            "id": draft.id,
            "name": draft.name,
            "path": "" if draft.brought else draft.path,
            "size_bytes": draft.size_bytes,
            "files": draft.files,
            "notice": draft.notice,
            "error": error,
            "percent": self._publishing.get(draft.id),
            "title": said.title if said else "",
            "authors": [str(author) for author in said.authors] if said else [],
            "year": said.year if said else None,
            "abstract": said.abstract if said else "",
            "keywords": list(said.keywords) if said else [],
            "license": said.license if said else "",
            "doi": said.doi if said else "",
            "kind": said.kind if said else "",
        }

    def _tell_looking(self, key: str, percent: int) -> None:
        if key in self._looking:
            self._looking[key] |= {"percent": percent}
            self._show_looking()

    def _tell_publishing(self, draft: int, percent: int) -> None:
        if draft in self._publishing:
            self._publishing[draft] = percent
            self._part.redraw.soon()

    def _show_looking(self) -> None:
        self._part.show(looking=[dict(row) for row in self._looking.values()])


def description_of(given: Mapping[str, Any]) -> Description:
    """A description from the fields of a form; what is not among them is left as it is. Raises UsageError."""
    texts = {name: str(given[name]).strip() for name in TEXTS if name in given}
    return Description(**texts, year=_year(str(given["year"]).strip()) if "year" in given else None)


def _year(text: str) -> int:
    if not text:
        return 0
    if text.isdigit() and EARLIEST_YEAR <= int(text) <= LATEST_YEAR:
        return int(text)
    raise UsageError(f"{text!r} is not a year: four digits.")
