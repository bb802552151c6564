"""Sound devices, by sounddevice (``pip install 'voxwire[audio]'``): opening and closing them.

This module knows rates and devices that are not there. What goes in or out, others know.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any, Literal, Self, TypeAlias

from ..errors import InvalidOption
from .converting import Converter
from .formats import Format

__all__ = ["Device", "SoundStream"]

Device: TypeAlias = int | str | None
"""The number of a device, part of its name, or the default one."""


class SoundStream:
    """What the two directions share: a device opened at its format's rate, or at its own."""

    _kind: Literal["input", "output"]

    def __init__(self, format: Format, device: Device, backend: Any) -> None:
        self.format = format
        self.device = device
        self._backend = backend
        self._stream: Any = None
        self._lock = threading.Lock()

    def open(self) -> Self:
        """Start the device.

        Raises:
            InvalidOption: sounddevice or its library is not installed, or there is no such device;
                the message has the cure.
        """
        if self._stream is not None:
            return self
        sound = self._backend or _backend()
        make = sound.RawInputStream if self._kind == "input" else sound.RawOutputStream
        try:
            own = int(sound.query_devices(self.device, self._kind)["default_samplerate"])
            for rate in dict.fromkeys((self.format.rate, own)):
                try:
                    stream = make(
                        samplerate=rate,
                        blocksize=rate // 50,
                        device=self.device,
                        channels=1,
                        dtype="int16",
                        callback=self._called,
                    )
                except sound.PortAudioError:
                    if rate == own:
                        raise
                    continue  # many devices know only their own rate
                self._converter = self._conversion(Format("audio/pcm", rate))
                self._stream = stream
                stream.start()
                break
        except (sound.PortAudioError, ValueError) as error:
            # What the library raises for a device that is not there, or in use.
            self.close()
            which = "default device" if self.device is None else f"device {self.device!r}"
            raise InvalidOption(
                f"no {self._kind} of sound: {which}: {error} (python -m sounddevice lists devices)"
            ) from None
        return self

    def close(self) -> None:
        """Stop the device. It can be opened again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _conversion(self, device: Format) -> Converter:
        raise NotImplementedError

    def _called(self, data: Any, frames: int, time: Any, status: Any) -> None:
        raise NotImplementedError


def _backend() -> Any:
    # By name, because it is optional and brings no types.
    try:
        return import_module("sounddevice")
    except ImportError:
        raise InvalidOption(
            "the microphone and the speaker need sounddevice: pip install 'voxwire[audio]'"
        ) from None
    except OSError as error:
        raise InvalidOption(
            f"sounddevice finds no PortAudio library: {error} (apt install libportaudio2, "
            "or brew install portaudio)"
        ) from None
