"""Keys, fingerprints and signatures."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from academics_jupyter.protocol.identity import (
    Hex32,
    PeerId,
    Signature,
    fingerprint,
    fingerprint_matches,
    peer_id,
    sign,
    verifies,
)

# RFC 8032, 7.1, test 2.
KEY = SigningKey(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
PEER = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_it_is_ed25519_of_rfc_8032() -> None:
    assert (peer_id(KEY), sign(KEY, b"\x72")) == (PEER, SIGNATURE)
    assert verifies(PEER, b"\x72", SIGNATURE)


@given(message=st.binary(max_size=200), bit=st.integers(0, 511))
def test_a_signature_with_any_bit_changed_does_not_verify(message: bytes, bit: int) -> None:
    changed = bytearray.fromhex(sign(KEY, message))
    changed[bit // 8] ^= 1 << bit % 8
    assert not verifies(PEER, message, changed.hex())


@given(message=st.binary(min_size=1, max_size=200), data=st.data())
def test_a_message_with_any_bit_changed_does_not_verify(message: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(message) * 8 - 1))
    changed = bytearray(message)
    changed[bit // 8] ^= 1 << bit % 8
    assert not verifies(PEER, bytes(changed), sign(KEY, message))


@given(peer=st.text(max_size=130), signature=st.text(max_size=130))
def test_what_is_no_key_or_signature_does_not_verify(peer: str, signature: str) -> None:
    assert not verifies(peer, b"", SIGNATURE)
    assert not verifies(PEER, b"", signature)


@pytest.mark.parametrize("small_order", ["00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "ff" * 32])
def test_a_key_for_which_anything_would_verify_is_none(small_order: str) -> None:
    assert not verifies(small_order, b"anything", "01" + "00" * 63)


def test_the_fingerprint_is_160_bits_in_eight_groups_that_can_be_read_aloud() -> None:
    assert fingerprint(PEER) == "hh3r-hufg-iqst-6bcs-sqq3-t5i3-tmej-phii"


@pytest.mark.parametrize(
    ("typed", "matches"),
    [
        ("hh3r", True),
        ("HH3R-HUFG", True),
        ("hh3r hufg", True),
        ("hh3rhu", True),
        ("hufg", False),
        ("hh3r-hufh", False),
        (fingerprint(PEER) + "a", False),
    ],
)
def test_a_fingerprint_matches_from_its_start_however_it_is_grouped(typed: str, matches: bool) -> None:
    assert fingerprint_matches(PEER, typed) is matches


@pytest.mark.parametrize(("kind", "length"), [(PeerId, 64), (Hex32, 64), (Signature, 128)])
def test_a_name_in_hex_has_one_spelling(kind: type[str], length: int) -> None:
    good = "ab" * (length // 2)
    assert msgspec.convert(good, kind) == good
    # A line feed at the end reads as the same bytes: it would be a second name for one key, past the block list.
    for bad in (
        good + "\n",
        "\n" + good[1:],
        good.upper(),
        " " + good,
        good + "0",
        good[1:],
        "x" + good[1:],
        "",
        "٣" * length,
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(bad, kind)
