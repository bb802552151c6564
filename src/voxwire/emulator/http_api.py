"""Calls over WebRTC and SIP, as far as they are signalling: there is no sound in them here.

It knows the states of a call, and enough of SDP to answer an offer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from email import message_from_bytes, policy
from secrets import token_hex
from typing import Any, Literal, Protocol, cast

import attrs
from voxwire_protocol.rules import RULES

from .admission import Family, Policy, Secret, key_of, secret_of
from .api_errors import ApiError
from .beta_dialect import BetaDialect
from .origins import allowed, stranger
from .session_context import Ids
from .session_runner import SessionRunner
from .validation import examine

__all__ = ["Answer", "Calls", "HttpApi", "PhoneCall", "Request", "Sessions", "sdp_answer"]


@attrs.define(kw_only=True, eq=False)
class PhoneCall:
    """A call. ``ringing`` until it is accepted; ``ended`` when it was rejected or hung up."""

    id: str
    state: Literal["ringing", "open", "ended"]
    room: SessionRunner | None = None
    """Its session, while it is open."""
    referred_to: str | None = None
    rejected_with: int | None = None


class Calls:
    """All calls of a server, by their ids."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._calls: dict[str, PhoneCall] = {}

    def __iter__(self) -> Any:
        return iter(list(self._calls.values()))

    def add(self, state: Literal["ringing", "open"], prefix: str = "rtc_u0") -> PhoneCall:
        call = PhoneCall(id=self._ids.new(prefix), state=state)
        self._calls[call.id] = call
        return call

    def need(self, call_id: str, *states: str) -> PhoneCall:
        """A call in one of these states; a mistake where there is none."""
        call = self._calls.get(call_id)
        if call is None or call.state not in states:
            raise ApiError("call_id_not_found", f"There is no call with the id {call_id[:100]!r}.")
        return call


_KEPT = re.compile(r"(m=.*|a=(mid:|group:|msid-semantic:|rtpmap:|sctp-port:|rtcp-mux).*)")


def sdp_answer(offer: str, ids: Ids) -> str:
    """An answer with the media of the offer. It leads nowhere: nothing listens there."""
    lines = offer.splitlines()
    if not lines or not lines[0].startswith("v=0") or not any(x[:2] == "m=" for x in lines):
        raise ApiError("invalid_offer", "The body is no SDP offer.", "sdp")
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


_LIFETIME = 600


@attrs.frozen(kw_only=True)
class Request:
    """An HTTP request; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Answer:
    """What to answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = attrs.Factory(dict[str, str])

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Answer:
        body = json.dumps(value).encode()
        return cls(status=status, body=body, headers={"Content-Type": "application/json"})


