"""What an import costs, each time in a new interpreter: time of the processor, and memory.

Compiled code is kept, as it is where programs are installed: what is imported from sources here
must not be compiled anew each time, when the others have been compiled by pip.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache

IMPORTS = {
    "bare": "import websockets.asyncio.client, orjson",
    "voxwire": "import voxwire",
    "openai_sdk": "import openai",
    "openai_agents": "import agents.realtime",
    "pydantic_ai": "import pydantic_ai.realtime.openai",
}

# Much of a package may be imported late: this is what a program has at hand that connects.
READY = {
    "bare": "import orjson; from websockets.asyncio.client import connect",
    "voxwire": "import voxwire; voxwire.connect(url='ws://127.0.0.1:1')",
    "openai_sdk": "import openai; openai.AsyncOpenAI(api_key='key').realtime.connect(model='a')",
    "openai_agents": "from agents.realtime import RealtimeAgent, RealtimeRunner",
    "pydantic_ai": "from pydantic_ai import Agent; import pydantic_ai.realtime.openai; Agent()",
}

_PROGRAM = """
import json, os, time
def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before, began = resident(), time.process_time()
{statement}
print(json.dumps({{"cpu ms": (time.process_time() - began) * 1e3,
                  "MB": (resident() - before) / 1e6}}))
"""


def measure(contender: str, ready: bool) -> dict[str, float]:
    """Milliseconds and megabytes of one import, or of all that it takes to connect."""
    statement = (READY if ready else IMPORTS)[contender]
    _compiled(statement)  # the first time compiles, and is not counted
    done = _run(statement)
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        return {"error": last}  # type: ignore[dict-item]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _run(statement: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(statement=statement)],
        capture_output=True,
        text=True,
        check=False,
        env=kept,
    )


_compiled = cache(_run)
