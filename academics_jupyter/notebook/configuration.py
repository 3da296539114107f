"""The settings as traitlets: `%config Academics` shows them, `c.Academics.…` in `ipython_config.py` sets them."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Bunch, Float, Int, List, TraitError, Unicode, Union, validate
from traitlets.config import Configurable

from academics_jupyter.errors import UsageError
from academics_jupyter.peer.settings import Settings, checked, resolve


class Academics(Configurable):
    """Settings of the academics extension. The environment's ACADEMICS_… variables count before these."""

    home = Unicode("", help="Where profiles live; empty for the user's data folder.").tag(config=True)
    profile = Unicode("default", help="Which profile.").tag(config=True)
    registry = Unicode("", help="A MongoDB URI with its database name; empty for the embedded registry.").tag(
        config=True
    )
    host = Unicode("", help="What the server binds; empty for what fits the registry.").tag(config=True)
    port = Int(0, help="The server's port; 0 for any free one.").tag(config=True)
    public_urls = List(Unicode(), help="Addresses to announce; empty to find them.").tag(config=True)
    disconnect_ratio = Float(0.5, help="The share of online peers whose votes remove a peer.").tag(config=True)
    max_links = Int(128, help="Links kept at once.").tag(config=True)
    upload_limit = Union(
        [Int(), Unicode()], help="Bytes per second for all uploads, such as 5_000_000 or '5 MB'; 0 for no limit."
    ).tag(config=True)
    download_limit = Union([Int(), Unicode()], help="The same for all downloads.").tag(config=True)
    uploads_at_once = Int(16, help="How many uploads are served at once; others wait their turn.").tag(config=True)
    downloads_at_once = Int(3, help="How many downloads run at once; others wait their turn.").tag(config=True)
    read_marks = Bool(True, help="Whether others are told what you have read, and that you are writing.").tag(
        config=True
    )

    @validate("upload_limit", "download_limit", "uploads_at_once", "downloads_at_once")
    def _makes_sense(self, proposal: Bunch) -> Any:
        try:
            checked(proposal.trait.name, proposal.value)
        except UsageError as error:
            raise TraitError(str(error)) from None
        return proposal.value

    def settings(self) -> Settings:
        """The settings in force now."""
        return resolve(
            fallback={
                "home": self.home,
                "profile": self.profile,
                "registry": self.registry,
                "host": self.host,
                "port": self.port,
                "public_urls": tuple(self.public_urls),
                "disconnect_ratio": self.disconnect_ratio,
                "max_links": self.max_links,
                "upload_limit": self.upload_limit,
                "download_limit": self.download_limit,
                "uploads_at_once": self.uploads_at_once,
                "downloads_at_once": self.downloads_at_once,
                "read_marks": self.read_marks,
            }
        )