class Sessions(Protocol):
    """Who makes sessions: the server."""

    def describe(self, family: Family, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The whole session object that a request describes, or its Mistake."""
        ...

    def open_call(self, call: PhoneCall, session: Mapping[str, Any]) -> None: ...
    def end_call(self, call: PhoneCall) -> None: ...


class HttpApi:
    """Answers requests. What it gives out is in ``secrets`` and ``calls``."""

    def __init__(
        self,
        sessions: Sessions,
        ids: Ids,
        clock: Callable[[], float],
        policy: Policy,
        host: str = "127.0.0.1",
    ) -> None:
        self.secrets: dict[str, Secret] = {}
        self.calls = Calls(ids)
        self._sessions, self._ids, self._clock, self._policy = sessions, ids, clock, policy
        self._host = host

    def answer(self, request: Request) -> Answer:
        """Do what a request asks for."""
        request_id = {"x-request-id": self._ids.new("req", 24)}
        try:
            answer = self._route(request)
        except ApiError as mistake:  # the client's mistake becomes the answer
            status = {
                "call_id_not_found": 404,
                "unknown_url": 404,
                "method_not_allowed": 405,
                "missing_api_key": 401,
                "invalid_api_key": 401,
                "origin_not_allowed": 403,
            }.get(mistake.code or "", 400)
            details = mistake.details().to_dict()
            error = {name: details[name] for name in ("message", "type", "param", "code")}
            answer = Answer.json({"error": error}, status)
        return attrs.evolve(answer, headers={**request_id, **answer.headers})

    def shared_with(self, origin: str | None) -> bool:
        """Whether pages from there may read the answers."""
        return origin is not None and allowed(origin, self._policy.origins)

    def _route(self, request: Request) -> Answer:
        reason = stranger(request.headers, self._host, self._policy.origins)
        if reason is not None:
            raise ApiError("origin_not_allowed", reason)
        parts = [part for part in request.path.split("/") if part]
        if "realtime" not in parts:
            raise ApiError("unknown_url", f"Invalid URL ({request.method} {request.path[:100]})")
        place = parts[parts.index("realtime") + 1 :]
        if request.method == "OPTIONS":
            return Answer(status=204)
        if request.method != "POST":
            raise ApiError("method_not_allowed", f"{request.method} is not allowed here; use POST.")
        secret = self._check_key(request, place)
        match place:
            case ["client_secrets"]:
                return self._client_secret(request, "ClientSecretCreateRequest")
            case ["translations", "client_secrets"]:
                return self._client_secret(request, "TranslationClientSecretCreateRequest")
            case ["sessions" | "transcription_sessions" as kind]:
                return self._legacy(request, kind)
            case ["calls"]:
                return self._create_call(request, secret)
            case ["calls", call_id, action]:
                return self._act(request, call_id, action)
            case _:
                raise ApiError("unknown_url", f"Invalid URL (POST {request.path[:100]})")

    def _check_key(self, request: Request, place: list[str]) -> Secret | None:
        key = key_of(request.headers)
        secret = secret_of(key, self.secrets)
        if secret is not None and secret.expires_at < self._clock():
            raise ApiError.bad_key()
        if self._policy.api_keys is not None:
            if key is None:
                raise ApiError.no_key()
            # A secret opens a session and a call: who has one cannot make more of them.
            if not self._policy.takes(key) and (secret is None or place != ["calls"]):
                raise ApiError.bad_key()
        return secret

    def _client_secret(self, request: Request, name: str) -> Answer:
        asked = _json(request.body, name)
        wanted: dict[str, Any] = asked.get("session") or {"type": "realtime"}
        family: Family = "translation" if name.startswith("Translation") else wanted["type"]
        secret = self._mint(family, wanted, asked.get("expires_after") or {})
        return Answer.json(
            {
                "value": secret.value,
                "expires_at": int(secret.expires_at),
                "session": {**secret.session, "expires_at": 0},
            }
        )

    def _mint(self, family: Family, wanted: dict[str, Any], lifetime: Mapping[str, Any]) -> Secret:
        session = self._sessions.describe(family, wanted)
        secret = Secret(
            # Where keys are asked for, one that could be worked out from a seed would be none.
            value=f"ek_{token_hex(16)}" if self._policy.api_keys else self._ids.new("ek", 32),
            expires_at=int(self._clock()) + int(lifetime.get("seconds") or _LIFETIME),
            family=family,
            session=session,
            wanted=wanted,
        )
        now = self._clock()
        for value in [old.value for old in self.secrets.values() if old.expires_at < now]:
            del self.secrets[value]
        self.secrets[secret.value] = secret
        return secret

    def _legacy(self, request: Request, kind: str) -> Answer:
        asked = _json(request.body)
        update = "session" if kind == "sessions" else "transcription_session"
        frame = json.dumps({"type": f"{update}.update", "session": asked})
        nested = json.loads(BetaDialect().incoming(frame))["session"]
        for mistake in examine("ConfigurableSession", nested, "session"):
            raise mistake
        family: Family = "realtime" if kind == "sessions" else "transcription"
        secret = self._mint(family, nested, {})
        event = {"type": "session.created", "session": dict(secret.session)}
        flat = cast("dict[str, Any]", BetaDialect().outgoing(event))["session"]
        flat["client_secret"] = {"value": secret.value, "expires_at": int(secret.expires_at)}
        return Answer.json(flat)

    # --- calls ----------------------------------------------------------------------------------

    def _create_call(self, request: Request, secret: Secret | None) -> Answer:
        content_type = request.headers.get("content-type", "")
        wanted: dict[str, Any] = {"type": "realtime"}
        if content_type.startswith("multipart/form-data"):
            form = _form(content_type, request.body)
            offer = form.get("sdp", b"").decode(errors="replace")
            if "session" in form:
                wanted = _json(form["session"])
                wanted.setdefault("type", "realtime")
                for mistake in examine("RealtimeSession", wanted, "session"):
                    raise mistake
        elif content_type.startswith("application/sdp"):
            key = key_of(request.headers)
            if key is not None and secret is None and not key.startswith("ek_"):
                raise ApiError(
                    "unsupported_content_type",
                    "An SDP offer alone is for client secrets. With an API key, use "
                    "multipart/form-data with the parts 'sdp' and 'session'.",
                )
            offer = request.body.decode(errors="replace")
            if secret is not None:
                wanted = dict(secret.wanted)
            elif "model" in request.query:
                wanted["model"] = request.query["model"]
        else:
            raise ApiError("unsupported_content_type", f"Unsupported content type: {content_type}.")
        answer = sdp_answer(offer, self._ids)
        session = self._sessions.describe("realtime", wanted)
        call = self.calls.add("open")
        self._sessions.open_call(call, session)
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Location": f"/v1/realtime/calls/{call.id}",
        }
        return Answer(status=201, body=answer.encode(), headers=headers)

    def _act(self, request: Request, call_id: str, action: str) -> Answer:
        match action:
            case "accept":
                call = self.calls.need(call_id, "ringing")
                wanted = _json(request.body)
                for mistake in examine("RealtimeSession", wanted, "session"):
                    raise mistake
                session = self._sessions.describe("realtime", wanted)
                call.state = "open"
                self._sessions.open_call(call, session)
            case "reject":
                call = self.calls.need(call_id, "ringing")
                asked = _json(request.body or b"{}", "CallRejectRequest")
                call.rejected_with = asked.get("status_code", 603)
                call.state = "ended"
            case "refer":
                call = self.calls.need(call_id, "open")
                call.referred_to = _json(request.body, "CallReferRequest")["target_uri"]
            case "hangup":
                call = self.calls.need(call_id, "open", "ringing")
                self._sessions.end_call(call)
            case _:
                raise ApiError("unknown_url", f"Invalid URL (POST {request.path[:100]})")
        return Answer()


def _json(body: bytes, name: str | None = None) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ApiError("invalid_json", "The body could not be read as JSON.") from None
    if not isinstance(value, dict):
        raise ApiError("invalid_type", "The body is no JSON object.")
    if name is not None and name in RULES:
        for mistake in examine(name, value):
            raise mistake
    return cast("dict[str, Any]", value)


def _form(content_type: str, body: bytes) -> dict[str, bytes]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + body, policy=policy.HTTP)
    form: dict[str, bytes] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            form[name] = content
    return form
