"""Every operation: what goes over the wire, and what comes of the answer. Both clients."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from http_server import Answer, HttpServer, parts

import voxwire
from voxwire import (
    UNSET,
    ExpiresAfter,
    LegacyTranscriptionSessionCreateRequest,
    RealtimeCallIncoming,
    RealtimeSession,
    TranscriptionSession,
    TranslationSession,
)
from voxwire.transport.providers import DEFAULT_MODEL

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-pwd:not for a log\r\n"
REPLY = "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=grüße\r\nt=0 0\r\n"
SECRET = {"value": "ek_0123456789", "expires_at": 1_800_000_600, "session": {"type": "realtime"}}
CALL = RealtimeCallIncoming.from_dict(
    {
        "id": "evt_1",
        "created_at": 1,
        "type": "realtime.call.incoming",
        "data": {"call_id": "rtc_9", "sip_headers": []},
    }
)


# --- client secrets -----------------------------------------------------------------------------


def test_a_secret_is_made(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(200, SECRET)]
    session = RealtimeSession(instructions="Be brief.", model="gpt-realtime-2")
    secret = api(lambda client: client.client_secrets.create(session=session, expires_after=60))
    assert secret.value == "ek_0123456789"
    assert secret.session == RealtimeSession()
    assert "ek_" not in repr(secret)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/realtime/client_secrets")
    assert seen.headers["authorization"] == "Bearer sk-test-0123456789abcdef"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"]
    assert seen.json == {
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "session": {"type": "realtime", "instructions": "Be brief.", "model": "gpt-realtime-2"},
    }


@pytest.mark.parametrize(
    ("session", "sent"),
    [
        (RealtimeSession(), {"type": "realtime", "model": DEFAULT_MODEL}),
        ({"type": "realtime"}, {"type": "realtime", "model": DEFAULT_MODEL}),
        (
            {"type": "realtime", "prompt": {"id": "pmpt_1"}},
            {"type": "realtime", "prompt": {"id": "pmpt_1"}},
        ),
        (TranscriptionSession(), {"type": "transcription"}),
    ],
)
def test_a_conversation_gets_a_current_model(
    api: Any, server: HttpServer, session: Any, sent: Any
) -> None:
    server.plan = [Answer(200, SECRET)]
    api(lambda client: client.client_secrets.create(session=session))
    assert server.seen[0].json == {"session": sent}


def test_a_secret_without_settings_sends_none(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(200, SECRET)]
    lifetime = ExpiresAfter(seconds=10)
    api(lambda client: client.client_secrets.create(expires_after=lifetime))
    assert server.seen[0].json == {"expires_after": {"seconds": 10}}


def test_a_translation_secret_is_made(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(200, {**SECRET, "session": {"type": "translation", "model": "m"}})]
    session = {"model": "gpt-realtime-translate", "audio": {"output": {"language": "es"}}}
    secret = api(lambda client: client.translations.client_secrets.create(session=session))
    assert secret.session == TranslationSession(type="translation", model="m")
    assert server.seen[0].path == "/v1/realtime/translations/client_secrets"
    assert server.seen[0].json == {"session": session}


def test_keys_that_the_protocol_does_not_declare_are_sent_on_purpose(
    api: Any, server: HttpServer
) -> None:
    server.plan = [Answer(200, SECRET)]
    session = {"type": "realtime", "model": "m", "mood": "sunny"}
    extra = {"/session/mood": "sunny", "tag": {"a": 1}}
    api(lambda client: client.client_secrets.create(session=session, extra=extra))
    assert server.seen[0].json == {"session": session, "tag": {"a": 1}}


# --- calls --------------------------------------------------------------------------------------


def test_a_call_with_settings_is_a_form(api: Any, server: HttpServer) -> None:
    location = {"Location": "/v1/realtime/calls/rtc_7"}
    kind = {"content-type": "text/plain; charset=utf-8"}
    server.plan = [Answer(201, REPLY.encode(), {**location, **kind})]
    session = RealtimeSession(model="m", audio=UNSET, instructions="Grüße, 你好")
    answer = api(lambda client: client.calls.create(OFFER, session=session))
    assert answer.sdp == REPLY
    assert answer.call_id == "rtc_7"
    (seen,) = server.seen
    assert seen.path == "/v1/realtime/calls"
    assert "idempotency-key" not in seen.headers
    form = parts(seen.body, seen.headers["content-type"])
    assert form["sdp"] == ("application/sdp", OFFER.encode())
    assert form["session"][0] == "application/json"
    assert json.loads(form["session"][1]) == session.to_dict()
    assert b"filename" not in seen.body


def test_a_call_with_a_secret_is_the_bare_offer(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(201, REPLY.encode(), {"Location": "/v1/realtime/calls/rtc_7"})]
    answer = api(lambda client: client.calls.create(OFFER), api_key="ek_0123456789")
    assert answer.sdp == REPLY
    (seen,) = server.seen
    assert seen.headers["content-type"] == "application/sdp"
    assert seen.headers["authorization"] == "Bearer ek_0123456789"
    assert seen.body == OFFER.encode()


@pytest.mark.parametrize("given", ["text", "function", "header"])
def test_a_call_with_an_account_key_is_a_form_with_the_defaults(
    api: Any, server: HttpServer, given: str
) -> None:
    key = "sk-test-0123456789abcdef"
    options: dict[str, Any] = {
        "text": {"api_key": key},
        "function": {"api_key": lambda: key},
        "header": {"headers": {"Authorization": f"Bearer {key}"}, "api_key": None},
    }[given]
    server.plan = [Answer(201, REPLY.encode(), {"Location": "/v1/realtime/calls/rtc_7"})]
    assert api(lambda client: client.calls.create(OFFER), **options).sdp == REPLY
    (seen,) = server.seen
    form = parts(seen.body, seen.headers["content-type"])
    assert form["sdp"] == ("application/sdp", OFFER.encode())
    assert json.loads(form["session"][1]) == {"type": "realtime", "model": "gpt-realtime-2.1"}
    assert b"filename" not in seen.body


def test_the_key_of_the_moment_decides_how_a_call_is_made(api: Any, server: HttpServer) -> None:
    keys = iter(["ek_0123456789", "sk-test-0123456789abcdef"])
    server.plan = [Answer(429, {}), Answer(201, REPLY.encode())]
    api(lambda client: client.calls.create(OFFER), api_key=lambda: next(keys))
    first, second = (seen.headers["content-type"] for seen in server.seen)
    assert first == "application/sdp"
    assert second.startswith("multipart/form-data; boundary=")


@pytest.mark.parametrize("settings", [None, {"type": "realtime", "model": "m"}])
@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_a_call_has_the_form_that_the_official_client_gives_it(
    api: Any, server: HttpServer, settings: Any, ends: str
) -> None:
    openai = pytest.importorskip("openai")
    offer = OFFER.replace("\r\n", ends)
    session = settings or {"type": "realtime", "model": "gpt-realtime-2.1"}
    server.plan = [Answer(201, REPLY.encode())] * 2
    api(lambda client: client.calls.create(offer, session=settings), api_key="sk-one-0123456789")
    with openai.OpenAI(api_key="sk-one-0123456789", base_url=server.url) as official:
        official.realtime.calls.create(sdp=offer, session=session)
    ours, theirs = (parts(seen.body, seen.headers["content-type"]) for seen in server.seen)
    assert ours["sdp"] == theirs["sdp"]
    assert ours["session"][0] == theirs["session"][0]
    assert json.loads(ours["session"][1]) == json.loads(theirs["session"][1])
    assert ours.keys() == theirs.keys()


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_line_ends_of_an_offer_are_left_alone(api: Any, server: HttpServer, ends: str) -> None:
    offer, reply = OFFER.replace("\r\n", ends), REPLY.replace("\r\n", ends)
    server.plan = [Answer(201, reply.encode())]
    answer = api(lambda client: client.calls.create(offer, session={"type": "realtime"}))
    form = parts(server.seen[0].body, server.seen[0].headers["content-type"])
    assert form["sdp"][1] == offer.encode()
    assert answer.sdp == reply


@pytest.mark.parametrize(
    "location", ["https://host/v1/realtime/calls/rtc_7", "/v1/realtime/calls/rtc_7/?a=b", "rtc_7"]
)
def test_the_call_id_is_the_end_of_the_location(
    api: Any, server: HttpServer, location: str
) -> None:
    server.plan = [Answer(200, REPLY.encode(), {"location": location})]
    assert api(lambda client: client.calls.create(OFFER)).call_id == "rtc_7"


def test_a_call_without_an_id_still_has_its_answer(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(201, REPLY.encode())]
    answer = api(lambda client: client.calls.create(OFFER))
    assert answer.sdp == REPLY
    with pytest.raises(LookupError, match="Location"):
        _ = answer.call_id


def test_extra_keys_of_a_call_go_into_its_session(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(201, REPLY.encode())]
    extra = {"session": {"mood": "sunny"}}
    session = {"type": "realtime", "model": "m"}
    api(lambda client: client.calls.create(OFFER, session=session, extra=extra))
    form = parts(server.seen[0].body, server.seen[0].headers["content-type"])
    assert json.loads(form["session"][1]) == {**session, "mood": "sunny"}
    assert form["sdp"][1] == OFFER.encode()
    with pytest.raises(voxwire.InvalidOption, match="bare SDP"):
        api(lambda client: client.calls.create(OFFER, extra=extra))
    with pytest.raises(voxwire.InvalidOption, match="into the session"):
        api(lambda client: client.calls.create(OFFER, session=session, extra={"a": 1}))


@pytest.mark.parametrize("call", ["rtc_9", CALL])
@pytest.mark.parametrize(
    ("ask", "path", "body"),
    [
        (
            lambda calls, call: calls.accept(call, session=RealtimeSession(instructions="Hi")),
            "accept",
            {"type": "realtime", "model": DEFAULT_MODEL, "instructions": "Hi"},
        ),
        (lambda calls, call: calls.reject(call, status_code=486), "reject", {"status_code": 486}),
        (lambda calls, call: calls.reject(call), "reject", {}),
        (
            lambda calls, call: calls.refer(call, "tel:+15551234567"),
            "refer",
            {"target_uri": "tel:+15551234567"},
        ),
    ],
)
def test_a_phone_call_is_answered(
    api: Any, server: HttpServer, call: Any, ask: Any, path: str, body: Any
) -> None:
    server.plan = [Answer(200)]
    assert api(lambda client: ask(client.calls, call)) is None
    assert server.seen[0].path == f"/v1/realtime/calls/rtc_9/{path}"
    assert server.seen[0].json == body


def test_hanging_up_tells_whether_the_call_was_still_on(api: Any, server: HttpServer) -> None:
    gone = {"error": {"message": "No such call", "type": "invalid_request_error"}}
    server.plan = [Answer(200), Answer(404, gone)]
    assert api(lambda client: client.calls.hangup("rtc_9")) is True
    assert api(lambda client: client.calls.hangup(CALL)) is False
    assert [seen.path for seen in server.seen] == ["/v1/realtime/calls/rtc_9/hangup"] * 2
    assert server.seen[0].body == b""


# --- the beta's ---------------------------------------------------------------------------------


def test_a_session_of_the_beta_is_made(api: Any, server: HttpServer) -> None:
    secret = {"value": "ek_0123456789", "expires_at": 1}
    server.plan = [Answer(200, {"id": "sess_1", "voice": "ash", "client_secret": secret})]
    with pytest.warns(DeprecationWarning, match=r"client_secrets\.create") as warned:
        answer = api(
            lambda client: client.sessions.create({"voice": "ash", "modalities": ["text"]})
        )
    assert warned[0].filename == __file__
    assert answer.client_secret.value == "ek_0123456789"
    assert answer.voice == "ash"
    assert server.seen[0].path == "/v1/realtime/sessions"
    assert server.seen[0].json == {"voice": "ash", "modalities": ["text"]}


def test_a_transcription_session_of_the_beta_is_made(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(200, {"id": "sess_1", "input_audio_format": "pcm16"})]
    wanted = LegacyTranscriptionSessionCreateRequest(input_audio_format="pcm16")
    with pytest.warns(DeprecationWarning, match="transcription_sessions"):
        answer = api(lambda client: client.transcription_sessions.create(wanted))
    assert answer.id == "sess_1"
    assert server.seen[0].path == "/v1/realtime/transcription_sessions"
    assert server.seen[0].json == {"input_audio_format": "pcm16"}


# --- what is refused ----------------------------------------------------------------------------

SESSION = {"type": "realtime"}
Ask = Callable[[Any], Any]


@pytest.mark.parametrize(
    ("ask", "path", "words"),
    [
        (lambda c: c.client_secrets.create(expires_after=5), "$.expires_after.seconds", "10 to"),
        (
            lambda c: c.client_secrets.create(session={"type": "realtime", "voice": "ash"}),
            "$.session.voice",
            "did you mean 'audio.output.voice'",
        ),
        (
            lambda c: c.client_secrets.create(session=RealtimeSession(id="sess_1")),
            "$.session.id",
            "leave it out",
        ),
        (
            lambda c: c.client_secrets.create(session={"type": "translation", "model": "m"}),
            "$.session.type",
            "one of 'realtime', 'transcription'",
        ),
        (
            lambda c: c.client_secrets.create(
                session={"type": "realtime", "instructions": "\ud800"}
            ),
            "$.session.instructions",
            "half a character",
        ),
        (
            lambda c: c.client_secrets.create(extra={"a": float("nan")}),
            "$.a",
            "finite number",
        ),
        (
            lambda c: c.translations.client_secrets.create(session={}),
            "$.session.model",
            "string",
        ),
        (lambda c: c.calls.create(""), "$.sdp", "begins with v="),
        (lambda c: c.calls.create(OFFER.encode()), "$.sdp", "got bytes"),
        (lambda c: c.calls.create({"type": "offer", "sdp": OFFER}), "$.sdp", "the field sdp"),
        (
            lambda c: c.calls.create(OFFER, session={"type": "transcription"}),
            "$.session.type",
            "'realtime'",
        ),
        (lambda c: c.calls.accept("rtc_9", session=TranscriptionSession()), "$", "RealtimeSession"),
        (lambda c: c.calls.accept("evt_1", session=SESSION), "call", "data.call_id"),
        (lambda c: c.calls.accept("", session=SESSION), "call", "begins with rtc_"),
        (lambda c: c.calls.hangup("../x"), "call", "begins with rtc_"),
        (lambda c: c.calls.hangup(".."), "call", "begins with rtc_"),
        (lambda c: c.calls.hangup(None), "call", "begins with rtc_"),
        (lambda c: c.calls.hangup(attrs.evolve(CALL, data={})), "call", "begins with rtc_"),
        (lambda c: c.calls.reject("rtc_9", status_code=200), "$.status_code", "300 to 699"),
        (lambda c: c.calls.reject("rtc_9", status_code="486"), "$.status_code", "integer"),
        (lambda c: c.calls.refer("rtc_9", "+15551234567"), "$.target_uri", "such as tel:"),
        (lambda c: c.calls.refer("rtc_9", "tel:+1\r\nX: y"), "$.target_uri", "such as tel:"),
    ],
)
def test_what_the_caller_gets_wrong_is_not_sent(
    api: Any, server: HttpServer, ask: Ask, path: str, words: str
) -> None:
    with pytest.raises(voxwire.InvalidRequest) as caught:
        api(ask)
    assert caught.value.path == path
    assert words in str(caught.value)
    assert server.seen == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_retries": -1}, "max_retries=-1"),
        ({"headers": {"X-Trace": "a\r\nb"}}, "X-Trace"),
        ({"headers": {"X-Trace": "ü"}}, "X-Trace"),
        ({"time_out": 3}, "'time_out' is no argument here; further ones are extra, headers"),
    ],
)
def test_options_that_cannot_be_are_not_sent(
    api: Any, server: HttpServer, options: Any, words: str
) -> None:
    with pytest.raises(voxwire.InvalidOption, match=words):
        api(lambda client: client.calls.hangup("rtc_9", **options))
    assert server.seen == []


def test_the_awaited_client_tells_at_the_call_and_not_at_the_await() -> None:
    client = voxwire.AsyncClient(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(voxwire.InvalidRequest):
        client.calls.hangup("")


# --- the whole answer ---------------------------------------------------------------------------


def test_the_whole_answer_is_there_for_who_asks(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(200, SECRET, {"x-request-id": "req_5", "X-Own": "yes"})]
    raw = api(lambda client: client.client_secrets.create.raw(expires_after=60))
    assert raw.parsed.value == "ek_0123456789"
    assert (raw.status, raw.request_id, raw.attempts) == (200, "req_5", 1)
    assert raw.headers["x-own"] == "yes"
    assert json.loads(raw.content) == json.loads(raw.text) == SECRET
    assert (raw.method, raw.url) == ("POST", f"{server.url}/realtime/client_secrets")
    assert "ek_" not in repr(raw)


def test_an_operation_can_be_made_before_it_is_sent(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(404, {}, {"apim-request-id": "azure-1"})]
    operation = voxwire.http.hangup_call("rtc_9")
    raw = api(lambda client: client.send(operation))
    assert raw.parsed is False
    assert (raw.status, raw.request_id) == (404, "azure-1")


def test_both_clients_offer_the_same() -> None:
    def offered(client: Any) -> dict[str, Any]:
        return {
            f"{name}.{method}": entry.__wrapped__
            for name, group in vars(client).items()
            if not name.startswith("_")
            for method, entry in vars(getattr(group, "client_secrets", group)).items()
        }

    sync = offered(voxwire.Client(api_key="sk-none"))
    assert len(sync) == 9
    assert sync == offered(voxwire.AsyncClient(api_key="sk-none"))
    assert all(function.__doc__ for function in sync.values())
