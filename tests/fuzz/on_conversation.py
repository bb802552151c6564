"""What holds for the conversation, whatever events come in whatever order."""

from __future__ import annotations

import json

from voxwire.conversation import Conversation, ConversationTracker
from voxwire.protocol.codec import REALTIME

from .cases import Case

MOST_AHEAD = 1024
"""How many ids are remembered that may never come."""


def play(case: Case) -> None:
    """Take every event in, and look at what the conversation then says."""
    cache = ConversationTracker(
        audio={"none": "none", "all": "all"}.get(case.target.split()[1], 0.5)
    )
    for step in case.steps:
        if step.kind == "audio":
            cache.append_audio(bytes(int(step.what)))
            continue
        sent = step.kind == "c2s"
        event = (REALTIME.decode_client if sent else REALTIME.decode)(step.frame)
        for change in cache.apply(event, sent=sent):
            repr(change)
    check(cache)
    # It goes on after having been stored.
    again = ConversationTracker(conversation=Conversation.restore(cache.conversation.snapshot()))
    for step in case.steps[-3:]:
        if step.kind == "s2c":
            again.apply(REALTIME.decode(step.frame))
    check(again)


def check(cache: ConversationTracker) -> None:
    conversation = cache.conversation
    ids = [item.id for item in conversation]
    assert len(ids) == len(set(ids)) == len(conversation), "an item is there twice"
    for item in conversation:
        assert conversation.get(item.id) is item
        assert item in conversation
        assert not item.deleted
        assert item.formatted["text"] == item.text
        assert item.audio_ms >= 0
        assert len(item.audio) <= sum(part.sound.size for part in item._state.parts.values())
        repr(item), item.transcript, item.status, item.audio
    conversation.to_messages(), repr(conversation), conversation.usage.total
    stored = json.loads(json.dumps(conversation.snapshot()))
    assert Conversation.restore(stored) == conversation, "a snapshot is not the conversation"
    ledger = cache._ledger
    assert len(ledger.awaited) <= MOST_AHEAD
    assert len(ledger.running) <= MOST_AHEAD
