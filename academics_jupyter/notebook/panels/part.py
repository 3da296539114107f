"""What the parts of the panel have in common: a state to draw, commands from the browser, errors as one line.

The state goes to the browser as messages and not as synchronised traits: those are saved with a notebook whose widgets'
state is saved, and nobody's conversations belong in there. Commands come on whichever thread the kernel chooses and are
handed to the loop of the peer, where everything else here runs.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from academics_jupyter.errors import AcademicsError
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.panels.sight import Sight
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.peer import Peer

REDRAW_INTERVAL_S = 0.1
FAULT = "A fault in this program stopped that; the kernel's log says more."
STATIC = Path(__file__).parent / "static"

Command = Callable[[Mapping[str, Any], Sequence[memoryview]], Awaitable[None]]
Subscription = tuple[frozenset[str], Callable[[], None]]

log = logging.getLogger(__name__)


def read_static(*names: str) -> str:
    """Files of `static` as one text: an ESM of anywidget is one module and cannot import its neighbours."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


class Part(anywidget.AnyWidget):
    """One part of the panel. A subclass gives `NAME`, `commands`, `subscriptions` and `draw`."""

    NAME: ClassVar[str] = ""

    panel = traitlets.Unicode().tag(sync=True)
    """Tells the elements of this panel from those of another one on the page."""
    selected = traitlets.Unicode().tag(sync=True)
    """The name of the part that is shown; linked to the tabs in the browser, so that it works while a cell runs."""
    problem = traitlets.Unicode().tag(sync=True)
    """One line that says what went wrong, if anything."""

    def __init__(self, session: Session, **traits: Any) -> None:
        super().__init__(**traits)
        self.session = session
        self.sight = Sight()
        self.state: dict[str, Any] = {}
        self.redraw = Repeated(self._draw, REDRAW_INTERVAL_S)
        self._commands = {"look": self._look, "sight": self._note_sight} | self.commands()
        self.on_msg(self._receive)
        self._hear_while_cells_wait()

    def commands(self) -> dict[str, Command]:
        """What the browser can ask for, by name."""
        return {}

    def subscriptions(self) -> list[Subscription]:
        """Topics of the store, and what to call on the loop when one of them has changed."""
        return []

    async def draw(self) -> None:
        """Bring `state` up to date with `show`. Called for a registered peer, on the loop."""

    def tick(self) -> None:
        """Called every few seconds while the panel is in sight, for what changes without any news."""

    async def release(self) -> None:
        """Let go of what is held outside the widget; it is being closed."""
        await self.redraw.stop()

    @property
    def peer(self) -> Peer | None:
        """The peer, once it is registered."""
        peer = self.session.current
        return peer if peer is not None and peer.is_registered else None

    def show(self, **state: Any) -> None:
        """Change the state, and send what is new of it to the views."""
        changed = {name: value for name, value in state.items() if self.state.get(name) != value}
        self.state |= changed
        if changed:
            self.send({"state": changed})

    def refresh(self) -> None:
        """Ask the network anew for what is shown of it, if somebody looks."""

    @contextmanager
    def errors_shown(self) -> Iterator[None]:
        """What goes wrong in here is said in the panel, in one line."""
        try:
            yield
        except AcademicsError as error:
            self.problem = str(error)
        except OSError as error:
            self.problem = f"The disk refused: {error.strerror or error}."
        except Exception:
            log.exception("a fault in the %s panel", self.NAME)
            self.problem = FAULT

    def _hear_while_cells_wait(self) -> None:
        """Have commands come on the thread that the browser asks for: JupyterLab has one for widgets.

        ipykernel 7.4 brings them to the thread of the cells, where none is heard until a `%download` has ended that
        somebody wants to hold.
        """
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda _data, asked: asked

    async def _draw(self) -> None:
        peer = self.peer
        try:
            if peer is not None:
                await self.draw()
        except AcademicsError as error:
            # A profile that is being closed or exchanged meanwhile is no news to anybody.
            if self.peer is peer:
                self.problem = str(error)
        except Exception:
            log.exception("a fault in drawing the %s panel", self.NAME)

    def _receive(self, _widget: object, content: Any, buffers: Sequence[memoryview] | None) -> None:
        command = self._commands.get(str(content.get("do"))) if isinstance(content, dict) else None
        if command is None:
            log.warning("the %s panel was asked for something unknown", self.NAME)
            return
        try:
            self.session.submit(self._obey(command, content, buffers or ()))
        except AcademicsError as error:
            self.problem = str(error)

    async def _obey(self, command: Command, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        if command not in (self._look, self._note_sight):
            self.problem = ""
        with self.errors_shown():
            await command(content, buffers)

    async def _look(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """A new view has nothing to draw yet."""
        self.send({"state": self.state})

    async def _note_sight(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        seen = bool(content.get("seen"))
        was_seen = bool(self.sight)
        self.sight.note(str(content.get("view")), seen)
        if seen and not was_seen:
            self.redraw.soon()
            self.refresh()
