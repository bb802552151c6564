"""Real Redis servers for tests, alone or as a cluster: on ports of their own, gone afterwards."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MISSING = "no redis-server here (Debian: apt-get install redis-server)"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, nor 10,000 above them, where a cluster node has its bus."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as lower, socket.socket() as upper:
            lower.bind(("127.0.0.1", 0))
            port = lower.getsockname()[1]
            if port > 55_000 or port in found:
                continue
            with contextlib.suppress(OSError):
                upper.bind(("127.0.0.1", port + 10_000))
                found.append(port)
    return found


class RedisServer:
    """One ``redis-server``. Can be stopped, frozen and started again on the same port."""

    def __init__(self, folder: Path, *, port: int | None = None, cluster: bool = False) -> None:
        self.port = port or free_ports(1)[0]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = ["--cluster-enabled", "yes"] if cluster else []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip(MISSING)
        self._process = subprocess.Popen(
            [
                program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder,
                "--save", "", "--appendonly", "yes", "--appendfsync", "no",
                "--appenddirname", f"aof-{self.port}",
                "--cluster-config-file", f"nodes-{self.port}.conf",
                "--cluster-node-timeout", "2000", *self._options,
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(500):
            with contextlib.suppress(OSError):
                if self.cli("PING") == "PONG":
                    return
            if self._process.poll() is not None:
                raise RuntimeError("redis-server ended at once")
            time.sleep(0.01)
        raise RuntimeError("redis-server does not answer")

    def cli(self, *command: str) -> str:
        """One command, as text; an error of the server is its text."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as line:
            parts = [part.encode() for part in command]
            line.sendall(b"*%d\r\n" % len(parts))
            for part in parts:
                line.sendall(b"$%d\r\n%s\r\n" % (len(part), part))
            reader = line.makefile("rb")
            head = reader.readline().rstrip()
            if head[:1] == b"$":
                return reader.read(int(head[1:])).decode() if head != b"$-1" else ""
            return head[1:].decode()

    def freeze(self) -> None:
        """It is there, and does not answer."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """As ``kill -9`` does it."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def wipe(self) -> None:
        """Forget all that was stored, while it is stopped."""
        shutil.rmtree(self._folder / f"aof-{self.port}")

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def redis_cluster(shards: int = 3) -> Iterator[list[RedisServer]]:
    """A cluster of primaries, all slots shared out."""
    with tempfile.TemporaryDirectory() as folder:
        nodes = [RedisServer(Path(folder), port=p, cluster=True) for p in free_ports(shards)]
        try:
            for number, node in enumerate(nodes):
                node.start()
                first, last = number * 16384 // shards, (number + 1) * 16384 // shards - 1
                assert node.cli("CLUSTER", "ADDSLOTSRANGE", str(first), str(last)) == "OK"
                node.cli("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            for node in nodes[1:]:
                nodes[0].cli("CLUSTER", "MEET", "127.0.0.1", str(node.port))
            for _ in range(1000):
                if all("cluster_state:ok" in node.cli("CLUSTER", "INFO") for node in nodes) and all(
                    f"cluster_known_nodes:{shards}" in node.cli("CLUSTER", "INFO") for node in nodes
                ):
                    break
                time.sleep(0.01)
            else:
                raise RuntimeError("the cluster does not come together")
            yield nodes
        finally:
            for node in nodes:
                node.stop()
