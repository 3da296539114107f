"""The certificate: TLS 1.3 only, new at each start, and its hash is what the other side sees."""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from pathlib import Path

import pytest

from academics_jupyter.network.certificate import ServerCertificate, make_certificate


@pytest.fixture(scope="module")
def certificate() -> ServerCertificate:
    return make_certificate()


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """The client's end of a handshake in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True))
    waiting = list(ends)
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
    return ends[0]


def any_client() -> ssl.SSLContext:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    return client


def test_the_hash_is_that_of_the_certificate_that_the_other_side_sees(certificate: ServerCertificate) -> None:
    seen = shake_hands(certificate.context, any_client())
    der = seen.getpeercert(binary_form=True)
    assert der is not None
    assert hashlib.sha256(der).hexdigest() == certificate.sha256
    assert seen.version() == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2])
def test_an_older_tls_is_refused(certificate: ServerCertificate, version: ssl.TLSVersion) -> None:
    client = any_client()
    client.maximum_version = version
    with pytest.raises(ssl.SSLError):
        shake_hands(certificate.context, client)


def test_the_certificate_says_nothing_of_its_owner(certificate: ServerCertificate) -> None:
    seen = shake_hands(certificate.context, any_client())
    assert b"academics" in (seen.getpeercert(binary_form=True) or b"")


def test_each_start_has_its_own_and_its_key_stays_nowhere(
    certificate: ServerCertificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert make_certificate().sha256 != certificate.sha256
    assert list(tmp_path.iterdir()) == []
