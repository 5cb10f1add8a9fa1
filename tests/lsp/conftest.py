"""The daemon of these tests runs in process; those of tests/e2e are processes."""

from __future__ import annotations

import pytest

from tests.conftest import StartInProcess

Start = StartInProcess


@pytest.fixture
def daemon(in_process: Start) -> Start:
    return in_process
