"""What an error tells, what it does not, and what is logged. Both clients."""

from __future__ import annotations

import base64
import builtins
import logging
import re
import traceback
from typing import Any

import pytest
from http_server import Answer, HttpServer, Slam

import voxwire
from voxwire import McpTool, RealtimeSession, errors

KEY = "sk-test-0123456789abcdef"
OFFER = "v=0\r\ns=-\r\na=ice-pwd:W0ndrous\r\n"
SECRET = {"value": "ek_9876543210", "expires_at": 1, "session": {"type": "realtime"}}


def make_secret(client: Any) -> Any:
    return client.client_secrets.create(expires_after=60)


def failing(api: Any, **options: Any) -> voxwire.HttpError:
    with pytest.raises(voxwire.HttpError) as caught:
        api(make_secret, max_retries=0, **options)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, voxwire.BadRequest),
        (401, voxwire.Unauthorized),
        (403, voxwire.Forbidden),
        (404, voxwire.NotFound),
        (405, voxwire.HttpStatusError),
        (409, voxwire.Conflict),
        (422, voxwire.UnprocessableEntity),
        (429, voxwire.TooManyRequests),
        (500, voxwire.InternalServerError),
        (503, voxwire.InternalServerError),
        (599, voxwire.InternalServerError),
    ],
)
def test_the_class_is_by_status_and_holds_what_the_server_said(
    api: Any, server: HttpServer, status: int, kind: type[voxwire.HttpStatusError]
) -> None:
    body = {
        "error": {
            "message": "Unknown field",
            "type": "invalid_request_error",
            "param": "session.mood",
            "code": "unknown_parameter",
        }
    }
    server.plan = [Answer(status, body, {"x-request-id": "req_1", "X-Own": "1"})]
    error = failing(api)
    assert type(error) is kind
    assert isinstance(error, voxwire.VoxwireError)
    assert error.status == status
    assert error.type == "invalid_request_error"
    assert error.param == "session.mood"
    assert error.code == "unknown_parameter"
    assert error.request_id == "req_1"
    assert error.body == body
    assert error.response is not None
    assert error.response.headers["x-own"] == "1"
    assert error.attempts == 1
    for word in (f"HTTP {status}", "Unknown field", "unknown_parameter", "req_1"):
        assert word in str(error)


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"error": "no such thing"}, "no such thing", None),
        ({"message": "no such thing", "code": 42}, "no such thing", "42"),
        ({"detail": "no such thing"}, "no such thing", None),
        ({"error": {"message": None, "code": None}}, "HTTP 400", None),
        ({"error": {"message": ["odd"], "code": {"odd": 1}, "param": 3, "type": True}}, "", None),
        ({"error": None}, "HTTP 400", None),
        (["odd"], "HTTP 400", None),
        (b"plainly wrong", "plainly wrong", None),
        (b"", "HTTP 400", None),
        (b"\xff\xfe", "HTTP 400", None),
    ],
)
def test_a_body_of_any_shape_makes_an_error(
    api: Any, server: HttpServer, body: Any, message: str, code: str | None
) -> None:
    server.plan = [Answer(400, body)]
    error = failing(api)
    assert type(error) is voxwire.BadRequest
    assert message in str(error)
    assert error.code == code


def test_a_long_body_is_cut_in_the_message_and_not_in_the_error(
    api: Any, server: HttpServer
) -> None:
    server.plan = [Answer(502, b"<html>" + b"x" * 10_000)]
    error = failing(api)
    assert len(str(error)) < 500
    assert len(error.body) == 10_006


def test_a_broken_connection_tells_of_itself(api: Any, server: HttpServer) -> None:
    server.plan = [Slam()]
    error = failing(api)
    assert type(error) is voxwire.HttpConnectionError
    assert (error.status, error.response, error.body) == (None, None, None)
    assert "create_client_secret (attempt 1)" in str(error)


# --- keys ---------------------------------------------------------------------------------------


