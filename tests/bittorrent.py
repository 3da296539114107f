"""BitTorrent clients of libtorrent, on loopback and alone: what torrents of ours, and our speed, are held against."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import libtorrent as lt

from tests.waiting import wait_until

ALONE: dict[str, Any] = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "allow_multiple_connections_per_ip": True,  # both ends have one address here
    "out_enc_policy": int(lt.enc_policy.pe_disabled),
    "in_enc_policy": int(lt.enc_policy.pe_disabled),
    "alert_mask": int(lt.alert_category.status | lt.alert_category.error | lt.alert_category.storage),
}
TCP_ONLY: dict[str, Any] = {"enable_incoming_utp": False, "enable_outgoing_utp": False}
"""Many times as fast on loopback as uTP, which libtorrent prefers otherwise."""
CHECK_TIMEOUT_S = 120.0
ALERT_WAIT_MS = 1_000


class BitTorrentClient:
    """A client with one torrent, for as long as its context lasts; what `folder` has of it is checked first."""

    def __init__(self, torrent: bytes, folder: Path, *, tcp_only: bool = True) -> None:
        self._session = lt.session(ALONE | (TCP_ONLY if tcp_only else {}))
        wanted = lt.load_torrent_buffer(torrent)
        wanted.save_path = str(folder)
        wanted.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        self._torrent = self._session.add_torrent(wanted)
        wait_until(self._is_checked, CHECK_TIMEOUT_S, "the check of the files")

    @property
    def port(self) -> int:
        """Where other clients find it, on 127.0.0.1."""
        return int(self._session.listen_port())

    @property
    def is_seeding(self) -> bool:
        """Whether it has every file, verified."""
        return bool(self._torrent.status().is_seeding)

    def fetch_from(self, port: int, timeout_s: float) -> None:
        """Get what is missing from another client, verified and written."""
        ends_s = time.monotonic() + timeout_s
        self._torrent.connect_peer(("127.0.0.1", port))
        self._await(lt.torrent_finished_alert, ends_s)
        self._torrent.flush_cache()
        self._await(lt.cache_flushed_alert, ends_s)

    def close(self) -> None:
        """End it."""
        self._session.pause()
        self._session.remove_torrent(self._torrent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _await(self, kind: type[Any], ends_s: float) -> None:
        while True:
            assert time.monotonic() < ends_s, f"the client came to {self._torrent.status().progress:.0%} only"
            self._session.wait_for_alert(ALERT_WAIT_MS)
            for alert in self._session.pop_alerts():
                assert not isinstance(alert, lt.torrent_error_alert | lt.file_error_alert), alert.message()
                if isinstance(alert, kind):
                    return

    def _is_checked(self) -> bool:
        status = self._torrent.status()
        assert not status.errc.value(), status.errc.message()
        return status.state in (lt.torrent_status.seeding, lt.torrent_status.downloading, lt.torrent_status.finished)
