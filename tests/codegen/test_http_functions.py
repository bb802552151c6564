"""The generated HTTP functions: what goes over the wire, on the classes of models.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Runner = Callable[[Path, str], str]


SETUP = r"""
import httpx
from voxwire_protocol import LabelForm, OwnLabel, TextPart, ThingMade
from voxwire_protocol.http.api.things import print_label
from voxwire_protocol.http.client import Client
from voxwire_protocol.http.errors import UnexpectedStatus

seen = []
def answer(request):
    seen.append(request)
    status = 503 if request.headers.get("x-fail") else 200
    return httpx.Response(
        status, json={"type": "thing.made", "part": {"kind": "text", "text": "hi"}}
    )
def client(**options):
    made = Client(base_url="http://things.test", **options)
    return made.set_httpx_client(
        httpx.Client(base_url="http://things.test", transport=httpx.MockTransport(answer))
    )
"""


def test_text_goes_out_as_it_is(mini: Path, run_with: Runner) -> None:
    program = r"""
text = "first\r\nsecond\r\n"
got = print_label.sync(thing_id="a/b", client=client(), body=text)
assert got == ThingMade(part=TextPart(text="hi"))
(request,) = seen
assert request.url.raw_path == b"/things/a%2Fb/label", request.url.raw_path
assert request.headers["content-type"] == "text/x-label"
assert request.content == text.encode()
"""
    run_with(mini, SETUP + program)


def test_the_parts_of_a_form_have_their_media_types(mini: Path, run_with: Runner) -> None:
    program = r"""
form = LabelForm(text="first\r\nsecond\r\n", label=OwnLabel(size=2))
print_label.sync(thing_id="a", client=client(), body=form)
(request,) = seen
kind, _, boundary = request.headers["content-type"].partition("; boundary=")
assert kind == "multipart/form-data"
parts = request.content.split(b"--" + boundary.encode())[1:-1]
text, label = (part.strip(b"\r\n") if i else part[2:-2] for i, part in enumerate(parts))
head, _, body = text.partition(b"\r\n\r\n")
assert b'name="text"' in head and b"Content-Type: text/x-label" in head
assert body == b"first\r\nsecond\r\n", body
head, _, body = label.partition(b"\r\n\r\n")
assert b"Content-Type: application/json" in head and body == b'{"size": 2}'
"""
    run_with(mini, SETUP + program)


def test_other_statuses_give_nothing_or_raise(mini: Path, run_with: Runner) -> None:
    program = r"""
failing = client()
failing.get_httpx_client().headers["x-fail"] = "1"
got = print_label.sync_detailed(thing_id="a", client=failing, body="x")
assert got.status_code == 503 and got.parsed is None
failing.raise_on_unexpected_status = True
try:
    print_label.sync(thing_id="a", client=failing, body="x")
except UnexpectedStatus as error:
    assert error.status_code == 503
else:
    raise AssertionError("nothing was raised")
"""
    run_with(mini, SETUP + program)


def test_it_works_without_blocking(mini: Path, run_with: Runner) -> None:
    program = r"""
import asyncio
async def main():
    made = Client(base_url="http://things.test")
    made.set_async_httpx_client(
        httpx.AsyncClient(base_url="http://things.test", transport=httpx.MockTransport(answer))
    )
    return await print_label.asyncio_detailed(thing_id="a", client=made, body="x")
got = asyncio.run(main())
assert got.parsed == ThingMade(part=TextPart(text="hi")) and got.status_code == 200
"""
    run_with(mini, SETUP + program)
