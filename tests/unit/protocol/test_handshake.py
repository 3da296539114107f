"""The proofs of both sides: each holds for exactly one role, pair of peers, pair of nonces and certificate."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.handshake import (
    CHALLENGE_LIFETIME_MS,
    DIALLER_LABEL,
    MAX_CHALLENGES,
    SERVER_LABEL,
    Auth,
    Challenge,
    Challenges,
    check_dialler,
    check_server,
    prove_as_dialler,
    prove_as_server,
    transcript,
)
from academics_jupyter.protocol.identity import peer_id, sign
from academics_jupyter.protocol.records import convert
from tests.meshes import key

ADA, GRACE, MALLORY = key(1), key(2), key(3)
CERTIFICATE = hashlib.sha256(b"grace's certificate").hexdigest()
OTHER_CERTIFICATE = hashlib.sha256(b"mallory's certificate").hexdigest()
NONCES = ("5a" * 32, "d1" * 32)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)


def dial() -> Auth:
    """Ada dials Grace."""
    return prove_as_dialler(ADA, peer_id(GRACE), CERTIFICATE, *NONCES)


def refusal(auth: Auth, server: str = peer_id(GRACE), certificate: str = CERTIFICATE) -> str:
    with pytest.raises(RemoteProtocolError) as refused:
        check_dialler(auth, server, certificate)
    return refused.value.code


def test_the_transcript_is_160_bytes_in_this_order() -> None:
    auth = dial()
    expected = "5a" * 32 + "d1" * 32 + peer_id(ADA) + peer_id(GRACE) + CERTIFICATE
    assert transcript(auth, CERTIFICATE).hex() == expected
    assert auth == Auth(
        version=1,
        dialler=peer_id(ADA),
        server=peer_id(GRACE),
        nonce_server=NONCES[0],
        nonce_dialler=NONCES[1],
        proof=sign(ADA, b"academics/1/dialler\n" + bytes.fromhex(expected)),
    )
    assert prove_as_server(GRACE, auth, CERTIFICATE) == sign(GRACE, b"academics/1/server\n" + bytes.fromhex(expected))


@given(server_nonce=HEX, dialler_nonce=HEX, certificate=HEX)
def test_both_proofs_hold(server_nonce: str, dialler_nonce: str, certificate: str) -> None:
    auth = prove_as_dialler(ADA, peer_id(GRACE), certificate, server_nonce, dialler_nonce)
    check_dialler(auth, peer_id(GRACE), certificate)
    check_server(prove_as_server(GRACE, auth, certificate), auth, certificate)


@given(server_nonce=HEX, dialler_nonce=HEX, certificate=HEX)
def test_a_proof_of_one_role_is_none_of_the_other(server_nonce: str, dialler_nonce: str, certificate: str) -> None:
    auth = prove_as_dialler(ADA, peer_id(GRACE), certificate, server_nonce, dialler_nonce)
    signed = transcript(auth, certificate)
    # Grace's own key under the wrong label, and Ada's proof given back to her.
    for echoed in (auth.proof, sign(GRACE, DIALLER_LABEL + signed), sign(GRACE, signed)):
        with pytest.raises(RemoteProtocolError) as refused:
            check_server(echoed, auth, certificate)
        assert refused.value.code == "bad_proof"
    for echoed in (prove_as_server(GRACE, auth, certificate), sign(ADA, SERVER_LABEL + signed), sign(ADA, signed)):
        assert refusal(msgspec.structs.replace(auth, proof=echoed), certificate=certificate) == "bad_proof"


@pytest.mark.parametrize("field", ["nonce_server", "nonce_dialler", "dialler", "server", "proof", "certificate"])
@given(data=st.data())
def test_a_proof_is_void_once_a_single_bit_of_what_it_covers_changes(field: str, data: st.DataObject) -> None:
    auth, certificate = dial(), CERTIFICATE
    proof = prove_as_server(GRACE, auth, certificate)
    value = bytearray.fromhex(certificate if field == "certificate" else getattr(auth, field))
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    value[bit // 8] ^= 1 << bit % 8
    if field == "certificate":
        certificate = value.hex()
    else:
        auth = msgspec.structs.replace(auth, **{field: value.hex()})
    assert refusal(auth, certificate=certificate) == ("wrong_peer" if field == "server" else "bad_proof")
    if field != "proof":
        with pytest.raises(RemoteProtocolError):
            check_server(proof, auth, certificate)


def test_a_proof_for_one_server_is_not_taken_by_another() -> None:
    auth = dial()
    assert refusal(auth, server=peer_id(MALLORY), certificate=OTHER_CERTIFICATE) == "wrong_peer"
    renamed = msgspec.structs.replace(auth, server=peer_id(MALLORY))
    assert refusal(renamed, server=peer_id(MALLORY), certificate=OTHER_CERTIFICATE) == "bad_proof"
    # Mallory in the middle: Ada saw Mallory's certificate, Grace sees her own.
    lured = prove_as_dialler(ADA, peer_id(GRACE), OTHER_CERTIFICATE, *NONCES)
    assert refusal(lured) == "bad_proof"


def test_another_version_is_refused_before_anything_else() -> None:
    assert refusal(msgspec.structs.replace(dial(), version=2)) == "unsupported_version"


@pytest.mark.parametrize(
    "change",
    [
        {"dialler": {"$ne": None}},
        {"dialler": peer_id(ADA) + "\n"},
        {"dialler": peer_id(ADA).upper()},
        {"nonce_server": ""},
        {"proof": "0" * 127},
        {"version": 0},
        {"version": 10**400},
        {"version": None},
    ],
)
def test_a_malformed_auth_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        convert(msgspec.to_builtins(dial()) | change, Auth)
    assert refused.value.code == "malformed"


def stale(challenges: Challenges, nonce: str, now_ms: int) -> bool:
    try:
        challenges.spend(nonce, now_ms)
    except RemoteProtocolError as error:
        return error.code == "stale_challenge"
    return False


def test_a_challenge_is_spent_once() -> None:
    challenges = Challenges()
    assert challenges.offer("aa" * 32, 0) == Challenge(version=1, nonce="aa" * 32)
    assert [stale(challenges, "aa" * 32, 1) for _ in range(3)] == [False, True, True]


def test_a_challenge_that_was_not_given_cannot_be_spent() -> None:
    challenges = Challenges()
    challenges.offer("aa" * 32, 0)
    assert stale(challenges, "bb" * 32, 0)
    assert not stale(challenges, "aa" * 32, 0)


def test_a_challenge_lives_for_ten_seconds() -> None:
    challenges = Challenges()
    challenges.offer("aa" * 32, 0)
    challenges.offer("bb" * 32, 1)
    assert CHALLENGE_LIFETIME_MS == 10_000
    assert [stale(challenges, "aa" * 32, 10_001), stale(challenges, "bb" * 32, 10_001)] == [True, False]


@pytest.mark.parametrize("extra", [1, 50])
def test_no_more_than_1024_challenges_are_kept_and_the_oldest_go(extra: int) -> None:
    challenges = Challenges()
    nonces = [f"{number:064x}" for number in range(MAX_CHALLENGES + extra)]
    for nonce in nonces:
        challenges.offer(nonce, 0)
    assert MAX_CHALLENGES == 1024
    assert [stale(challenges, nonce, 0) for nonce in nonces] == [True] * extra + [False] * MAX_CHALLENGES
