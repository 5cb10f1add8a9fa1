"""What is agent-lsp's own is neither read nor changed, whatever is open, allowed or answered; its neighbours are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import agent_lsp
from agent_lsp.app.composition import compose
from agent_lsp.app.sandbox_setup import base_python
from agent_lsp.conversation.actions import Action, Choice, Decision, FileChange, ToolKind, WorkspacePath
from agent_lsp.conversation.entries import FileChanged
from agent_lsp.conversation.messages import ToolMessage
from agent_lsp.files import safe_open
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.file_state import version_of
from agent_lsp.files.files import Files
from agent_lsp.files.location import PathRefused
from agent_lsp.files.own_files import Own
from agent_lsp.files.roots import Roots
from agent_lsp.files.targets import Targets
from agent_lsp.permissions import Preset, Ruling
from agent_lsp.permissions.policy import Policy, PolicyConfig
from agent_lsp.permissions.protected_paths import acts_on
from agent_lsp.permissions.rules import Rule, Rules
from agent_lsp.processes.run import Processes
from agent_lsp.search.found import Query
from agent_lsp.search.search import Search
from agent_lsp.undo.content_store import ContentStore
from agent_lsp.undo.undo import Undo
from agent_lsp.undo.undo_plan import Skipped, UndoPlan
from tests.conftest import call
from tests.house import House, closing
from tests.open_buffers import OpenBuffers

Script = Callable[..., str]
KEY = "a-key-of-the-users-own"
SETTINGS, STATE = ".config/agent-lsp", ".local/state/agent-lsp"
EVERYTHING = ["write_file", "edit_file", "delete_file", "move_file", "run_command", "write_file(**)", "edit_file(**)"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with settings and the neighbours of these."""
    folder = tmp_path.resolve() / "home"
    for name in (SETTINGS, ".config/other", "project"):
        (folder / name).mkdir(parents=True)
    (folder / SETTINGS / "config.toml").write_text(f'apiKey = "{KEY}"\n')
    (folder / ".config/other/config.toml").write_text("other = 1\n")
    (folder / "project" / "a.txt").write_text("a\n")
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


@asynccontextmanager
async def opened(
    model: str, folder: Path, more: Mapping[str, str] | None = None, /, **flags: Any
) -> AsyncIterator[House]:
    """A daemon as the user's editor starts it, with the user's own settings; the user says yes to everything."""
    environment = {**os.environ, "AGENT_LSP_MODEL": model, **(more or {})}
    async with closing(compose(environment, [str(folder)], NoEditor(), flags=flags)) as built:
        yield built


def told(house: House) -> list[str]:
    return [result.text for message in house.messages if isinstance(message, ToolMessage) for result in message.results]


def everything_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder, of the state only what steers a daemon."""
    names = {"journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm", "log.jsonl", "checkpoints", "sandbox"}
    return {
        str(file): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and names.isdisjoint(file.relative_to(folder).parts)
    }


@dataclass(frozen=True)
class Case:
    """What is open beneath the home, and a path there that is the daemon's own; `neighbour` may be written."""

    name: str
    open: str
    path: str
    neighbour: str
    prepare: Callable[[Path], None] = lambda _: None
    variables: tuple[tuple[str, str], ...] = ()


def without_settings(home: Path) -> None:
    (home / SETTINGS / "config.toml").unlink()
    (home / SETTINGS).rmdir()


def folder_is_a_link(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / SETTINGS).rename(home / "dotfiles/agent")
    (home / SETTINGS).symlink_to("../dotfiles/agent")


def file_is_a_link(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / SETTINGS / "config.toml").rename(home / "dotfiles/agent.toml")
    (home / SETTINGS / "config.toml").symlink_to("../../dotfiles/agent.toml")


def dangling(home: Path) -> None:
    file_is_a_link(home)
    (home / "dotfiles/agent.toml").unlink()


def linked_folder(home: Path) -> None:
    (home / "project" / "alias").symlink_to("../.config")


def hard_link(home: Path) -> None:
    (home / "project" / "notes.toml").hardlink_to(home / SETTINGS / "config.toml")


def rules_of_another(home: Path) -> None:
    (home / STATE).mkdir(parents=True)
    (home / STATE / "rules").write_text("")


