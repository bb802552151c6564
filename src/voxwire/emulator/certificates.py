"""A certificate for this machine, made on the spot, for clients that insist on TLS."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

from ..errors import InvalidOption

__all__ = ["context_of", "self_signed"]

_DAYS = 7
_NAMES = ("localhost",)
_ADDRESSES = ("127.0.0.1", "::1")


def context_of(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """What a server needs to speak TLS with a certificate from files."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidOption(f"{certificate}: no certificate with its key: {error}") from None
    return context


def self_signed(folder: Path) -> Path:
    """Make a certificate for localhost in ``folder``; key and certificate are in the one file.

    The program ``openssl`` makes it.

    Raises:
        InvalidOption: it is not installed, or it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "localhost.pem"
    path.touch(mode=0o600)
    path.write_bytes(_by_openssl(folder))
    return path


def _by_openssl(folder: Path) -> bytes:
    program = shutil.which("openssl")
    if program is None:
        raise InvalidOption(
            "a certificate cannot be made here: install openssl, or bring one of your own "
            "(--tls-cert)"
        )
    names = [f"DNS:{one}" for one in _NAMES] + [f"IP:{one}" for one in _ADDRESSES]
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", str(_DAYS), "-subj", "/CN=localhost"]
    command += ["-addext", f"subjectAltName={','.join(names)}"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        return key.read_bytes() + certificate.read_bytes()
    except (subprocess.SubprocessError, OSError) as error:
        raise InvalidOption(f"openssl could not make a certificate: {error}") from None
