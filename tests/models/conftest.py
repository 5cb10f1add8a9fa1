"""The real file of the bundled model, for tests that ask the real model."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from agent_lsp.models import bundled_file


@pytest.fixture(scope="session")
def model_file() -> Path:
    """Where the product keeps it; installed there when it is not."""
    data_dir = Path(platformdirs.user_data_dir("agent-lsp"))
    try:
        return bundled_file.installed(data_dir) or bundled_file.install(data_dir, print)
    except bundled_file.InstallError as error:
        if os.environ.get("CI"):
            pytest.fail(f"the bundled model cannot be had: {error}")
        pytest.skip(f"the bundled model cannot be had: {error}")
