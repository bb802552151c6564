"""What holds for recordings that others have made, and for webhooks: both are read as they are."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from voxwire import report
from voxwire.errors import RecordingError
from voxwire.http import webhooks
from voxwire.recording.diff import compare
from voxwire.recording.frames import Entry
from voxwire.recording.reader import read_redacted

from .cases import Case

SECRET = "whsec_" + "QUFB" * 8


def play(case: Case) -> None:
    """Write the frames as lines of a recording, read them back, and look into them."""
    lines = [b'{"dir": "meta", "format": 1}']
    for step in case.steps:
        frame = b" ".join(step.frame.split(b"\n"))
        head = b'{"t": 0.5, "dir": "%b", ' % step.kind.encode()
        lines.append(step.frame if step.kind == "line" else head + b'"event": ' + frame + b"}")
    try:
        entries = _read(b"\n".join(lines))
        found = report.read(iter(entries), name="case")
    except RecordingError:
        return  # a line that is none, or nothing in it: what is wrong is said
    json.dumps(found.to_dict())
    if "NaN" in str([str(step.what) for step in case.steps]):
        return  # which is never the same
    assert not compare(entries, entries).differences, "a recording differs from itself"


def _read(text: bytes) -> list[Entry]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.jsonl"
        path.write_bytes(text)
        return list(read_redacted(path))


def play_webhook(case: Case) -> None:
    """Sign each frame as the body of a webhook, and unwrap it."""
    for step in case.steps:
        headers = webhooks.sign(step.frame, SECRET, timestamp=1)
        event: Any = webhooks.unwrap(step.frame, headers, SECRET, clock=lambda: 1.0)
        repr(event), hash(event)
        if type(event).__name__ == "RealtimeCallIncoming":
            assert isinstance(event.data.call_id, str)
