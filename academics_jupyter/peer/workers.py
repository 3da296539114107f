"""What hashes and writes the bytes of all downloads of a peer."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from academics_jupyter.store.verifying import Verifying

log = logging.getLogger(__name__)


class Workers:
    """Threads and, once a large download came, a process."""

    def __init__(self) -> None:
        # More threads than cores would only take turns, and one core is busy with what comes.
        count = min(8, max(1, (os.cpu_count() or 1) - 1))
        self.threads = ThreadPoolExecutor(count, thread_name_prefix="academics-hashing")
        self._verifying: Verifying | None = None
        self._starting = threading.Lock()

    def verifying(self) -> Verifying | None:
        """The process, started if there is none; None where the system has none to offer."""
        with self._starting:
            if self._verifying is None or self._verifying.is_gone:
                try:
                    self._verifying = Verifying()
                except OSError as error:
                    log.debug("threads verify: %s", error)
            return self._verifying

    def close(self) -> None:
        """End both, once they have done what they were told."""
        self.threads.shutdown()
        if self._verifying is not None:
            self._verifying.close()
