"""`%register` and `%academics`: who one is, and being online."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from academics_jupyter.errors import AcademicsError
from academics_jupyter.notebook.asking_for_panel import ask_for_side_panel
from academics_jupyter.notebook.magics.arguments import PeerMagics, parsed
from academics_jupyter.peer.doctor.diagnosis import Diagnosis
from academics_jupyter.peer.doctor.examining import diagnose_unopened
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.status import Status
from academics_jupyter.protocol.records import Profile

ACTIONS = ("start", "stop", "status", "doctor", "panel", "sidebar", "detach", "attach")


@magics_class
class ProfileMagics(PeerMagics):
    """Registering, starting and stopping."""

    _shown: Any = None

    @line_magic
    @magic_arguments()
    @argument("--name", help="your name, as others see it")
    @argument("--email", help="an address that others see")
    @argument("--affiliation", help="where you work")
    @argument("--interests", metavar="A,B", help="what you work on, separated by commas")
    def register(self, line: str) -> Profile:
        """Make your profile, or change what is given of it, and go online.

        What you give is published to everyone on the network, with the public half of a key that is made for you.
        """
        given = parsed(self.register, line)

        async def register(peer: Peer) -> Profile:
            profile = await peer.register(given.name, given.email, given.affiliation, given.interests)
            notice = peer.notice
            await peer.start(self.session.label)
            peer.notice = "\n".join(each for each in (notice, peer.notice) if each)
            return profile

        return self.ask(register)

    @line_magic
    @magic_arguments()
    @argument("action", nargs="?", default="status", choices=ACTIONS, help="what to do; without one, status")
    def academics(self, line: str) -> Any:
        """Run your peer: start and stop it, see its status, open the panel, move it.

        `panel` shows the panel in the cell, `sidebar` the same one at the side of JupyterLab.
        `doctor` tests registry, clock, port, addresses, keys and disk, and says what to mend.
        `detach` hands the peer to a process that goes on while your cells compute and when this kernel has ended;
        `attach` takes it into this kernel, from that process or from another kernel of yours.
        """
        action = parsed(self.academics, line).action
        if action == "panel":
            return self._panel()
        if action == "sidebar":
            return ask_for_side_panel()
        if action == "doctor":
            return self.session.wait(self._diagnosis())

        async def act(peer: Peer) -> Status:
            if action == "start":
                return await peer.start(self.session.label)
            if action == "stop":
                return await peer.stop()
            if action == "detach":
                return await peer.detach()
            if action == "attach":
                return await peer.attach(self.session.label)
            return peer.status()

        return self.ask(act)

    async def _diagnosis(self) -> Diagnosis:
        try:
            peer = await self.session.peer()
        except AcademicsError as error:
            return await diagnose_unopened(error, self.session.settings)
        return await peer.diagnose()

    def _panel(self) -> Any:
        # Widgets are slow to import, and not everybody opens the panel.
        from academics_jupyter.notebook.panels.panel import Panel

        async def open_it(_peer: Peer) -> Any:
            # One for each kernel: a cell that is run again shows the same one again.
            if self._shown is None or self._shown.comm is None:
                self._shown = Panel(self.session)
            return self._shown

        return self.ask(open_it)
