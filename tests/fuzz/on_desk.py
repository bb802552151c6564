"""What holds for the HTTP half of the emulator, whatever the body says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from voxwire.emulator import Emulator
from voxwire.emulator.http_api import Answer, Request

from .cases import Case

SOUND = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"

PATHS = {
    "secrets": "/v1/realtime/client_secrets",
    "translation": "/v1/realtime/translations/client_secrets",
    "sessions": "/v1/realtime/sessions",
    "transcriptions": "/v1/realtime/transcription_sessions",
    "accept": "/v1/realtime/calls/{call}/accept",
    "reject": "/v1/realtime/calls/{call}/reject",
    "refer": "/v1/realtime/calls/{call}/refer",
}


def play(case: Case) -> None:
    """Post every body to the path of the target; calls ring anew for each."""
    path = PATHS[case.target.split()[1]]
    for step in case.steps:
        server = Emulator()
        call = server.incoming_call()["data"]["call_id"]
        request = Request(
            method="POST",
            path=path.replace("{call}", call),
            query={},
            headers={"content-type": "application/json"},
            body=step.frame,
        )
        # A call that is accepted begins its session: that wants a loop.
        answer = asyncio.run(_answer(server, request))
        assert answer.status < 500, answer.body
        told: Any = json.loads(answer.body or b"{}")
        assert (answer.status >= 400) == ("error" in told), answer.body


async def _answer(server: Emulator, request: Request) -> Answer:
    answer = server.host.desk.answer(request)
    await server.host.close()
    return answer
