"""The audit of the locks: a finding fails, no answer is said to be none, every pin has its hash."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = """\
attrs==26.1.0 \\
    --hash=sha256:{0}
    # via -r something
idna==3.6 ; python_version > '3' \\
    --hash=sha256:{0} \\
    --hash=sha256:{1}
"""


@pytest.fixture(scope="module")
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(LOCK.format("a" * 64, "b" * 64))
    return path


@pytest.fixture
def database() -> Iterator[str]:
    """A database of advisories that has one, on idna."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            known = asked["package"]["name"] == "idna"
            event = [{"introduced": "0"}, {"fixed": "3.7"}]
            package = {"name": "idna", "ecosystem": "PyPI"}
            affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": event}]}]
            one = {"id": "GHSA-x", "aliases": ["CVE-1"], "details": "slow", "affected": affected,
                   "published": "2026-01-01T00:00:00Z"}  # fmt: skip
            body = json.dumps({"vulns": [one]} if known else {}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_finding_fails(
    audit: Any, lock: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([str(lock), "--osv-url", database]) == 1
    told = capsys.readouterr().out
    assert "idna 3.6: CVE-1, fixed in 3.7" in told
    assert "2 pins audited, 0 could not be: 1 known vulnerabilities" in told


def test_one_that_was_looked_at_and_does_no_harm_here(
    audit: Any, lock: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([str(lock), "--osv-url", database, "--ignore", "CVE-1"]) == 0
    assert "0 known vulnerabilities" in capsys.readouterr().out


def test_no_answer_is_said_to_be_none(
    audit: Any, lock: Path, unused_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([str(lock), "--osv-url", f"http://127.0.0.1:{unused_tcp_port}/"]) == 0
    told = capsys.readouterr().out
    assert "NOT AUDITED" in told
    assert "vulnerabilities" not in told


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("attrs==26.1.0", "attrs>=26", "lock.txt:1: not pinned"),
        ("attrs==26.1.0", "attrs @ https://host/attrs.whl", "lock.txt:1: not pinned"),
        ("idna==3.6", "attrs==26.1.0", "lock.txt:4: attrs==26.1.0 has other hashes"),
        (f" \\\n    --hash=sha256:{'a' * 64}\n    #", "\n#", "lock.txt:1: attrs==26.1.0 has no"),
        ("sha256:" + "a" * 64, "md5:" + "a" * 32, "has no sha256 hash"),
    ],
)
def test_a_pin_without_what_it_needs_fails(
    audit: Any, lock: Path, old: str, new: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lock.write_text(lock.read_text().replace(old, new))
    assert audit.main(["--pins-only", str(lock), str(lock)]) == 1
    assert words in capsys.readouterr().out


def test_the_locks_of_this_repository_have_their_hashes(audit: Any) -> None:
    locks = [path for path in ROOT.glob("requirements/*.txt") if path.name != "overrides.txt"]
    assert len(locks) >= 4
    known: dict[str, frozenset[str]] = {}
    wrong = [problem for lock in locks for problem in audit.unpinned(lock, known)]
    assert wrong == []
    assert len(known) > 100
