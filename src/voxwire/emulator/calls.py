"""Calls over WebRTC and SIP, as far as they are signalling: there is no sound in them here.

It knows the states of a call, and enough of SDP to answer an offer.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import attrs

from .ids import Ids
from .mistakes import Mistake
from .room import Room

__all__ = ["Call", "Calls", "sdp_answer"]


@attrs.define(kw_only=True, eq=False)
class Call:
    """A call. ``ringing`` until it is accepted; ``ended`` when it was rejected or hung up."""

    id: str
    state: Literal["ringing", "open", "ended"]
    room: Room | None = None
    """Its session, while it is open."""
    referred_to: str | None = None
    rejected_with: int | None = None


class Calls:
    """All calls of a server, by their ids."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._calls: dict[str, Call] = {}

    def __iter__(self) -> Any:
        return iter(list(self._calls.values()))

    def add(self, state: Literal["ringing", "open"], prefix: str = "rtc_u0") -> Call:
        call = Call(id=self._ids.new(prefix), state=state)
        self._calls[call.id] = call
        return call

    def need(self, call_id: str, *states: str) -> Call:
        """A call in one of these states; a mistake where there is none."""
        call = self._calls.get(call_id)
        if call is None or call.state not in states:
            raise Mistake("call_id_not_found", f"There is no call with the id {call_id[:100]!r}.")
        return call


_KEPT = re.compile(r"(m=.*|a=(mid:|group:|msid-semantic:|rtpmap:|sctp-port:|rtcp-mux).*)")


def sdp_answer(offer: str, ids: Ids) -> str:
    """An answer with the media of the offer. It leads nowhere: nothing listens there."""
    lines = offer.splitlines()
    if not lines or not lines[0].startswith("v=0") or not any(x[:2] == "m=" for x in lines):
        raise Mistake("invalid_offer", "The body is no SDP offer.", "sdp")
    answer = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    for line in lines:
        if not _KEPT.fullmatch(line):
            continue
        if line.startswith("m="):
            kind, _, rest = line.partition(" ")
            answer.append(f"{kind} 9 {rest.partition(' ')[2]}")
            answer += ["c=IN IP4 127.0.0.1", "a=setup:active", "a=ice-ufrag:emulator"]
            answer += [f"a=ice-pwd:{ids.new('pwd', 24)[4:]}", "a=sendrecv"]
        else:
            answer.append(line)
    return "\r\n".join(answer) + "\r\n"
