"""What `%academics status` shows."""

from __future__ import annotations

from dataclasses import dataclass

from academics_jupyter.protocol.sizes import size_text
from academics_jupyter.store.rates import NO_RATES, Rates

TWIN = (
    "Your identity is online in another place too, from a copy of this profile. Others talk only to the one that"
    " started last: stop one of the two, and keep to the other."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something in the outbox: what, for whom, and why it has not gone out."""

    what: str
    destination: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A peer at a glance. `role` is `driver`, `passenger`, `stopped` or `unregistered`.

    `address`, `links` and `rates` are those of the process that drives, whichever it is.
    """

    role: str
    profile: str
    name: str = ""
    fingerprint: str = ""
    registry: str = ""
    registry_asked: bool = False
    registry_error: str = ""
    address: str = ""
    links: int = 0
    has_twin: bool = False
    waiting: tuple[Waiting, ...] = ()
    downloads: tuple[str, ...] = ()
    rates: Rates = NO_RATES
    driven_by: str = ""

    def __repr__(self) -> str:
        return "\n".join(f"{label:<10} {text}" for label, text in self._lines())

    def _lines(self) -> list[tuple[str, str]]:
        lines = [("peer", self._who()), ("state", self._state())]
        if self.has_twin:
            lines.append(("warning", TWIN))
        if self.registry:
            lines.append(("registry", f"{self.registry}: {self._registry_state()}"))
        if self.address:
            lines.append(("address", self.address))
        if self.role in ("driver", "passenger"):
            lines.append(("links", str(self.links)))
            lines.append(("rates", self._rates()))
        lines += [("downloads", each) for each in self.downloads]
        lines += [("waiting", f"{each.what} for {each.destination}: {each.why}") for each in self.waiting]
        return lines

    def _registry_state(self) -> str:
        return self.registry_error or ("answers" if self.registry_asked else "not asked yet")

    def _rates(self) -> str:
        return f"uploading {size_text(self.rates.upload)}/s, downloading {size_text(self.rates.download)}/s"

    def _who(self) -> str:
        return f"{self.name} ({self.fingerprint}), profile {self.profile}" if self.name else f"profile {self.profile}"

    def _state(self) -> str:
        return {
            "driver": "online; it runs here",
            "passenger": f"online; it runs in {self.driven_by}, and is used here (%academics attach brings it here)",
            "stopped": "not started: %academics start",
            "unregistered": "not registered: %register --name NAME",
        }[self.role]
