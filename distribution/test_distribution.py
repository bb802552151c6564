"""What people install: wheel and sdist, built from this checkout and tried in empty environments.

Needs a package registry, and nothing else. Not part of the tests, which need none.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = {"attrs", "httpx", "msgspec", "pybase64", "websockets"}


def run(*command: str | Path, cwd: Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert not ok or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


class Room:
    """An environment with nothing in it but what is put there, and an empty folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.work = home / "work"
        venv.EnvBuilder(with_pip=False, symlinks=True).create(home)
        self.work.mkdir()
        self.python = home / "bin" / "python"

    def install(self, *what: str | Path) -> None:
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
        run(*pip, "--python", self.python, "install", *what, cwd=self.work)

    def check(self, program: str, *, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program that finds nothing but what is installed."""
        return run(self.python, "-I", "-W", "error", "-c", program, cwd=self.work, ok=ok)

    @property
    def installed(self) -> set[str]:
        [site] = self.home.glob("lib/python*/site-packages")
        found = importlib.metadata.distributions(path=[str(site)])
        return {canonicalize_name(each.name) for each in found}

    def needed(self, name: str) -> set[str]:
        """A distribution and all that it needs without extras."""
        [site] = self.home.glob("lib/python*/site-packages")
        known = {
            canonicalize_name(each.name): each
            for each in importlib.metadata.distributions(path=[str(site)])
        }
        wanted, found = {name}, set[str]()
        while wanted:
            found.add(each := wanted.pop())
            requirements = [Requirement(line) for line in known[each].requires or ()]
            wanted |= {
                canonicalize_name(needed.name)
                for needed in requirements
                if needed.marker is None or needed.marker.evaluate({"extra": ""})
            } - found
        return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build = ("-m", "hatchling", "build", "-d", folder, "-t", "sdist", "-t", "wheel")
    run(sys.executable, *build, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [found] = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    [found] = built.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def room(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Room:
    """The wheel in an empty environment, without extras."""
    room = Room(tmp_path_factory.mktemp("core"))
    room.install(wheel)
    return room


def contents(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_they_pass_the_registrys_check(wheel: Path, sdist: Path) -> None:
    done = run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist, cwd=ROOT)
    assert done.stdout.count("PASSED") == 2, done.stdout


def test_a_wheel_from_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-d", tmp_path, "-t", "wheel", cwd=source)
    assert contents(tmp_path / wheel.name) == contents(wheel)


def test_the_sdist_has_what_is_needed_to_work_on_it(sdist: Path) -> None:
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    tracked = run("git", "ls-files", "src", "generated", "specs", "codegen", cwd=ROOT).stdout
    assert set(tracked.split()) <= names
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_has_the_two_packages_typed_and_nothing_else(wheel: Path) -> None:
    names = set(contents(wheel))
    assert {name.split("/")[0] for name in names} == {
        "voxwire", "voxwire_protocol", f"voxwire-{PROJECT['version']}.dist-info",
    }  # fmt: skip
    assert {"voxwire/py.typed", "voxwire_protocol/py.typed"} <= names
    tracked = run("git", "ls-files", "src", "generated/voxwire_protocol", cwd=ROOT).stdout.split()
    wanted = {name.removeprefix("src/").removeprefix("generated/") for name in tracked}
    assert {name for name in names if "dist-info" not in name} == wanted


def test_the_metadata_says_what_is_true(wheel: Path) -> None:
    [name] = [name for name in contents(wheel) if name.endswith("/METADATA")]
    about: Message = HeaderParser().parsestr(contents(wheel)[name].decode())
    assert (about["Name"], about["Version"]) == ("voxwire", PROJECT["version"])
    assert about["License-Expression"] == "MIT"
    assert about.get_all("License-File") == ["LICENSE"]
    assert about["Requires-Python"] == ">=3.11"
    assert about["Description-Content-Type"] == "text/markdown"
    assert about.get_payload() == (ROOT / "README.md").read_text()
    classifiers = about.get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    assert f"Programming Language :: Python :: 3.{sys.version_info.minor}" in classifiers
    assert set(about.get_all("Provides-Extra") or ()) == set(PROJECT["optional-dependencies"])


def test_the_version_is_the_same_everywhere(room: Room) -> None:
    program = "import importlib.metadata, voxwire; print(voxwire.__version__)"
    assert room.check(program).stdout.strip() == PROJECT["version"]


def test_the_core_brings_five_and_theirs(room: Room) -> None:
    direct = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert direct == RUNTIME
    assert room.installed == room.needed("voxwire")


def test_every_name_works_without_extras(room: Room) -> None:
    room.check(
        "import voxwire, voxwire.sync, voxwire.emulator, voxwire.http, voxwire.http.webhooks\n"
        "assert len([getattr(voxwire, name) for name in voxwire.__all__]) > 300"
    )


CONVERSATION = """
import asyncio, voxwire, voxwire.sync
from voxwire.emulator import Emulator

def rain(city: str) -> str:
    "Whether it rains."
    return f"yes, in {city}"

async def main():
    async with Emulator() as server:
        server.on("Oslo", call="rain", arguments={"city": "Oslo"})
        server.on(output_of="rain", reply="Take an umbrella.")
        async with voxwire.connect(url=server.url, tools=[rain]) as session:
            answer = await session.say("Oslo?")
            assert answer.transcript == "Take an umbrella.", answer
            sound = b"".join([piece async for piece in session.say("Hello there").audio])
            assert len(sound) > 4800, len(sound)
            assert session.usage.cost().total > 0
        def plain():
            with voxwire.sync.connect(url=server.url, output_modalities=["text"]) as session:
                return session.say("Hello").wait().text
        assert await asyncio.to_thread(plain) == "Hello"
        base = server.url.replace("ws", "http", 1).removesuffix("/realtime")
        secrets = voxwire.Client(api_key="sk-test", base_url=base).client_secrets
        assert (await asyncio.to_thread(secrets.create)).value.startswith("ek_")

asyncio.run(main())
print("done")
"""


def test_a_conversation_on_the_core_alone(room: Room) -> None:
    assert room.check(CONVERSATION).stdout == "done\n"


WITHOUT: dict[str, str] = {
    "audio": "import asyncio; from voxwire import LocalAudio\n"
    "from voxwire.protocol.audio_format import PCM16\nLocalAudio().open(PCM16, PCM16)",
    "cli": "from voxwire.cli import main; main()",
    "emulator": "import voxwire.emulator.script as s\n"
    "open('x.yaml', 'w').write('rules: []'); s.load('x.yaml')",
    "otel": "import voxwire.telemetry",
    "redis": "from voxwire.store import RedisStore; RedisStore('redis://localhost')",
    "relay": "import voxwire.relay",
    "socks": "import voxwire; voxwire.Client(api_key='k', proxy='socks5://127.0.0.1:9')",
}
"""What needs an extra."""


def test_each_extra_is_tried() -> None:
    assert WITHOUT.keys() == PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("extra", WITHOUT)
def test_what_is_missing_names_its_extra(extra: str, room: Room) -> None:
    done = room.check(WITHOUT[extra], ok=False)
    assert done.returncode != 0
    assert f"voxwire[{extra}]" in done.stderr.strip().splitlines()[-1], done.stderr


def test_the_extras_are_described() -> None:
    for page in ("README.md", "docs/quickstart.md"):
        rows = re.findall(r"^\| `(\w+)` \|", (ROOT / page).read_text(), re.MULTILINE)
        assert set(PROJECT["optional-dependencies"]) <= set(rows), page


def test_the_demo_and_the_command(room: Room, wheel: Path) -> None:
    room.install(f"{wheel}[cli]")
    done = run(room.python, ROOT / "examples" / "demo.py", cwd=room.work)
    assert "harbour" in done.stdout
    assert (room.work / "out" / "demo.jsonl").stat().st_size > 0
    voxwire = room.home / "bin" / "voxwire"
    linted = run(voxwire, "lint", room.work / "out" / "demo.jsonl", cwd=room.work)
    assert linted.returncode == 0
    room.check(CONVERSATION)


def test_the_lowest_versions_work(wheel: Path, tmp_path: Path) -> None:
    floors = tmp_path / "floors.txt"
    floors.write_text("\n".join(line.replace(">=", "==") for line in PROJECT["dependencies"]))
    room = Room(tmp_path / "lowest")
    room.install(wheel, "-c", floors)
    assert room.check(CONVERSATION).stdout == "done\n"
    room.check("import voxwire\nfor name in voxwire.__all__: getattr(voxwire, name)")


def test_no_page_invents_an_address() -> None:
    assert "urls" not in PROJECT
    tree = ast.parse((ROOT / "src" / "voxwire" / "__init__.py").read_text())
    assert ast.get_docstring(tree)
