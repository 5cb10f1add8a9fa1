"""What all tests share: a workspace, a state folder, scripts for the scripted model, a daemon as editors start it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.in_process import InProcessClient
from tests.raw_client import RawClient

# An example that takes long shows a busy machine, not a defect; what may take how long has tests of its own.
_any_machine = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("tests", parent=_any_machine, max_examples=25)
hypothesis.settings.register_profile("long", parent=_any_machine, max_examples=500)  # scripts/long properties
hypothesis.settings.load_profile("tests")


_FIRST = ("tests/e2e/test_vscode.py", "tests/models/test_bundled.py", "tests/security/test_container.py")
"""What takes longest, so that nothing waits for it in the end."""
_SLOW = ("tests/e2e/", "tests/long/", "tests/files/test_faults.py", "tests/files/test_races.py")
"""Processes and editors; samples of long runs; system calls that fail one by one; races."""
_TOGETHER = {
    "tests/e2e/test_vscode.py",
    "tests/models/test_bundled.py",
    "tests/models/test_llama_wires.py",
    "tests/security/test_container.py",
    "tests/test_architecture.py",
}
"""Files whose tests one worker runs, one after another: they share something costly."""


class FilesTogether(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
    """Hands out tests one by one, and the files of `_TOGETHER` whole.

    The marker `xdist_group` does not do it: pytest-xdist 3.8 writes it into an attribute that pytest 9.2 does not read.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in _TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    return FilesTogether(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first. Mark as slow what needs a process of the daemon, and what is named above."""
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        if item.nodeid.startswith(_SLOW) or ("daemon" in fixtures and "in_process" not in fixtures):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What runs in process finds the settings file of nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "greeting.txt").write_text("hello\nworld\n")
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """Writes a script and returns the model's name."""

    def write(*steps: dict[str, Any], **more: Any) -> str:
        file = tmp_path / "script.yaml"
        file.write_text(yaml.safe_dump({"turns": list(steps), **more}))
        return f"scripted:{file}"

    return write


Start = Callable[..., RawClient]
StartInProcess = Callable[..., InProcessClient]


@pytest.fixture
def in_process(state: Path) -> Iterator[StartInProcess]:
    """Starts daemons in the tests' own process and sees to it that none is left."""
    clients: list[InProcessClient] = []

    def start(model: str = "scripted:none", **env: str) -> InProcessClient:
        clients.append(InProcessClient(state, {"AGENT_LSP_MODEL": model, **env}))
        return clients[-1]

    yield start
    for client in clients:
        client.kill()


@pytest.fixture
def daemon(state: Path) -> Iterator[Start]:
    """Starts daemons, each a process, and sees to it that none is left."""
    clients: list[RawClient] = []

    def start(model: str = "scripted:none", **env: str) -> RawClient:
        client = RawClient(state, {"AGENT_LSP_MODEL": model, **env})
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.kill()


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


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    """A tool call of a script."""
    return {"tool": tool, "arguments": arguments}
