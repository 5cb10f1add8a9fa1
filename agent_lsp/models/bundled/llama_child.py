"""The child process of the bundled model: llama.cpp's server on a unix socket, as long as its parent lives.

The parent writes one line of JSON (`model`, `socket`, `key`, `window`), reads one line of JSON, and ends the
child by closing the pipe, which its death does too. This file is run by its path: it imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Serves until standard input ends. Answers `{}` when ready, else `{"missing": …}` or `{"failed": …}`."""
    orders = json.loads(sys.stdin.readline())
    answers = _silence()
    server, answer = _serve(orders)
    print(json.dumps(answer), file=answers, flush=True)
    if server is not None:
        sys.stdin.read()
        shutil.rmtree(Path(orders["socket"]).parent, ignore_errors=True)
    # No clean-up of llama.cpp: its threads hold a normal exit back while it generates.
    os._exit(0)


def _silence() -> TextIO:
    """What standard output was; from now on both standard outputs lead nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def _serve(orders: dict[str, Any]) -> tuple[object, dict[str, str]]:  # Any: JSON that our own parent wrote
    try:
        from xllamacpp import CommonParams, Server  # the extra `bundled`, and heavy
    except ImportError as error:
        return None, {"missing": str(error)}
    params = CommonParams()
    params.model.path, params.n_ctx = orders["model"], orders["window"]
    params.hostnames, params.api_keys = [orders["socket"]], [orders["key"]]
    params.n_parallel, params.n_batch, params.cache_ram_mib = 1, 512, 64
    params.cpuparams.poll = params.cpuparams_batch.poll = 0  # threads that spin take half the cores from one another
    if number := threads(_our_cores(), os.cpu_count() or 0):
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = number
    params.offline, params.ui, params.endpoint_slots = True, False, False
    os.umask(0o077)
    try:
        return Server(params), {}
    except Exception as error:  # whatever llama.cpp raises, the parent tells it
        return None, {"failed": str(error)}


def threads(ours: int, all_cores: int) -> int | None:
    """How many threads compute, where we may not use all cores; None lets llama.cpp choose, which counts them all."""
    return ours if 0 < ours < all_cores else None


def _our_cores() -> int:
    """How many cores we may use; 0 where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


if __name__ == "__main__":
    main()
