"""The bar of tabs over the parts."""

from __future__ import annotations

from typing import Any, ClassVar

import anywidget
import traitlets

from academics_jupyter.notebook.panels.part import read_static

FIRST = "explore"


class Tabs(anywidget.AnyWidget):
    """Chooses the part that is shown. `counts` are numbers to show in the titles, by the part's name."""

    _esm: ClassVar[str] = read_static("dom.js", "tabs.js")
    _css: ClassVar[str] = read_static("panel.css", "tabs.css")

    panel = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode(FIRST).tag(sync=True)
    registered = traitlets.Bool(False).tag(sync=True)
    counts: traitlets.Dict[str, int] = traitlets.Dict().tag(sync=True)

    def count(self, **counts: int) -> None:
        """Show other numbers."""
        merged: dict[str, Any] = dict(self.counts) | counts
        if merged != self.counts:
            self.counts = merged
