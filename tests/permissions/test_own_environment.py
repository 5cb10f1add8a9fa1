"""Keys in the environment that a process was started with."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from agent_lsp.permissions.own_environment import taken
if {wipe}:
    found = taken(["MY_KEY", "NOT_SET"])
    assert found["MY_KEY"] == "marker-1234", found
    assert "MY_KEY" not in os.environ
else:
    del os.environ["MY_KEY"]
sys.stdout.write(open("/proc/self/environ", "rb").read().decode().replace("\\0", "\\n"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
@pytest.mark.parametrize("wipe", [True, False])
def test_a_key_is_not_left_where_proc_shows_it(wipe: bool) -> None:
    environment = {"MY_KEY": "marker-1234", "OTHER_MY_KEY": "kept-5678", "PYTHONPATH": ":".join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(wipe=wipe)], env=environment, capture_output=True, text=True, check=True
    )

    assert "OTHER_MY_KEY=kept-5678" in ran.stdout
    assert ("marker-1234" in ran.stdout) is not wipe  # only deleted, it is still there for all to read
