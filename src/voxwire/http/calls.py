"""The operations on calls: an answer to an offer, and what can be done with a call of a phone.

Each function gives an :class:`Operation`, which the clients send; all take the
:class:`CallOptions` too. What is wrong with the arguments is told here, before anything is sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

import attrs
import httpx
from voxwire_protocol import (
    CallCreateRequest,
    CallReferRequest,
    CallRejectRequest,
    RealtimeCallIncoming,
    RealtimeSession,
)
from voxwire_protocol.http.api.calls import accept_call as accepting
from voxwire_protocol.http.api.calls import create_call as creating
from voxwire_protocol.http.api.calls import hangup_call as hanging_up
from voxwire_protocol.http.api.calls import refer_call as referring
from voxwire_protocol.http.api.calls import reject_call as rejecting

from ..protocol.constraints import shown
from .errors import InvalidRequest
from .operation import CallOptions, Operation, as_status, checked, given, operation, wire

if TYPE_CHECKING:
    from voxwire_protocol import RealtimeSessionDict

__all__ = ["CallAnswer", "accept_call", "create_call", "hangup_call", "refer_call", "reject_call"]

_CALL = re.compile(r"[^/\s]+")
_URI = re.compile(r"(tel|sips?):[^\s]+", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class CallAnswer:
    """The answer to an offer: the call is up."""

    sdp: str = attrs.field(repr=False)
    """The SDP answer, character by character as it came: for ``setRemoteDescription``."""
    location: str | None
    """Path of the call, as the server names it."""

    @property
    def call_id(self) -> str:
        """The id by which to attach a session, or to hang up.

        Raises:
            LookupError: the server named none. The call itself is up all the same.
        """
        name = (self.location or "").split("?")[0].rstrip("/").rpartition("/")[2]
        if not name:
            raise LookupError("the server gave the call no id: its answer has no Location header")
        return name


def create_call(
    sdp: str,
    *,
    session: RealtimeSession | RealtimeSessionDict | None = None,
    **options: Unpack[CallOptions],
) -> Operation[CallAnswer]:
    """Trade the SDP offer of a WebRTC peer for an answer; the call is up from then on.

    Sent again only where the first was surely not taken: there would be two calls.

    Args:
        sdp: the offer, as the WebRTC stack made it; it goes out as it is.
        session: the settings of the conversation. Left out, they are those of the client secret
            with which the call is made: the offer goes alone. With any other key they are the
            server's defaults, with a current model, or the deployment of Azure.
    """
    if not isinstance(sdp, str) or not sdp.startswith("v="):
        got = "another text" if isinstance(sdp, str) else type(sdp).__name__
        raise InvalidRequest(
            "$.sdp",
            f"expected an SDP offer, a text that begins with v=, got {got}",
            "of a session description it is the field sdp",
        )
    if session is not None:
        body = checked(CallCreateRequest, {"sdp": sdp, "session": session}, options)
        return operation("create_call", creating.get_kwargs(body=body), _call_answer, options)

    def whole(model: str | None) -> dict[str, Any]:
        # The service takes an offer alone with a client secret only.
        defaults = RealtimeSession() if model is None else RealtimeSession(model=model)
        return creating.get_kwargs(body=CallCreateRequest(sdp=sdp, session=defaults))

    alone = creating.get_kwargs(body=sdp)
    return operation("create_call", alone, _call_answer, options, with_account_key=whole)


def accept_call(
    call: str | RealtimeCallIncoming,
    *,
    session: RealtimeSession | RealtimeSessionDict,
    **options: Unpack[CallOptions],
) -> Operation[None]:
    """Take a SIP call that a webhook announced, and say which session answers it.

    Sent again only where the first was surely not taken.

    Args:
        call: the webhook, or the id of its call.
        session: the settings, whole. Without a model, they get a current one, or the deployment
            of Azure.
    """
    body = checked(RealtimeSession, session, options)
    request = accepting.get_kwargs(_call_id(call), body=body)
    return operation("accept_call", request, _nothing, options)


def reject_call(
    call: str | RealtimeCallIncoming,
    *,
    status_code: int | None = None,
    **options: Unpack[CallOptions],
) -> Operation[None]:
    """Turn away a SIP call that a webhook announced.

    Sent again only where the first was surely not taken.

    Args:
        call: the webhook, or the id of its call.
        status_code: the SIP status for the caller, such as 486 for busy; 603 if left out.
    """
    body = checked(CallRejectRequest, given(status_code=status_code), options)
    if status_code is not None and not 300 <= status_code <= 699:
        raise InvalidRequest(
            "$.status_code",
            f"expected a SIP status from 300 to 699, got {status_code}",
            "486: busy",
        )
    request = rejecting.get_kwargs(_call_id(call), body=body)
    return operation("reject_call", request, _nothing, options)


def refer_call(
    call: str | RealtimeCallIncoming, target_uri: str, **options: Unpack[CallOptions]
) -> Operation[None]:
    """Hand a running SIP call over to somebody else.

    Sent again only where the first was surely not taken.

    Args:
        call: the webhook, or the id of its call.
        target_uri: to whom: ``tel:+15551234567`` or ``sip:agent@example.com``.
    """
    body = checked(CallReferRequest, {"target_uri": target_uri}, options)
    if not _URI.fullmatch(target_uri):
        cure = "such as tel:+15551234567 or sip:agent@example.com"
        raise InvalidRequest("$.target_uri", "expected a tel: or sip: URI, got another text", cure)
    request = referring.get_kwargs(_call_id(call), body=body)
    return operation("refer_call", request, _nothing, options)


def hangup_call(
    call: str | RealtimeCallIncoming, **options: Unpack[CallOptions]
) -> Operation[bool]:
    """End a running call, SIP or WebRTC. True if this ended it, False if it was over already.

    An id that never was a call's reads as over, too. Repeated where an attempt fails: a call that
    is over stays over. (False may then mean that the attempt before has ended it.)

    Args:
        call: the webhook, or the id of the call.
    """
    return operation(
        "hangup_call",
        hanging_up.get_kwargs(_call_id(call)),
        lambda _: True,
        options,
        repeatable=True,
        gone=lambda: False,
    )


def _call_answer(response: httpx.Response) -> CallAnswer:
    answer = creating.parse_response(client=wire, response=as_status(201, response))
    if answer is None or not answer.startswith("v="):
        raise ValueError("its body is no SDP")
    return CallAnswer(sdp=answer, location=response.headers.get("location"))


def _nothing(_: httpx.Response) -> None:
    """The answer of an operation whose status says it all."""


def _call_id(call: str | RealtimeCallIncoming) -> str:
    name: Any = call
    if isinstance(call, RealtimeCallIncoming):
        name = getattr(call.data, "call_id", None)  # a server may send anything as data
    if not isinstance(name, str) or not _CALL.fullmatch(name) or set(name) == {"."}:
        cure = "it begins with rtc_: webhook.data.call_id, or call_id of the answer to an offer"
        raise InvalidRequest("call", f"expected the id of a call, got {shown(name)}", cure)
    if name.startswith(("evt_", "wh_")):
        cure = "the call's id is webhook.data.call_id"
        raise InvalidRequest("call", "this is the id of a webhook and not of a call", cure)
    return name