def hard_link_to_state(home: Path) -> None:
    rules_of_another(home)
    (home / "project" / "notes.toml").hardlink_to(home / STATE / "rules")


CASES = [
    Case("config", ".config", "agent-lsp/config.toml", "other/config.toml"),
    Case("config_new", ".config", "agent-lsp/config.toml", "other/new", without_settings),
    Case("settings_folder", SETTINGS, "config.toml", "", lambda _: None),
    Case("home", "", f"{SETTINGS}/config.toml", ".config/other/config.toml"),
    Case("home_new", "", f"{SETTINGS}/config.toml", ".config/other/new", without_settings),
    Case("home_other_file", "", f"{SETTINGS}/new.toml", ".config/agent-lsp2/new.toml"),
    Case("home_case", "", ".config/Agent-LSP/Config.toml", ".config/agent-lsp.toml"),
    Case("home_dots", "", f"project/../{SETTINGS}/config.toml", "project/../project/b"),
    Case("state_rules", "", f"{STATE}/rules", ".local/state/other/rules", rules_of_another),
    Case("state_new", "", f"{STATE}/trusted", ".local/state/other"),
    Case("link_in_home", "", "project/alias/agent-lsp/config.toml", "project/alias/other/config.toml", linked_folder),
    Case("hard_link", "project", "notes.toml", "b.toml", hard_link),
    Case("hard_link_to_state", "project", "notes.toml", "b.toml", hard_link_to_state),
    Case("folder_is_a_link", "dotfiles", "agent/config.toml", "agent2/config.toml", folder_is_a_link),
    Case("file_is_a_link", "dotfiles", "agent.toml", "other.toml", file_is_a_link),
    Case("dangling_link", "dotfiles", "agent.toml", "other.toml", dangling),
    Case(
        "xdg_config",
        "project",
        "xdg/agent-lsp/config.toml",
        "xdg/other/config.toml",
        variables=(("XDG_CONFIG_HOME", "project/xdg"),),
    ),
    Case("xdg_state", "project", "xdg/agent-lsp/rules", "xdg/rules", variables=(("XDG_STATE_HOME", "project/xdg"),)),
    Case(
        "without_xdg",
        "",
        f"{SETTINGS}/config.toml",
        ".config/other/config.toml",
        variables=(("XDG_CONFIG_HOME", "elsewhere"),),
    ),
    Case("state_dir", "project", "kept/rules", "kept2/rules", variables=(("AGENT_LSP_STATE_DIR", "project/kept"),)),
]


