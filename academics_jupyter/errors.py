"""The whole error tree. Imports nothing of the package.

Each docstring says when the error is raised; its message is the one line the user reads: what happened, what to do.

AcademicsError
├── UsageError                  the request itself cannot be carried out
│   ├── NotRegisteredError      no profile yet
│   ├── NotStartedError         needs a running peer
│   ├── UnknownTargetError      no such file, resource or peer
│   └── AmbiguousTargetError    an ID, fingerprint or name that fits several
├── StoreError                  the profile on disk
│   ├── StoreDamagedError       set aside, not overwritten
│   ├── KeysLockedError         the passphrase or keyring does not open the keys
│   ├── UnreadableFileError     an exported key or a backup that is damaged, or none
│   ├── ProfileExistsError      what is to be brought back would lie over another profile
│   └── ProfileDrivenElsewhereError
├── HandoverError               the peer stays in the process where it runs
├── RegistryError               the MongoDB registry
│   ├── RegistryUnreachableError
│   └── MongodMissingError      no mongod to start the embedded registry with
├── NetworkError                another peer, or the way to it
│   ├── PeerUnreachableError
│   └── PeerRefusedError        it answered with an error code
├── TransferError               a download that cannot be finished now
│   ├── NoHolderError
│   └── NotVerifiedError        the bytes are not those of the resource
└── ProtocolError               a message or record that breaks the rules; never shown raw to another peer
    ├── LocalProtocolError      our fault
    └── RemoteProtocolError     theirs
"""

from __future__ import annotations


class AcademicsError(Exception):
    """Something the user can read and act on: the message says what happened and what to do."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: the line alone."""
        return [f"\x1b[31m{type(self).__name__}\x1b[0m: {self}"]


class UsageError(AcademicsError):
    """The request itself cannot be carried out as it was made."""


class NotRegisteredError(UsageError):
    """The profile has no identity yet: `%register --name NAME` makes it."""


class NotStartedError(UsageError):
    """The request needs a peer that runs: `%academics start` starts it."""


class UnknownTargetError(UsageError):
    """There is no such file, resource, peer or room."""


class AmbiguousTargetError(UsageError):
    """The given start of an ID or name fits more than one thing; the message lists them."""


class StoreError(AcademicsError):
    """The profile's folder or database cannot be used."""


class StoreDamagedError(StoreError):
    """The database of the profile is damaged; it has been kept aside under the name in the message."""


class KeysLockedError(StoreError):
    """The profile's keys cannot be opened with the passphrase or keyring at hand."""


class UnreadableFileError(StoreError):
    """The given file is no exported key or backup, or is damaged; nothing was changed."""


class ProfileExistsError(StoreError):
    """There is a profile already where one was to be brought back, or another identity's; nothing was changed."""


class ProfileDrivenElsewhereError(StoreError):
    """Another process runs this profile's peer."""


class HandoverError(AcademicsError):
    """The peer could not be moved to another process of the profile, and stays where it runs."""


class RegistryError(AcademicsError):
    """The registry refused or failed an operation."""


class RegistryUnreachableError(RegistryError):
    """The registry did not answer in time."""


class MongodMissingError(RegistryError):
    """No mongod was found to start the embedded registry with."""


class NetworkError(AcademicsError):
    """Another peer, or the way to it, failed."""


class PeerUnreachableError(NetworkError):
    """No address of the peer answered, or its identity did not hold."""


class PeerRefusedError(NetworkError):
    """The peer answered with an error code, kept in `code` (see docs/PROTOCOL.md)."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class TransferError(AcademicsError):
    """A download cannot be finished now; what was verified is kept."""


class NoHolderError(TransferError):
    """No holder of the resource is online."""


class NotVerifiedError(TransferError):
    """The bytes that came are not those of the resource."""


class ProtocolError(AcademicsError):
    """A message or record breaks the rules of the network."""


class LocalProtocolError(ProtocolError):
    """We were about to send something that breaks the rules."""


class RemoteProtocolError(ProtocolError):
    """Something received breaks the rules; `code` is what the sender is told (see docs/PROTOCOL.md)."""

    def __init__(self, message: str, code: str = "malformed") -> None:
        super().__init__(message)
        self.code = code
