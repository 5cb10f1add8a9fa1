"""The same as another user: sandboxes hold an ordinary user otherwise than root."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - who is nobody may not be able to read it later
import os
import pickle
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from tests.security.confined import PYTHON

NOBODY = 65534
T = TypeVar("T")


def as_nobody(work: Callable[[Path, str], Awaitable[T]]) -> T:
    """What comes of some work in a child of an ordinary user's, given a folder of its own and a Python."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "wb") as answer:
            pickle.dump(_done(work), answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        data = answer.read()
    os.waitpid(child, 0)
    done = pickle.loads(data)
    assert not isinstance(done, str), done
    result: T = done[0]
    return result


def _done(work: Callable[[Path, str], Awaitable[T]]) -> str | tuple[T]:
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            python = PYTHON if os.access(PYTHON, os.X_OK) else "/usr/bin/python3"
            return (asyncio.run(_awaited(work, Path(folder).resolve(), python)),)
    except BaseException:  # it is told in the parent
        return traceback.format_exc()


async def _awaited(work: Callable[[Path, str], Awaitable[T]], folder: Path, python: str) -> T:
    return await work(folder, python)
