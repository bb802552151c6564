"""Two streams of words that come at the same time, told sentence by sentence.

Knows where a sentence ends; prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

__all__ = ["Sentences"]

_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
_CLOSING = "\"'”’»)]"
_LONGEST = 400
"""Characters after which one is told though it has no end: some speakers pause for nothing."""


@attrs.define
class Sentences:
    """Collects the words of one stream."""

    _text: str = ""
    _at_ms: int | None = None

    def put(self, words: str, at_ms: int | None) -> Iterator[tuple[str, int | None]]:
        """More words, and where they belong in time; gives the sentence that they end."""
        if not self._text.strip():
            self._at_ms = at_ms
        self._text += words
        ended = self._text.rstrip().rstrip(_CLOSING).endswith(_ENDS)
        if ended or len(self._text) > _LONGEST:
            yield from self.rest()

    def rest(self) -> Iterator[tuple[str, int | None]]:
        """What there is of a sentence."""
        text, self._text = self._text.strip(), ""
        if text:
            yield text, self._at_ms
