"""Exchanges recorded with the service: what it was sent, we send; what it said, we read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from http_server import Answer, HttpServer, parts

from voxwire import RealtimeSession, ServerVad, problems


def exchange(recordings: Path, name: str) -> tuple[Any, Any]:
    path = recordings / name
    if not path.is_file():
        pytest.skip(f"no {name} among the recordings")
    (interaction,) = json.loads(path.read_bytes())["interactions"]
    return interaction["request"], interaction["response"]


def answer_of(response: Any) -> Answer:
    left_out = {"connection", "content-length", "transfer-encoding"}
    headers = {
        name: ", ".join(values)
        for name, values in response["headers"].items()
        if name not in left_out
    }
    recorded = response.get("parsed_body")
    body = recorded if recorded is not None else response["body"]["string"].encode()
    return Answer(response["status"]["code"], body, headers)


def test_a_client_secret(api: Any, server: HttpServer, recordings_dir: Path) -> None:
    request, response = exchange(recordings_dir, "http__webrtc__test_create_client_secret.json")
    server.plan = [answer_of(response)]
    asked = request["parsed_body"]
    session = RealtimeSession.from_dict(asked["session"])
    assert isinstance(session.audio.input.turn_detection, ServerVad)  # type: ignore[union-attr]
    raw = api(lambda c: c.client_secrets.create.raw(session=session, expires_after=60))
    (seen,) = server.seen
    assert seen.method == request["method"]
    assert request["uri"].endswith(seen.path)
    assert seen.headers["content-type"] == request["headers"]["content-type"][0]
    assert seen.json == asked
    said = response["parsed_body"]
    assert raw.parsed.value == said["value"]
    assert raw.parsed.expires_at == said["expires_at"]
    assert raw.parsed.to_dict() == said
    assert list(problems(raw.parsed)) == []
    assert raw.headers["openai-processing-ms"] == "428"


def test_a_webrtc_offer(api: Any, server: HttpServer, recordings_dir: Path) -> None:
    name = "http__openai_ws__test_webrtc_sideband_text_turn.json"
    request, response = exchange(recordings_dir, name)
    server.plan = [answer_of(response)]
    form = parts(request["body"].encode(), request["headers"]["content-type"][0])
    offer, session = form["sdp"][1].decode(), json.loads(form["session"][1])
    raw = api(lambda c: c.calls.create.raw(offer, session=session))
    (seen,) = server.seen
    assert request["uri"].endswith(seen.path)
    sent = parts(seen.body, seen.headers["content-type"])
    assert sent["sdp"] == form["sdp"]
    assert sent["session"][0] == form["session"][0]
    assert json.loads(sent["session"][1]) == session
    assert list(sent) == list(form)
    assert raw.status == 201
    assert raw.parsed.sdp == response["body"]["string"]
    assert raw.parsed.sdp.count("\r\n") == raw.parsed.sdp.count("\n") > 30
    assert raw.parsed.call_id == "rtc_u0_E4TeWIkEAnw5DOa1vyO18"
