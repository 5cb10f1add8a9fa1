"""The VS Code extension: its own checks and units, and all of it in a real VS Code with the real daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "vscode"
DAEMON = Path(sys.executable).with_name("agent-lsp")


@pytest.fixture(scope="module")
def tools() -> None:
    """Node, VS Code for the browser and Chromium. Where they cannot be had, CI fails; elsewhere the tests say so."""
    made = subprocess.run([SCRIPT, "tools"], stderr=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        pytest.fail(made.stderr) if os.environ.get("CI") else pytest.skip(made.stderr.strip())


@pytest.mark.timeout(300)
def test_format_lint_types_and_translations_of_the_extension_hold(
    tools: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("check", capfd) == 0


@pytest.mark.timeout(300)
def test_the_units_of_the_extension_pass(tools: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("test", capfd) == 0


@pytest.mark.timeout(1200)
def test_the_extension_does_its_jobs_in_a_real_vs_code(tools: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("e2e", capfd) == 0


def run(subject: str, capfd: pytest.CaptureFixture[str]) -> int:
    """Runs one of the script's subjects, which prints the outcome of each test; returns its exit code."""
    environment = {**os.environ, "AGENT_LSP_DAEMON": str(DAEMON)}
    with (
        capfd.disabled(),  # to standard error, for a worker of pytest-xdist throws its standard output away
        subprocess.Popen([SCRIPT, subject], env=environment, stdout=2, start_new_session=True) as script,
    ):
        try:
            return script.wait()
        except BaseException:  # what ends the wait early (a timeout, Ctrl-C) ends the script's processes too
            os.killpg(script.pid, signal.SIGTERM)
            raise
