"""What an import costs, each time in a new interpreter: time of the processor, and memory.

Compiled code is kept, as it is where programs are installed: what is imported from sources here
must not be compiled anew each time, when the others have been compiled by pip. The first import
here compiles, and is not counted.
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

# Much of a package may be imported late: this is what a program has at hand that connects. It comes
# behind the import, and counts with it.
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
def told():
    return [(time.process_time() - began) * 1e3, (resident() - before) / 1e6]
before, began = resident(), time.process_time()
{first}
imported = told()
{then}
ready = told()
print(json.dumps(dict(zip(["cpu ms", "MB", "ready cpu ms", "ready MB"], imported + ready))))
"""


def measure(contender: str) -> dict[str, float]:
    """Milliseconds and megabytes of one import, and of all that it takes to connect."""
    if contender == "voxwire":  # pip has compiled the others
        _compiled(contender)
    done = _run(contender)
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        return {"error": last}  # type: ignore[dict-item]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _run(contender: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    program = _PROGRAM.format(first=IMPORTS[contender], then=READY[contender])
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=kept
    )


_compiled = cache(_run)
