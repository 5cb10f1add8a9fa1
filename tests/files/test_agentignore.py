"""What the user keeps from the agent stays with the user, whatever it is called and whoever asks."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_lsp.conversation.actions import FileChange, WorkspacePath
from agent_lsp.files import safe_open
from agent_lsp.files.agentignore import IgnoreRules
from agent_lsp.files.files import Files
from agent_lsp.files.location import PathRefused
from agent_lsp.files.safe_open import FileContent
from agent_lsp.processes.run import Processes
from agent_lsp.search.found import Query
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from tests.open_buffers import OpenBuffers

RULES = "# what is mine\nsecrets/\n*.key\n!ok.key\n/top\n"
MINE = ["secrets/a", "secrets/ok.key", "a.key", "src/deep/b.KEY", "top", "Secrets/x", "TOP", "secrets/a\nb"]
FREE = ["ok.key", "src/top", "src/a.py", "secrets.txt"]


@pytest.fixture
def ruled(workspace: Path) -> Path:
    (workspace / ".agentignore").write_text(RULES)
    for path in [*MINE, *FREE]:
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text("needle\n")
    return workspace


async def test_what_the_rules_name_is_refused_with_the_rule_and_all_else_is_read(files: Files, ruled: Path) -> None:
    for path in MINE:
        with pytest.raises(PathRefused, match=r"is kept from the agent by \.agentignore, line \d \('.*'\): do without"):
            await files.read(path)
    with pytest.raises(PathRefused) as caught:
        files.roots.find("secrets")
    assert str(caught.value) == (
        "'secrets' is kept from the agent by .agentignore, line 2 ('secrets/'): do without it, or ask the user"
    )
    assert [(await files.read(path)).text for path in FREE] == ["needle\n"] * len(FREE)


@pytest.mark.parametrize("ripgrep", [True, False])
@pytest.mark.parametrize("glob", [None, "*"])
async def test_neither_search_nor_listing_shows_it(
    files: Files, editor: OpenBuffers, processes: Processes, ruled: Path, ripgrep: bool, glob: str | None
) -> None:
    (ruled / ".gitignore").write_text("!*.key\n!secrets/\n")
    editor.open(ruled / "a.key", "needle, not saved")
    editor.open(ruled / "secrets" / "new", "needle, not saved")
    search = Search(files, processes, program() if ripgrep else None)
    root = files.roots.find(".")

    found = await search.find(Query("needle", root, glob=glob))
    listing = await search.files(root, glob=glob)

    assert {line.shown for line in found.lines} == {*FREE}
    assert {*listing.paths} == {*FREE, ".agentignore", ".gitignore"}
    assert files.unsaved_texts() == {}
    assert await files.unsaved() == ()


async def test_no_link_leads_to_it(files: Files, editor: OpenBuffers, ruled: Path) -> None:
    (ruled / "folder").symlink_to("secrets")
    (ruled / "file").symlink_to("a.key")
    editor.open(ruled / "secrets" / "new", "not saved")

    for path in ("folder/a", "folder/new", "folder/ok.key", "file"):
        with pytest.raises(PathRefused, match="is kept from the agent"):
            await files.read(path)
    inside = files.roots.find("folder/new.txt")
    works: list[Callable[[], None]] = [
        partial(safe_open.write, inside, b"x"),
        partial(safe_open.move, files.roots.find("ok.key"), inside),
        partial(safe_open.move, files.roots.find("folder/a"), files.roots.find("taken")),
        partial(safe_open.delete, files.roots.find("folder/a"), FileContent(b"", 0o644)),
    ]
    for work in works:
        with pytest.raises(PathRefused, match="is kept from the agent"):
            work()
    assert sorted(path.name for path in (ruled / "secrets").iterdir()) == ["a", "a\nb", "ok.key"]


def test_what_the_editor_shows_is_kept_by_any_name(files: Files, ruled: Path, outside: Path) -> None:
    (ruled / "file").symlink_to("a.key")
    paths = [ruled / "a.key", ruled / "file", ruled / "src" / "a.py", outside / "secret.txt"]

    assert [files.keeps(str(path)) for path in paths] == [True, True, False, False]


async def test_it_can_be_neither_made_nor_moved_and_the_rules_are_not_the_agents_to_change(
    files: Files, ruled: Path
) -> None:
    for path in ("secrets/new/deep", "new.key"):
        with pytest.raises(PathRefused, match="is kept from the agent"):
            await files.read_if_there(path)
    (ruled / "here").symlink_to(".")
    assert (await files.read(".agentignore")).text == RULES
    for path in (".agentignore", ".AIignore", "here/.agentignore"):
        location = files.roots.find(path)
        works: list[Callable[[], None]] = [
            partial(safe_open.write, location, b"", mode=0o644),
            partial(safe_open.delete, location, FileContent(b"", 0o644)),
            partial(safe_open.move, location, files.roots.find("moved")),
            partial(safe_open.move, files.roots.find("ok.key"), location),
        ]
        for work in works:
            with pytest.raises(PathRefused, match="only the user changes it"):
                work()
    assert (ruled / ".agentignore").read_text() == RULES


async def test_the_rules_are_not_the_agents_to_change_in_the_editor_either(
    files: Files, editor: OpenBuffers, ruled: Path
) -> None:
    editor.open(ruled / ".agentignore", RULES)
    (ruled / "link").symlink_to(".agentignore")

    for path in (".agentignore", "link"):
        document = await files.read(path)
        with pytest.raises(PathRefused, match="only the user changes it"):
            await files.change(document.location, document, "")
        with pytest.raises(PathRefused, match="only the user changes it"):
            await files.perform(FileChange(WorkspacePath(str(ruled), path, path), RULES, ""))
    assert editor.buffers[str(ruled / ".agentignore")].text == RULES


async def test_names_that_are_nearest_do_not_tell_of_it(files: Files, ruled: Path) -> None:
    with pytest.raises(PathRefused) as caught:
        await files.read("tops")
    assert str(caught.value) == "not found: 'tops'."


async def test_rules_are_read_again_when_they_change(files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("a")
    for rules, free in (("b\n", True), ("b\na\n", False), ("b\n", True)):
        (workspace / ".aiignore").write_text(rules)
        assert IgnoreRules(str(workspace)).judge()("a") is free
        if free:
            assert (await files.read("a")).text == "a"
        else:
            with pytest.raises(PathRefused, match=r"\.aiignore, line 2"):
                await files.read("a")
    (workspace / ".aiignore").unlink()
    assert (await files.read("a")).text == "a"


def test_rules_of_the_same_length_and_time_are_read_again(workspace: Path) -> None:
    file = workspace / ".agentignore"
    file.write_text("a\n")
    rules = IgnoreRules(str(workspace))
    assert [rules.judge()(name) for name in ("a", "b")] == [False, True]
    before = file.stat()

    while file.stat().st_ctime_ns == before.st_ctime_ns:  # a disk's clock ticks every few milliseconds
        file.write_text("b\n")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert [rules.judge()(name) for name in ("a", "b")] == [True, False]


@pytest.mark.parametrize(
    ("rules", "kept", "free"),
    [
        ("*\n!*/\n!*.py", "a.txt src/a.txt", "a.py src/a.py src/deep/a.py"),
        ("build/*\n!build/keep/", "build/a build/x/a", "build/keep/a build/keep/deep/a other/build/a"),
        ("secrets/\n!secrets/a", "secrets/a secrets/b x/secrets/b", "secret"),
        ("*.key\n!ok.key", "a.key x/b.key ok.key/b.key", "ok.key x/ok.key"),
        ("/a/**\n!/a/b/", "a/x a/b/c", "a x/a/y"),
        ("b\n!a/", "a/b a/b/c b", "a/c"),
        ("a/**/b", "a/b a/x/y/b a/b/c", "x/a/b"),
        ("[ab]?.t*t\n\\!x\n\\#y", "a1.txt x/b2.tt !x #y", "c1.txt x y"),
        ("a*\n!a*/**", "a ab/x ab/x/y", "b/c"),
        ("a/**\n!a/b", "a/c a/d/b", "a a/b x/a/c"),
        ("?\n!a\t", "a a/x", "ab"),
        (" x\ny  ", " x y", "x"),
    ],
)
def test_rules_are_gitignores(workspace: Path, rules: str, kept: str, free: str) -> None:
    (workspace / ".agentignore").write_text(rules)
    judge = IgnoreRules(str(workspace)).judge()
    by_hand = [" x", "y"] if rules.startswith(" x") else kept.split(" ")

    assert [path for path in by_hand if judge(path)] == []
    assert [path for path in free.split(" ") if not judge(path)] == []


def test_a_folder_may_be_free_where_a_file_of_its_name_is_not(workspace: Path) -> None:
    (workspace / ".agentignore").write_text("*\n!*/\n")
    rules = IgnoreRules(str(workspace))
    with pytest.raises(PathRefused):
        rules.must_allow("src")
    (workspace / "src").mkdir()
    rules.must_allow("src")


@pytest.mark.parametrize("broken", ["folder", "outside", "large"])
async def test_rules_that_cannot_be_read_keep_everything(
    files: Files, workspace: Path, outside: Path, broken: str
) -> None:
    (workspace / "a").write_text("a")
    file = workspace / ".agentignore"
    match broken:
        case "folder":
            file.mkdir()
        case "outside":
            file.symlink_to(outside / "secret.txt")
        case _:
            file.write_text("x\n" * (1 << 20))

    with pytest.raises(PathRefused, match=r"the rules in \.agentignore cannot be read \(.*\): nothing is read or"):
        await files.read("a")


def test_lines_that_are_no_rules_are_passed_over(workspace: Path) -> None:
    (workspace / ".agentignore").write_bytes(b"\xef\xbb\xbf!\r\n\\\r\na\\\r\n\r\ncaf\xe9\r\n")

    judge = IgnoreRules(str(workspace)).judge()
    assert (judge("a"), judge("caf\udce9")) == (True, False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["a", "B", "..", ".", "link", "secrets", "SECRETS", "", "x\ny"]), max_size=6))
def test_no_path_reads_what_is_kept(files: Files, workspace: Path, parts: list[str]) -> None:
    (workspace / ".agentignore").write_text("secrets\n")
    for folder in ("secrets/a/B", "a/B/secrets", "x\ny/secrets"):
        (workspace / folder).mkdir(parents=True, exist_ok=True)
        (workspace / folder / "key").write_text("kept")
    if not (workspace / "link").exists():
        (workspace / "link").symlink_to("a/B/secrets")

    with pytest.raises(PathRefused):
        safe_open.read(files.roots.find("/".join([*parts, "key"])))
