"""The real file of the bundled model, for tests that ask the real model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from agent_lsp.models.bundled import download


@pytest.fixture(scope="session")
def model_file() -> Path:
    """Where the product keeps it; installed there when it is not."""
    data_dir = Path(platformdirs.user_data_dir("agent-lsp"))
    try:
        return download.installed(data_dir) or download.install(data_dir, print)
    except download.InstallError as error:
        if os.environ.get("CI"):
            pytest.fail(f"the bundled model cannot be had: {error}")
        pytest.skip(f"the bundled model cannot be had: {error}")


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """Models of one thread: several wait for one another at every step, which takes many times longer beside others."""
    if not hasattr(os, "sched_getaffinity"):
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(ours)})
    yield
    os.sched_setaffinity(0, ours)
