"""A server's TLS identity: a self-signed certificate, made anew at each start and pinned by its hash.

The certificate proves nothing by itself: its hash stands in the signed presence record, and both proofs of the
handshake cover it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_DAYS = 3650


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A TLS 1.3 context to serve with, and the SHA-256 of its DER certificate in hex."""

    context: ssl.SSLContext
    sha256: str


def make_certificate() -> ServerCertificate:
    """A fresh P-256 key and certificate. The key never stays on disk."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "academics")])
    now = dt.datetime.now(dt.UTC)
    # Clocks may be wrong by a day; the pin, not the dates, is what counts.
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=VALID_DAYS))
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
        .sign(key, hashes.SHA256())
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ServerCertificate(_serving_context(pem), hashlib.sha256(der).hexdigest())


def _serving_context(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # The ssl module reads certificates from files only.
    with tempfile.TemporaryDirectory(prefix="academics-") as folder:
        path = Path(folder) / "server.pem"
        path.touch(0o600)
        path.write_bytes(pem)
        context.load_cert_chain(path)
    return context