def prepared(case: Case, home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    case.prepare(home)
    variables = {name: str(home / path) for name, path in case.variables}
    for name, path in variables.items():
        monkeypatch.setenv(name, path)
    return variables


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_nothing_of_its_own_is_read_or_changed_and_its_neighbour_is(
    case: Case, home: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = prepared(case, home, monkeypatch)
    calls = [
        call("write_file", path=case.path, content="harm\n"),
        call("read_file", path=case.path),
        call("edit_file", path=case.path, edits=[{"old_text": "apiKey", "new_text": "harm"}]),
        call("move_file", path=case.path, new_path="moved"),
        call("move_file", path="harm.toml", new_path=case.path),
        call("delete_file", path=case.path),
    ]
    bad = len(calls)
    calls += [call("read_file", path=case.neighbour), call("write_file", path=case.neighbour, content="fine\n")]
    folder = home / case.open
    (folder / "harm.toml").write_text("harm\n")
    before = everything_in(home)
    model = script({"calls": calls[: bad + 2 if case.neighbour else bad]}, {"text": "ok"})
    async with opened(model, folder, variables, preset="edits", allow=EVERYTHING) as house:
        await house.ask()
        answers = told(house)

    expected = before | ({str((folder / case.neighbour).resolve()): b"fine\n"} if case.neighbour else {})
    found = {path: data for path, data in everything_in(home).items() if data or path in expected}
    assert found == {path: data for path, data in expected.items() if data or path in found}
    assert not [answer for answer in answers[:bad] if KEY in answer]
    assert "agent-lsp's own" in answers[0]
    assert "by hand" in answers[0]
    assert house.asked == []


@pytest.mark.parametrize("preset", ["plan", "confirm", "edits", "auto"])
@pytest.mark.parametrize("name", [f"{SETTINGS}/config.toml", f"{STATE}/rules", f"{STATE}/new"])
async def test_no_preset_rule_or_answer_lets_it_be_written(preset: str, name: str, home: Path, script: Script) -> None:
    rules_of_another(home)
    before = everything_in(home)
    calls = [call("write_file", path=name, content="harm\n"), call("write_file", path="b", content="fine\n")]
    async with opened(script({"calls": calls}, {"text": "ok"}), home, preset=preset, allow=EVERYTHING) as house:
        house.answer = lambda _: Decision(Choice.ALLOW_SESSION)
        await house.ask()
        assert "agent-lsp's own" in told(house)[0]
    assert everything_in(home) == before | ({} if preset == "plan" else {str(home / "b"): b"fine\n"})


async def test_no_folder_above_it_is_moved_deleted_or_given_to_something_else(home: Path, script: Script) -> None:
    before = everything_in(home)
    folders = (SETTINGS, ".config", ".local/state", ".local")
    calls = [call("move_file", path=folder, new_path="moved") for folder in folders]
    calls += [call("delete_file", path=folder) for folder in folders]
    calls += [call("write_file", path=".config2", content="fine\n")]
    async with opened(script({"calls": calls}, {"text": "ok"}), home, preset="edits", allow=EVERYTHING) as house:
        await house.ask()
    assert everything_in(home) == before | {str(home / ".config2"): b"fine\n"}

    shutil.rmtree(home / ".config")
    calls = [call("write_file", path=path, content="x\n") for path in (".config", ".config/other/new")]
    async with opened(script({"calls": calls}, {"text": "ok"}), home, preset="edits", allow=EVERYTHING) as house:
        await house.ask()
        assert "agent-lsp's own settings" in told(house)[0]
    assert (home / ".config/other/new").read_text() == "x\n"


async def test_it_is_kept_where_the_whole_machine_is_open(home: Path, script: Script) -> None:
    calls = [
        call("write_file", path=f"{home}/{SETTINGS}/config.toml", content="harm\n"),
        call("read_file", path=f"{home}/{SETTINGS}/config.toml"),
        call("write_file", path=f"{home}/.config/other/config.toml", content="fine\n"),
        call("read_file", path=f"{home}/project/a.txt"),
    ]
    async with opened(script({"calls": calls}, {"text": "ok"}), Path("/"), preset="edits") as house:
        await house.ask()
        answers = told(house)
    assert ["agent-lsp's own settings" in answer for answer in answers] == [True, True, False, False]
    assert (home / SETTINGS / "config.toml").read_text() == f'apiKey = "{KEY}"\n'
    assert answers[3] == "1\ta\n"


@pytest.mark.parametrize("open_", ["", ".config", ".local"])
async def test_search_and_lists_show_its_neighbours_only(open_: str, home: Path, script: Script) -> None:
    rules_of_another(home)
    (home / STATE / "rules").write_text(f"{KEY} in the state\n")
    (home / "project/hard.toml").hardlink_to(home / SETTINGS / "config.toml")
    for place in (".config/other/note", ".local/note"):
        (home / place).write_text(f"{KEY} copied by the user\n")
    calls = [
        call("search", pattern=KEY),
        call("search", pattern="a-key", glob="*"),
        call("list_files"),
        call("list_files", glob="**/*.toml"),
    ]
    async with opened(script({"calls": calls}, {"text": "ok"}), home / open_) as house:
        await house.ask()
        answers = told(house)
    assert ["note" in answer for answer in answers] == [True, True, True, False]
    assert "apiKey" not in "".join(answers)
    assert "in the state" not in "".join(answers)
    assert "agent-lsp" not in "".join(answers)


async def test_search_finds_nothing_of_it_without_ripgrep(home: Path) -> None:
    files = Files(Roots([str(home)], Own(settings=[str(home / SETTINGS)])), NoEditor())
    (home / "project/hard.toml").hardlink_to(home / SETTINGS / "config.toml")
    (home / "project/note").write_text(KEY)
    processes = Processes()
    found = await Search(files, processes, None).find(Query(KEY, files.roots.places()[0]))
    await processes.close()
    assert [line.shown for line in found.lines] == ["project/note"]


@pytest.mark.parametrize("name", ["config.toml", "picture.png"])
async def test_undo_restores_nothing_into_it(name: str, home: Path, tmp_path: Path) -> None:
    """A journal may hold what an earlier version changed there, or what somebody wrote into it."""
    file, neighbour = home / SETTINGS / name, home / ".config/other" / name
    objects = ContentStore(tmp_path / "objects")
    objects.keep([b"harm\n"])
    harm = version_of(b"harm\n", 0o644)
    steps = [FileChanged(one.as_uri(), harm, None) for one in (file, neighbour)]
    for one in (file, neighbour):
        one.unlink(missing_ok=True)
    files = Files(Roots([str(home)], Own(settings=[str(home / SETTINGS)])), NoEditor())
    restoring = Undo(files, objects)

    plan = await restoring.plan([steps], unsure=True)
    made = [step async for step in restoring.perform(plan)]
    forced = [step async for step in restoring.perform(UndoPlan((FileChanged(file.as_uri(), None, harm),), (), {}))]
    objects.close()

    assert [step.uri for step in made] == [neighbour.as_uri()]
    assert [(type(step), step.uri) for step in forced] == [(Skipped, file.as_uri())]
    assert (file.exists(), neighbour.read_bytes()) == (False, b"harm\n")


async def test_what_the_editor_holds_open_of_it_is_neither_read_nor_changed(home: Path) -> None:
    editor, file = OpenBuffers(), home / SETTINGS / "config.toml"
    editor.open(file, f"unsaved {KEY}\n")
    files = Files(Roots([str(home)], Own(settings=[str(home / SETTINGS)])), editor)
    with pytest.raises(PathRefused, match="agent-lsp's own settings"):
        await files.read(str(file))
    assert files.unsaved_texts() == {}
    assert files.keeps(str(file))
    assert not files.keeps(str(home / ".config/other/config.toml"))


@pytest.mark.parametrize("preset", Preset)
def test_each_change_in_a_checkout_that_it_runs_from_asks(preset: Preset, tmp_path: Path) -> None:
    checkout = tmp_path.resolve() / "src/agent-lsp"
    for name in ("agent_lsp", "tests", "elsewhere"):
        (checkout / name).mkdir(parents=True)
    (checkout / "agent_lsp/app.py").write_text("")
    (checkout.parent / "linked.py").hardlink_to(checkout / "agent_lsp/app.py")
    own = Own(code=str(checkout / "agent_lsp"), checkout=str(checkout))
    for folder in (checkout, checkout.parent, checkout / "tests"):
        targets = Targets(Roots([str(folder)], own), acts_on)
        terms = PolicyConfig(preset, Rules(allow=(Rule("write_file"), Rule("*"))), confined=True)
        policy = Policy(terms, [str(folder)])

        def ruling(path: Path, policy: Policy = policy, targets: Targets = targets) -> Ruling:
            action = targets.located(written(path))
            policy.remember(action, Choice.ALLOW_SESSION, policy.roots)
            verdict = policy.decide(action)
            assert not (verdict.standing and verdict.ruling is Ruling.ASK)
            return verdict.ruling

        asks = Ruling.DENY if preset is Preset.PLAN else Ruling.ASK
        allows = Ruling.DENY if preset is Preset.PLAN else Ruling.ALLOW
        for path in ("agent_lsp/app.py", "agent_lsp/new.py", "tests/x.py", "pyproject.toml"):
            assert ruling(checkout / path) is asks, path
        assert ruling(checkout.parent / "linked.py") is asks
        assert ruling(checkout.parent / "other/x.py") is allows


@pytest.mark.parametrize("preset", Preset)
async def test_an_installation_is_read_and_never_changed(preset: Preset, tmp_path: Path) -> None:
    packages, launcher = tmp_path.resolve() / "venv/lib/site-packages", tmp_path.resolve() / "bin/agent-lsp"
    for folder in (packages / "agent_lsp", launcher.parent):
        folder.mkdir(parents=True)
    (packages / "agent_lsp/app.py").write_text("code\n")
    launcher.symlink_to("../venv/run")
    (tmp_path / "venv/run").write_text("launcher\n")
    (tmp_path / "copy.py").hardlink_to(packages / "agent_lsp/app.py")
    own = Own(installation=[str(packages), str(launcher)], code=str(packages / "agent_lsp"))
    files = Files(Roots([str(tmp_path)], own), NoEditor())
    policy = Policy(PolicyConfig(preset, Rules(allow=(Rule("*"),)), confined=True), [str(tmp_path)])
    targets = Targets(files.roots, acts_on)

    for name in ("venv/lib/site-packages/agent_lsp/app.py", "venv/run", "bin/agent-lsp", "copy.py"):
        path = tmp_path.resolve() / name
        verdict = policy.decide(targets.located(written(path)))
        assert (verdict.ruling, "agent-lsp's own installation" in verdict.reason) == (Ruling.DENY, True), name
        document = await files.read(name)
        with pytest.raises(PathRefused, match="agent-lsp's own installation"):
            await files.change(document.location, document, "harm\n")
        with pytest.raises(PathRefused, match="agent-lsp's own installation"):
            safe_open.delete(files.roots.find(name), safe_open.read(files.roots.find(name)), by_user=True)
    for name in ("venv/lib/site-packages", "venv/lib", "venv/lib/site-packages/new.py"):
        assert policy.decide(targets.located(written(tmp_path.resolve() / name))).ruling is Ruling.DENY, name
    location = files.roots.find("venv/lib/other/x.py")
    safe_open.write(location, b"fine\n")
    assert Path(location.path).read_text() == "fine\n"


def written(path: Path) -> Action:
    location = WorkspacePath(str(path.parent), path.name, str(path))
    return Action("write_file", ToolKind.EDIT, "Write", FileChange(location, "before\n", "harm\n"))


async def test_what_a_path_leads_to_is_judged_when_it_is_opened(home: Path) -> None:
    """Between the question and the write a folder may become a link into the settings."""
    files = Files(Roots([str(home)], Own(settings=[str(home / SETTINGS)])), NoEditor())
    change = await files.change(files.roots.find("project/sub/config.toml"), None, "harm\n")
    (home / "project/sub").symlink_to("../.config/agent-lsp")
    location = files.roots.find("project/sub/new/config.toml")

    with pytest.raises(PathRefused, match="agent-lsp's own settings"):
        await files.perform(change)
    with pytest.raises(PathRefused, match="agent-lsp's own settings"):
        safe_open.write(location, b"harm\n")
    assert [file.name for file in (home / SETTINGS).iterdir()] == ["config.toml"]


@pytest.mark.parametrize("tool", ["run_command", "run_code"])
async def test_a_command_that_runs_unasked_neither_reads_nor_changes_it(tool: str, home: Path, script: Script) -> None:
    rules_of_another(home)
    before = everything_in(home)
    line = f"cat {SETTINGS}/config.toml; echo harm >{SETTINGS}/config.toml; echo harm >{STATE}/rules; echo fine >new"
    arguments = {"command": line} if tool == "run_command" else {"code": f"import os\nos.system({line!r})"}
    model = script({"calls": [call(tool, **arguments)]}, {"text": "ok"})
    async with opened(model, home, preset="auto", allow=["run_command", "run_code"]) as house:
        await house.ask()
        assert house.asked == []
        assert KEY not in "".join(told(house))
    assert everything_in(home) == before | {str(home / "new"): b"fine\n"}


async def test_a_command_outside_the_sandbox_asks_whatever_is_allowed(home: Path, script: Script) -> None:
    line = f"echo harm >{SETTINGS}/config.toml"
    model = script({"calls": [call("run_command", command=line, outside_sandbox=True)]}, {"text": "ok"})
    async with opened(model, home, preset="auto", allow=["run_command"]) as house:
        house.answer = lambda _: Decision(Choice.REJECT)
        await house.ask()
        assert [asked.reason for asked in house.asked] == ["it is to run outside the sandbox"]
    assert KEY in (home / SETTINGS / "config.toml").read_text()


async def test_the_checkout_that_the_daemon_really_runs_from_asks(home: Path, script: Script) -> None:
    checkout = Path(agent_lsp.__file__).parent.parent
    if not (checkout / "pyproject.toml").is_file():
        pytest.skip("it is not installed from a checkout")
    name = f"harm_{os.getpid()}.py"
    calls = [call("write_file", path=path, content="harm") for path in (f"agent_lsp/{name}", name)]
    async with opened(script({"calls": calls}, {"text": "ok"}), checkout, preset="edits", allow=EVERYTHING) as house:
        house.answer = lambda _: Decision(Choice.REJECT)
        await house.ask()
        reasons = [asked.reason for asked in house.asked]
    assert [reason.endswith("agent-lsp runs from it, outside the sandbox") for reason in reasons] == [True, True]
    assert [asked.choices for asked in house.asked] == [(Choice.REJECT, Choice.ALLOW_ONCE)] * 2
    assert not (checkout / "agent_lsp" / name).exists()


def test_an_editable_installation_imports_nothing_else_that_lies_in_its_checkout(tmp_path: Path) -> None:
    """A command may make new files there; by the name of a library that is missing, the next daemon would run one."""
    checkout = Path(agent_lsp.__file__).parent.parent
    if not (checkout / "pyproject.toml").is_file():
        pytest.skip("it is not installed from a checkout")
    said = subprocess.run(
        [sys.executable, "-I", "-c", "import sys, agent_lsp; print(*sys.path, agent_lsp.__file__, sep='\\n')"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert str(checkout) not in said[:-1]
    assert Path(said[-1]).parent.parent == checkout


def test_what_the_user_s_own_packages_would_be_imported_from_is_the_installation(tmp_path: Path) -> None:
    """An interpreter without an environment imports from a folder in the user's home, there yet or not."""
    script = """
import os, site, sys
sys.path += sys.argv[1:]
from pathlib import Path
from agent_lsp.app.state_files import own
home = os.environ["HOME"]
Path(home, "source/agent-lsp").mkdir(parents=True)
ours = own(Path(home, "state"), [home], {"PATH": f"{home}/source"})
for place in (f"{site.getusersitepackages()}/new.py", f"{home}/source/agent-lsp/new.py"):
    print(ours.unchangeable("/", place))
"""
    packages = sysconfig.get_path("purelib")
    said = subprocess.run(
        [base_python(), "-c", script, packages, str(Path(agent_lsp.__file__).parent.parent)],
        env={"HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.splitlines() == ["agent-lsp's own installation", "None"]


def test_settings_that_the_user_looks_at_beside_the_workspace_are_kept(home: Path) -> None:
    files = Files(Roots([str(home / "project")], Own(settings=[str(home / SETTINGS)])), NoEditor())
    (home / "link.toml").symlink_to(f"{SETTINGS}/config.toml")
    (home / "hard.toml").hardlink_to(home / SETTINGS / "config.toml")

    names = (f"{SETTINGS}/config.toml", f"{SETTINGS}/new.toml", "link.toml", "hard.toml", ".config/other/config.toml")
    assert [files.keeps(str(home / name)) for name in names] == [True, True, True, True, False]


PLANTED = ("lib/python{0}{1}.zip", "bin/pyvenv.cfg", "bin/python{0}.{1}._pth", "bin/python{0}.{1}")


@pytest.mark.parametrize("place", [".pyenv/versions/3", ".local"])
def test_nothing_that_decides_how_its_interpreter_starts_is_made_beside_it(place: str, tmp_path: Path) -> None:
    """In a home that is open may lie a Python of the user's own, in a folder of its own or with other programs."""
    home, version = tmp_path.resolve(), sys.version_info[:2]
    prefix, stdlib = home / place, Path(sysconfig.get_path("stdlib"))
    program = prefix / "bin/python{}.{}".format(*version)
    for folder in (program.parent, prefix / "lib"):
        folder.mkdir(parents=True)
    shutil.copy(base_python(), program)
    (prefix / "lib" / stdlib.name).symlink_to(stdlib)
    script = """
import os, sys
sys.path += sys.argv[1:3]
from pathlib import Path
from agent_lsp.app.state_files import own
ours = own(Path(os.environ["HOME"], "state"), [os.environ["HOME"]], {})
print(*(ours.unchangeable("/", path) for path in sys.argv[3:]), sep="\\n")
"""
    planted = [str(prefix / name.format(*version)) for name in PLANTED]
    others = [str(home / ".local/share/new"), str(home / ".local/pyvenv.cfg")]
    packages, checkout = sysconfig.get_path("purelib"), str(Path(agent_lsp.__file__).parent.parent)
    said = subprocess.run(
        [program, "-c", script, packages, checkout, *planted, *others],
        env={"HOME": str(home), "LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.splitlines() == ["agent-lsp's own installation"] * len(planted) + ["None"] * len(others)
