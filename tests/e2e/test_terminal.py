"""`agent-lsp` in a terminal and in a pipe, as users and scripts run it."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_lsp import __version__
from agent_lsp.settings.row import flag
from agent_lsp.settings.settings import ROWS
from tests.conftest import call
from tests.models.local_server import LocalServer
from tests.models.provider import DONE, HELLO, Provider, Reply, event

Script = Callable[..., str]
PROGRAM = [sys.executable, "-m", "agent_lsp"]


@pytest.fixture
def environment(state: Path, tmp_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AGENT_LSP_", "OPENAI_", "ANTHROPIC_"))}
    own = {"AGENT_LSP_STATE_DIR": str(state), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    kept["AGENT_LSP_LOCAL_SERVERS"] = " "
    return {**kept, **own, "TERM": "xterm"}


def run(
    environment: dict[str, str], *words: str, stdin: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=cwd,
    )


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvpe(PROGRAM[0], [*PROGRAM, *words], environment)
        self.screen = ""

    def wait_for(self, words: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.screen:
            assert time.monotonic() < deadline, self.screen
            self._read(0.2)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        while self._read(0.2):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.master, 65536).decode(errors="replace")
        except OSError:
            return False
        self.screen += re.sub(r"\x1b\[[0-9;]*m", "", piece).replace("\r\n", "\n")
        return bool(piece)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str, **more: str) -> Terminal:
        opened.append(Terminal({**environment, **more}, *words))
        return opened[-1]

    yield start
    for one in opened:
        os.close(one.master)


def test_version_says_who_we_are(environment: dict[str, str]) -> None:
    assert run(environment, "--version").stdout == f"agent-lsp {__version__}\n"
    told = json.loads(run(environment, "--version", "--json").stdout)
    assert told == {"name": "agent-lsp", "version": __version__, "protocol": 1}


def test_ask_in_a_pipe_prints_the_answer_and_says_no_to_every_question(
    environment: dict[str, str], workspace: Path, script: Script
) -> None:
    model = script({"text": "Look:", "calls": [call("write_file", path="a", content="b")]}, {"text": "No."})
    done = run(environment, "ask", "-", "--workspace", str(workspace), "--model", model, stdin="go")
    assert (done.returncode, done.stdout) == (0, "Look:\nNo.\n")
    assert "not asked, for there is no terminal: write_file: create" in done.stderr
    assert not (workspace / "a").exists()


def test_ask_json_prints_one_event_a_line(environment: dict[str, str], workspace: Path, script: Script) -> None:
    done = run(environment, "ask", "go", "--json", "--workspace", str(workspace), "--model", script({"text": "hi"}))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["kind"] for event in events] == ["turnStarted", "textDelta", "usageUpdated", "turnFinished"]


def test_ask_goes_on_with_a_session(environment: dict[str, str], workspace: Path, script: Script) -> None:
    words = ["--workspace", str(workspace), "--model", script({"text": "hi"}), "--json"]
    first = json.loads(run(environment, "ask", "one", *words).stdout.splitlines()[0])
    second = json.loads(run(environment, "ask", "two", *words, "--session", first["sessionId"]).stdout.splitlines()[0])
    assert (second["sessionId"], second["seq"] > first["seq"]) == (first["sessionId"], True)


@pytest.mark.parametrize(("answer", "made"), [("y", True), ("n", False), ("", False), ("use another name", False)])
def test_the_user_answers_at_the_prompt(
    terminal: Callable[..., Terminal], workspace: Path, script: Script, answer: str, made: bool
) -> None:
    model = script({"calls": [call("write_file", path="a.txt", content="b\n")]}, {"text": "End."})
    screen = terminal("ask", "go", "--workspace", str(workspace), "--model", model)
    screen.wait_for("Allow? [y]es, [s]ession, [a]lways, [N]o")
    assert f"write_file: create {workspace}/a.txt" in screen.screen
    assert "  +b\n" in screen.screen
    screen.type(f"{answer}\n")
    screen.wait_for("End.")
    assert screen.end() == 0
    assert (workspace / "a.txt").exists() is made
    if len(answer) > 2:
        assert "They said: use another name" in screen.screen


def test_single_hunks_are_chosen_at_the_prompt(
    terminal: Callable[..., Terminal], workspace: Path, script: Script
) -> None:
    (workspace / "n.txt").write_text("".join(f"{n}\n" for n in range(20)))
    edits = [{"old_text": "2\n3\n", "new_text": "two\n3\n"}, {"old_text": "17\n", "new_text": "seventeen\n"}]
    model = script({"calls": [call("edit_file", path="n.txt", edits=edits)]}, {"text": "End."})
    screen = terminal("ask", "go", "--workspace", str(workspace), "--model", model)
    screen.wait_for("choose [h]unks")
    screen.type("h\n")
    screen.wait_for("Which of 1 2?")
    screen.type("2\n")
    screen.wait_for("End.")
    assert screen.end() == 0
    assert ("two" in (workspace / "n.txt").read_text(), "seventeen" in (workspace / "n.txt").read_text()) == (
        False,
        True,
    )


def test_a_question_about_a_protected_file_names_what_untrusted_text_was_read(
    terminal: Callable[..., Terminal], workspace: Path, script: Script
) -> None:
    model = script(
        {"calls": [call("run_command", command="echo foreign", outside_sandbox=True)]},
        {"calls": [call("write_file", path=".env", content="A=1\n")]},
        {"text": "End."},
    )
    screen = terminal("ask", "go", "--workspace", str(workspace), "--model", model)
    screen.wait_for("Allow?")
    screen.type("y\n")
    screen.wait_for("is protected: programs take their environment from it")
    screen.wait_for("Allow? [y]es, [N]o")
    assert screen.screen.count("untrusted text was read before: a command outside the sandbox: echo foreign") == 1
    screen.type("n\n")
    assert screen.end() == 0


def test_what_was_typed_before_the_question_is_no_answer(
    terminal: Callable[..., Terminal], workspace: Path, script: Script
) -> None:
    model = script(
        {"text": "thinking", "delay_ms": 3_000, "calls": [call("delete_file", path="greeting.txt")]}, {"text": "End."}
    )
    screen = terminal("ask", "go", "--workspace", str(workspace), "--model", model)
    screen.wait_for("scripted, session")
    screen.type("y\n")
    screen.wait_for("Allow?")
    screen.type("\n")
    screen.wait_for("End.")
    assert screen.end() == 0
    assert (workspace / "greeting.txt").exists()


def test_a_model_cannot_paint_on_the_terminal(
    terminal: Callable[..., Terminal], workspace: Path, script: Script
) -> None:
    model = script(
        {"text": "\x1b]0;owned\x07\u202ehidden", "calls": [call("run_command", command="echo \x1b[8mno")]},
        {"text": "End."},
    )
    screen = terminal("ask", "go", "--workspace", str(workspace), "--model", model)
    screen.wait_for("Allow?")
    assert "\\x1b]0;owned\\x07\\u202ehidden" in screen.screen
    assert "run_command: echo \\x1b[8mno" in screen.screen
    screen.type("n\n")
    assert screen.end() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels_the_turn_and_its_command(
    environment: dict[str, str], workspace: Path, script: Script, number: signal.Signals
) -> None:
    model = script({"text": "one two three", "delay_ms": 2000})
    words = ["ask", "go", "--workspace", str(workspace), "--model", model]
    process = subprocess.Popen([*PROGRAM, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr
    assert b"scripted" in process.stderr.readline()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"stopped: cancelled" in errors
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("words", "more", "message"),
    [
        (["ask", ""], {}, "the prompt is empty"),
        (["ask", "go", "--workspace", "/nonexistent"], {}, "/nonexistent does not exist"),
        (["ask", "go", "--max-steps", "many"], {}, "maxSteps"),
        (["ask", "go", "--preset", "reckless"], {}, "plan, confirm, edits, auto"),
        (
            ["ask", "go", "--preset", "auto", "--model", "openai-chat:x", "--base-url", "http://127.0.0.1:9"],
            {"AGENT_LSP_SANDBOX_IMAGE": "no/such"},
            "the preset 'auto' needs a working sandbox",
        ),
        (["ask", "go"], {"AGENT_LSP_MODELL": "x"}, "Did you mean AGENT_LSP_MODEL?"),
        (["ask", "go"], {}, "no model is configured"),
        (["ask", "go", "--model", "scripted:/nonexistent.yaml"], {}, "/nonexistent.yaml cannot be read"),
        (["ask", "go", "--model", "telepathy:x"], {}, "'telepathy:x' is no model"),
        (["ask", "go", "--model", "bundled"], {}, "agent-lsp model install"),
        (["ask", "go", "--session", "session_x"], {}, "no session session_x"),
        (
            ["ask", "go", "--model", "openai-chat:x", "--base-url", "http://127.0.0.1:9"],
            {"AGENT_LSP_MAX_RETRIES": "0"},
            "127.0.0.1",
        ),
        (
            ["ask", "go", "--model", "openai-chat:x", "--base-url", "nonsense"],
            {"AGENT_LSP_MAX_RETRIES": "0"},
            "nonsense",
        ),
        (["doctor"], {"AGENT_LSP_MODELL": "x"}, "Did you mean AGENT_LSP_MODEL?"),
    ],
)
def test_bad_input_is_one_clear_line_and_a_non_zero_exit(
    environment: dict[str, str], workspace: Path, words: list[str], more: dict[str, str], message: str
) -> None:
    if words[0] == "ask" and "--workspace" not in words:
        words = [*words, "--workspace", str(workspace)]
    done = run({**environment, **more}, *words)
    assert done.returncode == 1, done
    told = done.stdout + done.stderr
    assert message in told
    assert "Traceback" not in told


def test_a_wrong_user_file_is_named(environment: dict[str, str], workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "agent-lsp" / "config.toml"
    file.parent.mkdir()
    file.write_text("maxStepps = 3\n")
    done = run(environment, "ask", "go", "--workspace", str(workspace))
    assert done.returncode == 1
    assert "Did you mean maxSteps?" in done.stderr


def test_doctor_says_what_is_configured_and_what_is_missing(environment: dict[str, str], script: Script) -> None:
    missing = run(environment, "doctor")
    assert missing.returncode == 1
    assert "no model is configured" in missing.stdout
    wrong = run({**environment, "AGENT_LSP_MODEL": "anthropic:claude-x"}, "doctor")
    assert wrong.returncode == 1
    assert "set ANTHROPIC_API_KEY" in wrong.stdout
    model = script({"text": "hi"})
    ready = run({**environment, "AGENT_LSP_MODEL": model}, "doctor")
    assert ready.returncode == 0
    assert f"model     {model}" in ready.stdout
    assert "\nsandbox   bubblewrap\n" in ready.stdout


def test_doctor_lists_what_is_allowed_for_good_and_a_deleted_line_takes_it_back(
    terminal: Callable[..., Terminal], environment: dict[str, str], workspace: Path, script: Script
) -> None:
    model = script({"calls": [call("run_command", command="touch made")]}, {"text": "End."})
    screen = terminal("ask", "go", "--workspace", str(workspace), "--model", model)
    screen.wait_for("Allow?")
    assert "'always' allows run_command(touch made) in this workspace" in screen.screen
    screen.type("a\n")
    assert screen.end() == 0
    said = run(environment, "doctor").stdout
    assert f"\nallowed   run_command(touch made) in {workspace}\n" in said
    named = re.search(r"delete its line in (\S+) to take one back", said)
    assert named
    Path(named[1]).write_text("")
    assert "touch made" not in run(environment, "doctor").stdout


def test_usage_shows_what_turns_have_used_by_day_model_and_session(
    environment: dict[str, str], workspace: Path, script: Script
) -> None:
    assert "no turns since" in run(environment, "usage").stdout
    model = script({"text": "hi", "usage": {"input_tokens": 1200, "output_tokens": 34}})
    run(environment, "ask", "count me", "--workspace", str(workspace), "--model", model)
    lines = run(environment, "usage", "--days", "2").stdout.splitlines()
    assert len(lines) == 3
    assert re.search(r" 1 turn        1,200 in        34 out  scripted  session_\w+  count me$", lines[1])
    assert lines[2] == "together    $0.0000"


async def test_a_turn_says_what_it_was_estimated_at_and_usage_how_good_estimates_are(
    environment: dict[str, str], workspace: Path
) -> None:
    usage = event(choices=[], usage={"prompt_tokens": 1_000, "completion_tokens": 10})
    async with Provider(Reply((*HELLO[:-1], usage, DONE))).serving() as provider:
        words = ("--model", "openai-chat:gpt-5-mini", "--base-url", provider.url, "--workspace", str(workspace))
        done = await asyncio.to_thread(run, environment, "ask", "go", *words)
        as_json = await asyncio.to_thread(run, environment, "ask", "go", *words, "--json")
    assert re.search(r"1,010 tokens, \$0\.0003 \(estimated \$0\.\d{4} to \$0\.\d{4}\)\n$", done.stderr)
    estimate = json.loads(as_json.stdout.splitlines()[-1])["estimate"]
    assert estimate.keys() == {"low", "likely", "high", "held"}
    assert estimate["held"] is (estimate["low"] <= 0.00027 <= estimate["high"])
    told = run(environment, "usage").stdout
    assert (
        f"estimates   {2 if estimate['held'] else 0} of 2 turns cost between low and high; the middle one cost" in told
    )


def test_an_estimate_is_printed_and_nothing_is_run(environment: dict[str, str], workspace: Path) -> None:
    words = ["ask", "go", "--estimate", "--workspace", str(workspace), "--model", "openai-chat:gpt-5-mini"]
    words += ["--base-url", "http://127.0.0.1:9/v1"]
    told = run(environment, *words)
    assert (told.returncode, told.stdout.startswith("likely $")) == (0, True)
    assert json.loads(run(environment, *words, "--json").stdout)["cost"]["likely"] > 0


def test_nobody_reading_on_cancels_the_turn_without_a_traceback(
    environment: dict[str, str], workspace: Path, state: Path, script: Script
) -> None:
    model = script({"text": "word " * 20_000, "delay_ms": 5})
    line = f"'{sys.executable}' -m agent_lsp ask go --workspace '{workspace}' --model '{model}' </dev/null | head -c 10"
    done = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "word word "
    assert "Traceback" not in done.stderr
    assert "cancelled" in done.stderr
    assert (state / "log.jsonl").read_text().count("Traceback") == 0


def test_a_providers_words_cannot_paint_on_the_terminal(
    environment: dict[str, str], workspace: Path, script: Script
) -> None:
    done = run(environment, "ask", "go", "--workspace", str(workspace), "--model", "scripted:/no\x1b]0;owned\x07")
    assert (done.returncode, "\x1b" in done.stderr, "\\x1b" in done.stderr) == (1, False, True)


def test_a_flag_that_is_none_names_the_nearest(environment: dict[str, str], workspace: Path) -> None:
    done = run(environment, "ask", "go", "--max-step", "3")
    assert done.returncode == 2
    assert "Did you mean --max-steps?" in done.stderr


async def test_a_model_server_of_this_machine_is_put_to_the_user_once(
    terminal: Callable[..., Terminal], environment: dict[str, str], workspace: Path
) -> None:
    async with LocalServer("qwen3:8b").serving() as server:
        words = ("ask", "go", "--workspace", str(workspace), "--local-servers", server.url)

        def first() -> str:
            screen = terminal(*words)
            screen.wait_for("Allow? [y]es, [a]lways, [N]o, or say")
            screen.type("a\n")
            screen.wait_for("Hello")
            assert screen.end() == 0
            return screen.screen

        screen = await asyncio.to_thread(first)
        assert f"model_server: use qwen3:8b of Ollama at {server.url}\n" in screen
        assert f"'always' allows model_server: whatever listens at {server.url}" in screen
        again = await asyncio.to_thread(run, environment, *words)
    assert (again.stdout, again.returncode) == ("Hello\n", 0)


def test_every_setting_but_the_key_prices_and_what_loosens_is_a_flag_with_its_meaning(
    environment: dict[str, str],
) -> None:
    told = run(environment, "ask", "--help").stdout
    missing = [name for name in ROWS if f"{flag(name)} …" not in told]
    assert missing == ["apiKey", "prices", "unsandboxedCommands"]


def test_what_an_allowed_command_printed_is_shown(
    terminal: Callable[..., Terminal], workspace: Path, script: Script
) -> None:
    model = script({"calls": [call("run_command", command="echo printed; exit 3")]}, {"text": "End."})
    screen = terminal("ask", "go", "--workspace", str(workspace), "--model", model)
    screen.wait_for("Allow?")
    screen.type("y\n")
    screen.wait_for("End.")
    assert screen.end() == 0
    assert "\n  printed\n" in screen.screen
    assert "2 steps, 1 call," in screen.screen
