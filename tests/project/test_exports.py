"""What `voxwire` offers is what its table says, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest
import voxwire_protocol

import voxwire


def test_every_name_is_there() -> None:
    for name in voxwire.__all__:
        assert getattr(voxwire, name) is not None
    assert set(voxwire_protocol.__all__) <= set(voxwire.__all__)
    assert set(voxwire.__all__) <= set(dir(voxwire))


def test_no_name_of_the_layer_hides_one_of_the_protocol() -> None:
    assert not set(voxwire._MODULES) & set(voxwire_protocol.__all__)


def test_names_live_where_the_table_says() -> None:
    for name, module in voxwire._MODULES.items():
        home = __import__(f"voxwire.{module}", fromlist=[name])
        assert getattr(home, name) is getattr(voxwire, name)


@pytest.mark.parametrize("name", ["nothing", "__wrapped__", "connct"])
def test_other_names_are_no_attributes(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'voxwire' has no attribute '{name}'"):
        getattr(voxwire, name)


def test_importing_loads_neither_models_nor_sockets() -> None:
    program = (
        "import sys, voxwire\n"
        "heavy = {'attrs', 'msgspec', 'httpx', 'websockets', 'asyncio', 'voxwire_protocol'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
