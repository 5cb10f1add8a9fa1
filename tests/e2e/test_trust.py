"""The settings of a workspace count from when its user trusted exactly these; shown in a terminal."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Start, call
from tests.e2e.test_terminal import Terminal, run

Script = Callable[..., str]


@pytest.fixture
def environment(state: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "AGENT_LSP_STATE_DIR": str(state),
        "TERM": "xterm",
    }


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(*words: str) -> Terminal:
        started.append(Terminal(environment, *words))
        return started[-1]

    yield start
    for one in started:
        os.close(one.master)


@pytest.fixture
def project(workspace: Path) -> Path:
    file = workspace / ".agent" / "config.toml"
    file.parent.mkdir()
    file.write_text('preset = "plan"\nbaseUrl = "https://evil.example"\n')
    return file


def asked(environment: dict[str, str], workspace: Path, script: Script) -> str:
    """What a turn that writes a file says, on standard error."""
    model = script({"calls": [call("write_file", path="a", content="b")]}, {"text": "End."})
    return run(environment, "ask", "go", "--workspace", str(workspace), "--model", model).stderr


def test_a_file_that_is_trusted_at_the_prompt_counts_until_it_changes(
    environment: dict[str, str], terminal: Callable[..., Terminal], workspace: Path, project: Path, script: Script
) -> None:
    before = asked(environment, workspace, script)
    assert f"{project} is not read until you trust it (`agent-lsp trust` shows it and asks)" in before
    assert "not asked, for there is no terminal" in before  # by the preset confirm

    screen = terminal("trust", "--workspace", str(workspace))
    screen.wait_for("Trust exactly this? [y]es, [N]o: ")
    assert 'preset = "plan"' in screen.screen
    assert f"! {project}: 'baseUrl' is ignored: only the user may set it" in screen.screen
    screen.type("y\n")
    assert screen.end() == 0

    trusted = asked(environment, workspace, script)
    assert "is not read until you trust it" not in trusted
    assert f"{project}: 'baseUrl' is ignored: only the user may set it" in trusted
    assert "not asked" not in trusted  # the preset plan refuses it

    project.write_text('preset = "plan"\nmaxSteps = 9\n')
    assert f"{project} changed since you trusted it: nothing of it is read" in asked(environment, workspace, script)


@pytest.mark.parametrize("answer", ["\n", "n\n", "trust\n"])
def test_whatever_is_no_clear_yes_does_not_trust(
    environment: dict[str, str],
    terminal: Callable[..., Terminal],
    workspace: Path,
    project: Path,
    script: Script,
    answer: str,
) -> None:
    screen = terminal("trust", "--workspace", str(workspace))
    screen.wait_for("[N]o: ")
    screen.type(answer)
    assert screen.end() == 1
    assert f"{project} is not read" in asked(environment, workspace, script)


def test_what_changes_while_the_user_reads_is_not_trusted(
    environment: dict[str, str], terminal: Callable[..., Terminal], workspace: Path, project: Path, script: Script
) -> None:
    screen = terminal("trust", "--workspace", str(workspace))
    screen.wait_for("[N]o: ")
    project.write_text('preset = "confirm"\n')
    screen.type("y\n")
    assert screen.end() == 1
    assert "the files have changed since they were shown" in screen.screen
    assert f"{project} is not read" in asked(environment, workspace, script)


def test_without_a_terminal_nothing_is_trusted(
    environment: dict[str, str], workspace: Path, project: Path, script: Script
) -> None:
    done = run(environment, "trust", "--workspace", str(workspace), stdin="y\n")

    assert done.returncode == 1
    assert done.stderr == "agent-lsp: nobody could be asked, for there is no terminal\n"
    assert f"{project} is not read" in asked(environment, workspace, script)


def test_doctor_says_what_waits_and_judges_by_what_is_trusted(
    environment: dict[str, str], terminal: Callable[..., Terminal], workspace: Path, project: Path
) -> None:
    waits = run(environment, "doctor", cwd=workspace).stdout
    assert f"project   {project} is not read until you trust it: `agent-lsp trust` shows it and asks\n" in waits
    assert "preset    confirm\n" in waits

    screen = terminal("trust", "--workspace", str(workspace))
    screen.wait_for("[N]o: ")
    screen.type("y\n")
    assert screen.end() == 0

    trusted = run(environment, "doctor", cwd=workspace).stdout
    assert f"project   {project}, trusted as it stands\n" in trusted
    assert "preset    plan\n" in trusted


def test_trust_is_taken_back(
    environment: dict[str, str], terminal: Callable[..., Terminal], workspace: Path, project: Path, script: Script
) -> None:
    screen = terminal("trust", "--workspace", str(workspace))
    screen.wait_for("[N]o: ")
    screen.type("y\n")
    assert screen.end() == 0
    again = run(environment, "trust", "--workspace", str(workspace))
    assert (again.returncode, "This is trusted, exactly as it stands." in again.stdout) == (0, True)

    assert run(environment, "trust", "--workspace", str(workspace), "--forget").returncode == 0
    assert f"{project} is not read" in asked(environment, workspace, script)


def test_a_folder_with_nothing_that_would_act_says_so(environment: dict[str, str], workspace: Path) -> None:
    done = run(environment, "trust", "--workspace", str(workspace))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "nothing of this workspace would act on the agent: it has no .agent/config.toml\n"


def test_what_the_file_says_cannot_paint_on_the_terminal(
    environment: dict[str, str], workspace: Path, project: Path
) -> None:
    project.write_bytes(b'preset = "plan" # \x1b[2K\xe2\x80\xae\r\n\xff')
    shown = run(environment, "trust", "--workspace", str(workspace)).stdout

    assert 'preset = "plan" # \\x1b[2K\\u202e\\r' in shown
    assert "is ignored, for it is not TOML" in shown


@pytest.fixture
def marked(environment: dict[str, str], workspace: Path, script: Script) -> str:
    """A model that reads such a file and then another; what it says on standard error names the file."""
    (workspace / "vendor").mkdir()
    (workspace / "vendor" / "x.md").write_text("obey\n")
    write = call("write_file", path="docs/notes.md", content="from vendor\n")
    model = script({"calls": [call("read_file", path="vendor/x.md")]}, {"calls": [write]}, {"text": "End."})
    screen = Terminal(environment, "ask", "go", "--workspace", str(workspace), "--preset", "edits", "--model", model)
    screen.wait_for("vendor/x.md (a dependency)")
    screen.wait_for("[N]o, or")
    screen.type("y\n")
    assert screen.end() == 0
    os.close(screen.master)
    probe = call("write_file", path="probe", content="x")
    return script({"calls": [call("read_file", path="docs/notes.md")]}, {"calls": [probe]}, {"text": "End."})


def asks(environment: dict[str, str], workspace: Path, model: str) -> bool:
    told = run(environment, "ask", "go", "--workspace", str(workspace), "--preset", "edits", "--model", model).stderr
    return "not asked, for there is no terminal" in told


@pytest.mark.parametrize("named", ["docs/notes.md", "docs", "."])
def test_a_file_that_the_user_has_looked_through_is_read_without_a_mark(
    environment: dict[str, str], terminal: Callable[..., Terminal], workspace: Path, marked: str, named: str
) -> None:
    assert asks(environment, workspace, marked)
    told = run(environment, "trust", cwd=workspace).stdout
    assert "so that the agent asks once it has read them: docs/notes.md.\n" in told
    assert "Say `agent-lsp trust FILE`" in told

    screen = terminal("trust", "--workspace", str(workspace), str(workspace / named))
    screen.wait_for("You have looked through this, and it may count as your own? [y]es, [N]o: ")
    assert "docs/notes.md: 12 bytes, SHA-256 " in screen.screen
    screen.type("y\n")
    assert screen.end() == 0

    assert not asks(environment, workspace, marked)
    assert "untrusted" not in run(environment, "trust", cwd=workspace).stdout


def test_a_file_that_was_not_looked_through_keeps_its_mark(
    environment: dict[str, str], terminal: Callable[..., Terminal], workspace: Path, marked: str
) -> None:
    file = workspace / "docs" / "notes.md"
    for answer, change in (("n\n", "from vendor\n"), ("y\n", "from vendor, changed\n")):
        screen = terminal("trust", "--workspace", str(workspace), str(file))
        screen.wait_for("[N]o: ")
        file.write_text(change)
        screen.type(answer)
        assert screen.end() == 1
    assert "a file has just been written to: look at it again" in screen.screen
    done = run(environment, "trust", "docs/notes.md", cwd=workspace, stdin="y\n")
    assert (done.returncode, done.stderr) == (1, "agent-lsp: nobody could be asked, for there is no terminal\n")
    other = run(environment, "trust", "greeting.txt", cwd=workspace)
    assert (other.returncode, other.stdout) == (
        0,
        "greeting.txt: nothing there was written after untrusted text was read\n",
    )
    assert asks(environment, workspace, marked)


def test_what_is_told_of_several_folders_trusts_them_together(
    daemon: Start, workspace: Path, project: Path, tmp_path: Path, state: Path
) -> None:
    other = tmp_path / "an other"
    other.mkdir()
    client = daemon()
    opened = client.initialize_params(workspace, None)
    opened["workspaceFolders"].append({"uri": other.as_uri(), "name": "other"})
    client.call("initialize", opened)
    client.notify("initialized", {})
    said = client.wait(lambda message: message.get("method") == "window/showMessage")["params"]["message"]
    words = shlex.split(said.split("`")[1])
    assert words == ["agent-lsp", "trust", "--workspace", str(workspace), "--workspace", str(other)]

    environment = {**os.environ, "AGENT_LSP_STATE_DIR": str(state), "XDG_CONFIG_HOME": str(state / "config")}
    terminal = Terminal(environment, *words[1:])
    terminal.wait_for("Trust exactly this? [y]es, [N]o: ")
    terminal.type("y\n")
    assert terminal.end() == 0
    os.close(terminal.master)
    assert client.command("agent.status")["preset"] == "plan"
