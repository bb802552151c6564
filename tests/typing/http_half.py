"""Checked by the type checkers, not run: methods of the HTTP clients keep their signatures."""

from collections.abc import Mapping
from typing import assert_type

import voxwire
from voxwire import (
    CallAnswer,
    ClientSecretCreateResponse,
    LegacySessionCreateResponse,
    RawResponse,
    RealtimeCallIncoming,
    RealtimeSession,
    TranscriptionSession,
    TranslationClientSecretCreateResponse,
    UnknownEvent,
)


def waiting(client: voxwire.Client, call: RealtimeCallIncoming) -> None:
    session = RealtimeSession(instructions="Be brief.")
    assert_type(
        client.client_secrets.create(session=session, expires_after=60, timeout=3.0),
        ClientSecretCreateResponse,
    )
    assert_type(
        client.client_secrets.create.raw(session={"type": "transcription"}),
        RawResponse[ClientSecretCreateResponse],
    )
    assert_type(
        client.translations.client_secrets.create(session={"model": "m"}),
        TranslationClientSecretCreateResponse,
    )
    assert_type(client.calls.create("v=0", session=session), CallAnswer)
    assert_type(client.calls.create("v=0").call_id, str)
    assert_type(client.calls.hangup(call, max_retries=0), bool)
    assert_type(client.sessions.create({"voice": "ash"}), LegacySessionCreateResponse)
    assert_type(client.send(voxwire.http.hangup_call("rtc_1")), RawResponse[bool])
    client.calls.accept(call, session={"type": "realtime", "audio": {"output": {"voice": "ash"}}})
    client.calls.accept(call)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.calls.refer(call, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.calls.reject(call, status=486)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def awaiting(client: voxwire.AsyncClient) -> None:
    assert_type(await client.client_secrets.create(expires_after=60), ClientSecretCreateResponse)
    assert_type(await client.calls.hangup.raw("rtc_1"), RawResponse[bool])
    assert_type((await client.calls.create("v=0")).sdp, str)
    await client.calls.refer("rtc_1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def receiving(body: bytes, headers: Mapping[str, str], pairs: list[tuple[bytes, bytes]]) -> None:
    event = voxwire.webhooks.unwrap(body, headers)
    assert_type(event, RealtimeCallIncoming | UnknownEvent)
    if isinstance(event, RealtimeCallIncoming):
        assert_type(event.data.call_id, str)
    voxwire.webhooks.verify(body, pairs, ["whsec_a", "whsec_b"])


def converting(session: RealtimeSession) -> None:
    flat = voxwire.legacy.to_legacy(session)
    assert_type(voxwire.legacy.from_legacy(flat), RealtimeSession | TranscriptionSession)
