"""Text and sound in pieces: read by one thread while another adds to them, nothing is lost."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from voxwire.conversation.buffers import AudioBudget, AudioBuffer, TextBuffer


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def read_meanwhile(read: Callable[[], object], write: Callable[[], object]) -> None:
    """Call `read` in two threads for as long as `write` takes."""
    over = threading.Event()

    def reading() -> None:
        while not over.is_set():
            read()

    readers = [threading.Thread(target=reading) for _ in range(2)]
    for reader in readers:
        reader.start()
    write()
    over.set()
    for reader in readers:
        reader.join()


def test_a_text_that_is_read_while_it_grows_loses_no_piece() -> None:
    text = TextBuffer()

    def write() -> None:
        for number in range(30_000):
            text.add(f"{number} ")

    read_meanwhile(lambda: text.value, write)
    assert text.value.split() == [str(number) for number in range(30_000)]


def test_a_sound_that_is_read_while_it_grows_loses_no_byte() -> None:
    sound, shelf = AudioBuffer(), AudioBudget(None)

    def write() -> None:
        for number in range(3_000):
            shelf.put(sound, [number.to_bytes(2, "big")], 48_000)

    read_meanwhile(lambda: sound.value, write)
    assert sound.value == b"".join(number.to_bytes(2, "big") for number in range(3_000))
    assert sound.held == 6_000


def test_empty_texts_and_sounds_have_nothing_in_common() -> None:
    one, other = TextBuffer(), TextBuffer()
    one.add("a")
    assert (one.value, other.value) == ("a", "")
    copied = copy.deepcopy([other, TextBuffer()])
    copied[0].add("b")
    assert [text.value for text in copied] == ["b", ""]
    loud, quiet = AudioBuffer(), AudioBuffer()
    loud.hold(b"ab")
    assert (loud.value, quiet.value) == (b"ab", b"")
