"""The microphone and the speaker of this machine together, for a conversation at the desk.

This module opens and closes. It does nothing against the microphone hearing the speaker: use
headphones, or a device that cancels echoes.
"""

from __future__ import annotations

from typing import Any, Self

from ..errors import InvalidOption
from .devices import Device
from .formats import PCM16, Format
from .microphone import Microphone
from .speaker import Speaker

__all__ = ["LocalAudio"]


class LocalAudio:
    """The microphone and the speaker of this machine, opened and closed together.

    Args:
        input_device: of the microphone: number or part of the name.
        output_device: of the speaker.
        backend: what to use in the place of the sounddevice module.
    """

    def __init__(
        self,
        *,
        input_device: Device = None,
        output_device: Device = None,
        backend: Any = None,
    ) -> None:
        self.microphone = Microphone(device=input_device, backend=backend)
        self.speaker = Speaker(device=output_device, backend=backend)

    def open(self, input: Format = PCM16, output: Format = PCM16) -> Self:
        """Start both, in the formats of a session."""
        self.microphone.format = input
        self.speaker.format = output
        self.speaker.open()
        try:
            self.microphone.open()
        except InvalidOption:  # no half of a device stays open
            self.speaker.close()
            raise
        return self

    def close(self) -> None:
        """Stop both."""
        self.microphone.close()
        self.speaker.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()
