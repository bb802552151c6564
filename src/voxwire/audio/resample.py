"""Samples at another rate, by the soxr library, which comes with ``pip install 'voxwire[audio]'``.

This module knows rates. It does not know formats on the wire.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import InvalidOption

__all__ = ["Resampler"]


class Resampler:
    """Turns a stream of 16-bit mono samples from one rate into another, piece by piece.

    The pieces may have any length, odd ones too. What comes out lags behind, and :meth:`finish`
    gives the rest.

    Args:
        source_rate: samples per second that come in.
        target_rate: samples per second that go out.
        live: lag by 20 to 50 ms, with a filter that is good enough for speech; else by up to 150
            ms, with a better one.

    Raises:
        InvalidOption: the rates differ, and soxr or numpy is not installed.
    """

    def __init__(self, source_rate: int, target_rate: int, *, live: bool = True) -> None:
        if source_rate <= 0 or target_rate <= 0:
            raise InvalidOption(f"{source_rate} Hz to {target_rate} Hz: a rate is more than zero")
        self.source_rate = source_rate
        self.target_rate = target_rate
        self._rest = b""
        self._stream: Any = None
        if source_rate != target_rate:
            self._numpy, soxr = _libraries(source_rate, target_rate)
            self._stream = soxr.ResampleStream(
                source_rate, target_rate, 1, dtype="int16", quality="LQ" if live else "HQ"
            )

    def feed(self, pcm: bytes) -> bytes:
        """The next samples in, and what is ready out."""
        return self._pass(pcm, last=False)

    def finish(self) -> bytes:
        """What is left. The resampler can be fed again, as a new stream."""
        left = self._pass(b"", last=True)
        self._rest = b""
        if self._stream is not None:
            self._stream.clear()
        return left

    def _pass(self, pcm: bytes, *, last: bool) -> bytes:
        data = self._rest + pcm if self._rest else pcm
        whole = len(data) - len(data) % 2
        self._rest = bytes(data[whole:])
        if self._stream is None:
            return bytes(data[:whole])
        samples = self._numpy.frombuffer(data, dtype="<i2", count=whole // 2)
        made = self._stream.resample_chunk(samples.astype("i2", copy=False), last=last)
        return bytes(made.astype("<i2", copy=False).tobytes())


def _libraries(source_rate: int, target_rate: int) -> tuple[Any, Any]:
    # By name, because they are optional and bring no types.
    try:
        return import_module("numpy"), import_module("soxr")
    except ImportError as error:
        raise InvalidOption(
            f"audio at {source_rate} Hz cannot be turned into {target_rate} Hz without "
            f"{error.name}: pip install 'voxwire[audio]', or use audio at {target_rate} Hz"
        ) from None
