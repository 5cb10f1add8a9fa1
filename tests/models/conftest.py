"""The real file of the bundled model, for tests that ask the real model."""

from __future__ import annotations

import os
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
