"""Certificates on the command line: what to listen with, and whom to trust."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidOption
from .screen import screen

if TYPE_CHECKING:
    import ssl

__all__ = ["authority", "listening"]


@contextmanager
def listening(
    certificate: Path | None, key: Path | None, *, self_signed: bool
) -> Generator[ssl.SSLContext | None]:
    """What to listen with; a certificate made for this run lasts as long as this does."""
    from ..emulator import certificates

    if not self_signed:
        if certificate is None and key is not None:
            raise InvalidOption("--tls-key goes with --tls-cert: name the certificate too")
        yield None if certificate is None else certificates.context_of(certificate, key)
        return
    if certificate is not None or key is not None:
        raise InvalidOption("--tls-self-signed makes its own certificate: leave --tls-cert out")
    folder = Path(tempfile.mkdtemp(prefix="voxwire-"))
    try:
        made = certificates.self_signed(folder)
        screen().print(
            f"certificate {made}: trust it with --ca, SSL_CERT_FILE or NODE_EXTRA_CA_CERTS",
            soft_wrap=True,
        )
        yield certificates.context_of(made)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def authority(path: Path) -> ssl.SSLContext:
    """What trusts servers that this authority has signed for."""
    import ssl

    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:  # it is not there, or no certificate
        raise InvalidOption(f"{path}: no certificate of an authority: {error}") from None
