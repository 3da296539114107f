"""How two peers prove to each other who they are. May import errors and identity only.

    dialler                                        server
      | GET /academics/challenge  (TLS, pinned)       |
      |---------------------------------------------->|  nonce kept, single use, 10 s
      |<------------------------ {"nonce": NS} -------|
      | socket.io CONNECT, auth = Auth(…, proof=PD)   |
      |---------------------------------------------->|  PD must hold; the nonce is spent either way
      | event "hello"                                 |
      |---------------------------------------------->|
      |<-------- acknowledged with proof=PS ----------|
      |  PS must hold, else the dialler hangs up      |

Both sign the same transcript under labels of their own, so neither proof can be given back as the other:

    transcript = NS (32) || ND (32) || dialler's key (32) || server's key (32) || SHA-256 of the certificate (32)
    PD = Ed25519(dialler, "academics/1/dialler\\n" || transcript)
    PS = Ed25519(server,  "academics/1/server\\n"  || transcript)

Invariants: the certificate hash ties the proofs to this TLS connection, so they cannot be relayed; NS is single use,
so PD cannot be replayed; ND is fresh for each dial, so PS cannot be replayed. The server handles nothing but `hello`
before hello, the dialler nothing at all before PS held.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, structs
from nacl.signing import SigningKey

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.identity import Hex32, PeerId, Signature, peer_id, sign, verifies

VERSION = 1
NONCE_BYTES = 32
CHALLENGE_LIFETIME_MS = 10_000
MAX_CHALLENGES = 1024
DIALLER_LABEL = b"academics/1/dialler\n"
SERVER_LABEL = b"academics/1/server\n"

Version = Annotated[int, Meta(ge=1, le=1_000)]


class Challenge(Struct, frozen=True, kw_only=True):
    """What the server answers to `GET /academics/challenge`."""

    version: Version
    nonce: Hex32


class Auth(Struct, frozen=True, kw_only=True):
    """The `auth` payload of the dialler's socket.io CONNECT packet."""

    version: Version
    dialler: PeerId
    server: PeerId
    nonce_server: Hex32
    nonce_dialler: Hex32
    proof: Signature


def transcript(auth: Auth, certificate: str) -> bytes:
    """The 160 bytes that both sides sign. `certificate` is the SHA-256 of the server's DER certificate, in hex."""
    return b"".join(
        bytes.fromhex(part) for part in (auth.nonce_server, auth.nonce_dialler, auth.dialler, auth.server, certificate)
    )


def prove_as_dialler(key: SigningKey, server: str, certificate: str, nonce_server: str, nonce_dialler: str) -> Auth:
    """The `auth` payload for a dial."""
    unsigned = Auth(
        version=VERSION,
        dialler=peer_id(key),
        server=server,
        nonce_server=nonce_server,
        nonce_dialler=nonce_dialler,
        proof="0" * 128,
    )
    proof = sign(key, DIALLER_LABEL + transcript(unsigned, certificate))
    return structs.replace(unsigned, proof=proof)


def check_dialler(auth: Auth, server: str, certificate: str) -> None:
    """The server's side: whether the dialler is who it says.

    Raises RemoteProtocolError with code `unsupported_version`, `wrong_peer` or `bad_proof`. Whether the nonce was ours
    and unspent is the caller's to check, and whether the dialler is welcome.
    """
    if auth.version != VERSION:
        raise RemoteProtocolError("the dialler speaks another version", "unsupported_version")
    if auth.server != server:
        raise RemoteProtocolError("the dialler meant another peer", "wrong_peer")
    if not verifies(auth.dialler, DIALLER_LABEL + transcript(auth, certificate), auth.proof):
        raise RemoteProtocolError("the dialler's proof does not hold", "bad_proof")


def prove_as_server(key: SigningKey, auth: Auth, certificate: str) -> str:
    """The server's proof, in hex, to a dialler whose own proof held."""
    return sign(key, SERVER_LABEL + transcript(auth, certificate))


def check_server(proof: str, auth: Auth, certificate: str) -> None:
    """The dialler's side. Raises RemoteProtocolError with code `bad_proof`."""
    if not verifies(auth.server, SERVER_LABEL + transcript(auth, certificate), proof):
        raise RemoteProtocolError("the server's proof does not hold", "bad_proof")


class Challenges:
    """The nonces a server has given out: each may be spent once, within ten seconds; the oldest go when there are many.

    State: nonce -> time it was given. `offer` adds, `spend` removes; both first drop what is too old.
    """

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def offer(self, nonce: str, now_ms: int) -> Challenge:
        """Give out `nonce`, 32 fresh random bytes in hex."""
        self._expire(now_ms)
        while len(self._given) >= MAX_CHALLENGES:
            self._given.pop(next(iter(self._given)))
        self._given[nonce] = now_ms
        return Challenge(version=VERSION, nonce=nonce)

    def spend(self, nonce: str, now_ms: int) -> None:
        """Take a nonce back. Raises RemoteProtocolError with code `stale_challenge`."""
        self._expire(now_ms)
        if self._given.pop(nonce, None) is None:
            raise RemoteProtocolError("the challenge is unknown, spent or too old", "stale_challenge")

    def _expire(self, now_ms: int) -> None:
        for nonce, given_ms in list(self._given.items()):
            if now_ms - given_ms <= CHALLENGE_LIFETIME_MS:
                break
            del self._given[nonce]