def everything(error: BaseException) -> str:
    """All that a log of the error may show."""
    return "\n".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@pytest.mark.parametrize(
    ("key", "options"),
    [
        (KEY, {}),
        ("an-odd-one-of-a-clone", {"api_key": "an-odd-one-of-a-clone"}),
        ("a-token-of-azure", {"api_key": lambda: "a-token-of-azure"}),
        ("in-a-header", {"headers": {"api-key": "in-a-header"}}),
    ],
)
@pytest.mark.parametrize("status", [401, 200, 302])
def test_a_key_that_the_server_echoes_is_not_shown(
    api: Any, server: HttpServer, key: str, options: Any, status: int
) -> None:
    echo = {"error": {"message": f"Incorrect API key provided: {key}", "headers": {"k": [key]}}}
    server.plan = [Answer(status, echo, {"location": f"/?x={key}", "content-type": f"text/{key}"})]
    error = failing(api, **options)
    assert server.seen[0].headers.get("authorization", "") or server.seen[0].headers["api-key"]
    assert key not in everything(error)
    assert "<redacted>" in str(error.body)


def test_a_header_that_cannot_be_written_is_not_shown(api: Any) -> None:
    key = "-".join(("a", "secret", "thing"))  # put together, for a traceback shows these lines
    with pytest.raises(voxwire.InvalidOption, match="X-Key") as caught:
        api(make_secret, headers={"X-Key": f"{key}\n"})
    assert key not in everything(caught.value)


def test_logs_hold_what_happened_and_no_secret(
    api: Any, server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    mcp = McpTool(server_label="crm", authorization="mcp-token-1", headers={"X-Key": "mcp-key-2"})
    session = RealtimeSession(instructions="Be brief.", tools=[mcp])
    server.plan = [
        Answer(500, b"", {"x-request-id": "req_7"}),
        Answer(200, SECRET, {"set-cookie": "session-cookie-3"}),
        Answer(201, OFFER.encode()),
        Answer(201, OFFER.encode()),
    ]
    with caplog.at_level(logging.DEBUG):
        api(lambda client: client.client_secrets.create(session=session))
        api(lambda client: client.calls.create(OFFER, session=session))
        cookie = {"Cookie": "tasty-cookie"}
        api(lambda client: client.calls.create(OFFER), headers=cookie, api_key="ek_9876543210")
    said = [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
    ours = "\n".join(line for line in said if "attempt" in line)
    for word in (
        "DEBUG -> create_client_secret (attempt 1)",
        "Be brief.",
        "DEBUG <- create_client_secret (attempt 1): 500, request req_7",
        "INFO create_client_secret (attempt 1): InternalServerError; again in 0.500 s",
        "DEBUG -> create_call (attempt 1)",
        f"<SDP, {len(OFFER)} bytes>",
    ):
        assert word in ours
    for secret in (KEY, "ek_98", "mcp-token-1", "mcp-key-2", "W0ndrous", "tasty"):
        assert secret not in "\n".join(said)
    assert "cookie-3" not in ours


def test_nothing_shows_the_key_of_a_client() -> None:
    for kind in (voxwire.Client, voxwire.AsyncClient):
        client = kind(api_key=KEY, headers={"Cookie": "tasty-cookie"})
        shown = repr(client) + repr(client._line.settings)
        assert "https://api.openai.com/v1" in shown
        assert "sk-" not in shown
        assert "tasty" not in shown


def test_a_key_of_its_own_for_a_call_is_not_shown(api: Any, server: HttpServer) -> None:
    token = base64.b64encode(b"user:word").decode()
    server.plan = [Answer(400, {"error": f"you said Basic {token}"})]
    with pytest.raises(voxwire.BadRequest) as caught:
        api(
            lambda client: client.calls.hangup("rtc_1", headers={"Authorization": f"Basic {token}"})
        )
    assert server.seen[0].headers["authorization"] == f"Basic {token}"
    assert token not in everything(caught.value)


def test_the_tree_of_errors_is_as_it_is_drawn() -> None:
    tree = (errors.__doc__ or "").split("\n\n")[1]
    drawn = re.findall(r"^ {4}([│├└─ ]*)(\w+) *(?:\((\w+)\))?", tree, re.MULTILINE)
    above: list[type] = []
    for lines, name, other in drawn:
        kind = getattr(voxwire, name)
        depth = len(lines) // 4
        assert not depth or kind.__bases__[0] is above[depth - 1], name
        assert not other or issubclass(kind, getattr(builtins, other)), name
        above[depth:] = [kind]
    offered = {name for name in voxwire.__all__ if _is_ours(getattr(voxwire, name))}
    assert {name for _, name, _ in drawn} == offered


def _is_ours(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, voxwire.VoxwireError)
