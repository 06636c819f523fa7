"""Shared by the scripts of this folder: runs their scenarios, and notes every address outside the loopback.

A script is called with the address of the server. It prints one JSON line: which scenarios passed, how the others
failed, and the addresses outside the loopback that were looked up or connected to.
"""

import asyncio
import importlib.metadata
import inspect
import ipaddress
import json
import os
import sys
import traceback

os.environ.update(
    {
        "ANONYMIZED_TELEMETRY": "False",
        "DO_NOT_TRACK": "1",
        "LANGCHAIN_TRACING_V2": "false",
        "LANGSMITH_TRACING": "false",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "OPENAI_API_KEY": "none",
        "TIKTOKEN_CACHE_DIR": "",
    }
)

outside = []


def is_loopback(host):
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def note_outside(event, args):
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if not is_loopback(host):
        outside.append(host)
        raise OSError(f"{host} is outside the loopback")


# An audit hook sees the connections of every library. Raising alone would not do: clients catch such errors.
sys.addaudithook(note_outside)

BASE_URL = sys.argv[1] + "/v1"
MODEL = "tiny"
PROMPT = "The little lighthouse"


def fails_with(error, call):
    """The error that `call` raises, which has to be of the class `error`."""
    try:
        call()
    except error as raised:
        return raised
    raise AssertionError(f"no {error} was raised")


def run(package, *scenarios):
    passed, failed = [], {}
    for scenario in scenarios:
        try:
            result = scenario()
            if inspect.iscoroutine(result):
                asyncio.run(result)
            passed.append(scenario.__name__)
        except Exception:
            failed[scenario.__name__] = traceback.format_exc()[-6000:]
    version = importlib.metadata.version(package)
    print(json.dumps({"client": f"{package} {version}", "passed": passed, "failed": failed, "outside": outside}))
