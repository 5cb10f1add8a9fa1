"""Every path lies beneath a root, whatever it is called and whoever moves it."""

from __future__ import annotations

import ctypes
import errno
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent_lsp.conversation.uris import path_of
from agent_lsp.files import safe_open
from agent_lsp.files.location import Location, Moved, NotThere, PathRefused
from agent_lsp.files.openat import open_by_component, place_of
from agent_lsp.files.roots import Roots
from agent_lsp.files.safe_open import MOST_BYTES, FileContent

ODD_NAMES = [
    "a\nb",
    "a\tb",
    " ",
    "-rf",
    "*?[",
    "ünï",
    "日本",
    "🎉",
    "caf\udce9",
    "a\\b",
    "'\"",
    "x" * 250,
    "...",
    "%41",
]


@pytest.fixture
def root(workspace: Path) -> Roots:
    return Roots([str(workspace)])


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(PathRefused) as caught:
        work()
    return str(caught.value)


def test_a_path_is_relative_to_the_root_or_absolute_beneath_it(root: Roots, workspace: Path) -> None:
    (only,) = root.all
    expected = Location(only, "src/a.py", "src/a.py")

    assert [root.find(path) for path in ("src/a.py", "./src//a.py", "src/x/../a.py", f"{workspace}/src/a.py")] == [
        expected
    ] * 4
    assert root.find(".") == root.find("") == root.find(str(workspace)) == Location(only, "", ".")
    assert (expected.path, expected.uri) == (f"{workspace}/src/a.py", (workspace / "src/a.py").as_uri())


@pytest.mark.parametrize(
    "path", ["..", "../x", "src/../../x", "/etc/passwd", "/", "//etc", "{root}-2/x", "{root}/../x", "~/../.."]
)
def test_a_path_that_leads_outside_is_refused(root: Roots, workspace: Path, path: str) -> None:
    if path == "~/../..":  # a tilde is a name like any other
        path = "~/../../x"

    assert "lies outside the workspace" in refusal(lambda: root.find(path.format(root=workspace)))


def test_paths_that_are_no_names_are_refused(root: Roots) -> None:
    assert refusal(lambda: root.find("a\0b")) == "a path cannot contain a NUL character"
    assert "half a surrogate pair" in refusal(lambda: root.find("a\ud83d"))


def test_with_several_roots_a_path_begins_with_the_name_of_one(tmp_path: Path) -> None:
    for folder in ("one/app", "two/app", "app-2", "lib"):
        (tmp_path / folder).mkdir(parents=True)
    several = Roots([str(tmp_path / folder) for folder in ("one/app", "app-2", "two/app", "lib", "lib")])

    assert [(root.name, Path(root.path).relative_to(tmp_path).as_posix()) for root in several.all] == [
        ("app", "one/app"),
        ("app-2", "app-2"),
        ("app-3", "two/app"),
        ("lib", "lib"),
    ]
    assert several.find("app-3/x").path == str(tmp_path / "two/app/x")
    assert several.find(str(tmp_path / "two/app/x")).shown == "app-3/x"
    assert several.find("lib").shown == "lib"
    assert several.find("lib//etc/x").path == str(tmp_path / "lib/etc/x")
    assert refusal(lambda: several.find("x")) == "'x' must begin with a workspace folder: app, app-2, app-3, lib"
    assert "outside" in refusal(lambda: several.find("app/../lib/x"))


def test_a_root_inside_a_root_wins_for_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    nested = Roots([str(tmp_path / "a"), str(tmp_path / "a" / "b")])

    assert nested.find(str(tmp_path / "a" / "b" / "x")).shown == "b/x"


def test_folders_come_and_go_and_those_that_stay_keep_their_names(tmp_path: Path) -> None:
    for folder in ("one/app", "two/app", "lib"):
        (tmp_path / folder).mkdir(parents=True)
    one, two, lib = (str(tmp_path / folder) for folder in ("one/app", "two/app", "lib"))
    changing = Roots([one])
    inside = changing.find("x")

    assert changing.replace([two, one, lib, str(tmp_path / "nothing")]) == (str(tmp_path / "nothing"),)
    assert [(root.name, root.path) for root in changing.all] == [("app-2", two), ("app", one), ("lib", lib)]
    assert changing.find(inside.path).shown == "app/x"
    assert changing.replace([lib]) == ()
    assert "lies outside the workspace" in refusal(lambda: changing.find(inside.path))
    assert changing.find("x").path == f"{lib}/x"
    changing.replace([])
    for work in (changing.places, lambda: changing.find("x"), lambda: changing.find(inside.path)):
        assert refusal(work) == "no workspace folder is open: open a folder, then ask again"


def test_a_root_may_be_named_by_a_link_to_it(tmp_path: Path, workspace: Path) -> None:
    (tmp_path / "link").symlink_to(workspace)
    through = Roots([str(tmp_path / "link")])

    assert through.find(str(workspace / "x")) == through.find(str(tmp_path / "link" / "x"))


def test_a_root_in_whose_place_a_link_was_put_is_no_root_any_more(root: Roots, workspace: Path, outside: Path) -> None:
    (workspace / "secret.txt").touch()
    location = root.find("secret.txt")
    workspace.rename(workspace.with_name("renamed"))
    workspace.symlink_to(outside)

    for work in (
        lambda: safe_open.read(location),
        lambda: safe_open.write(location, b"", over=FileContent(b"secret\n", 0o644)),
    ):
        assert refusal(work).endswith(": Not a directory")
    assert refusal(root.present) == f"the workspace folder is gone: {workspace}"
    assert (outside / "secret.txt").read_text() == "secret\n"


def test_folders_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert refusal(lambda: Roots([])) == "no workspace folder is open: open a folder, then ask again"
    for name in ("file", "nothing"):
        assert "does not exist or is no folder" in refusal(lambda: Roots([str(tmp_path / name)]))  # noqa: B023


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_read_written_and_named_by_uri(root: Roots, workspace: Path, name: str) -> None:
    location = root.find(f"folder/{name}")
    safe_open.write(location, b"content")

    assert [path.name for path in (workspace / "folder").iterdir()] == [name]
    assert safe_open.read(root.find(location.path)).data == b"content"
    assert path_of(location.uri) == location.path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["..", ".", "a", "link", "", "~", "...", "/"]), max_size=8))
@example(["link", "secret.txt"])
def test_no_path_reads_what_lies_outside(root: Roots, workspace: Path, outside: Path, parts: list[str]) -> None:
    with suppress(FileExistsError):
        (workspace / "a").mkdir()
        (workspace / "a" / "link").symlink_to(outside)
        (workspace / "link").symlink_to("../outside")

    for last in ("secret.txt", "outside/secret.txt"):
        with suppress(PathRefused):
            assert safe_open.read(root.find("/".join([*parts, last]))).data != b"secret\n"


def test_a_link_that_leads_outside_is_neither_read_nor_written_through(
    root: Roots, workspace: Path, outside: Path
) -> None:
    (workspace / "file").symlink_to(outside / "secret.txt")
    (workspace / "folder").symlink_to(outside)
    inside = root.find("folder/secret.txt"), root.find("folder/new.txt"), root.find("file")

    for location in inside:
        assert "leads outside the workspace through a link" in refusal(lambda: safe_open.read(location))  # noqa: B023
    for work in (
        lambda: safe_open.write(inside[0], b"x", over=FileContent(b"secret\n", 0o644)),
        lambda: safe_open.write(inside[1], b"x"),
        lambda: safe_open.delete(inside[0], FileContent(b"secret\n", 0o644)),
        lambda: safe_open.move(inside[0], root.find("taken")),
        lambda: safe_open.is_folder(root.find("folder")),
        lambda: safe_open.exists(inside[0]),
        lambda: safe_open.must_lie_inside(inside[0]),
    ):
        assert "leads outside" in refusal(work)
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("secret.txt", "secret\n")]


def test_writing_replaces_a_link_and_not_what_it_leads_to(root: Roots, workspace: Path, outside: Path) -> None:
    (outside / "link").symlink_to("secret.txt")
    (workspace / "mine").write_text("secret\n")
    (workspace / "file").symlink_to("mine")
    there = safe_open.read(root.find("file"))
    (workspace / "file").unlink()
    (workspace / "file").symlink_to(outside / "secret.txt")
    assert "leads outside" in refusal(lambda: safe_open.write(root.find("file"), b"new", over=there))
    assert (workspace / "file").readlink() == outside / "secret.txt"
    (workspace / "file").unlink()
    (workspace / "file").symlink_to("mine")

    replaced(root, "file", b"new")

    assert not (workspace / "file").is_symlink()
    assert (outside / "secret.txt").read_text() == "secret\n"


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDONLY | os.O_NONBLOCK, getattr(os, "O_PATH", os.O_RDONLY)])
def test_without_the_kernels_help_no_path_leads_outside_and_no_link_is_followed(
    workspace: Path, outside: Path, flags: int
) -> None:
    (workspace / "a" / "b").mkdir(parents=True)
    (workspace / "a" / "b" / "c").touch()
    (workspace / "a" / "file").symlink_to(outside / "secret.txt")
    (workspace / "a" / "folder").symlink_to(outside)
    holder = os.open(workspace, os.O_RDONLY)
    outwards = ["../outside/secret.txt", "a/../../outside", str(outside), "/", "a/file", "a/folder", "a/folder/x"]

    for path in ("a/b/c", "a", "."):
        descriptor = open_by_component(holder, path, flags)
        assert place_of(descriptor) == os.path.normpath(workspace / path)
        assert not os.get_inheritable(descriptor)
        os.close(descriptor)
    for path in outwards:
        with pytest.raises(OSError, match=r"Invalid cross-device link|levels of symbolic links|Not a directory"):
            open_by_component(holder, path, flags)
    os.close(holder)


def test_a_link_that_stays_inside_is_followed(root: Roots, workspace: Path) -> None:
    (workspace / "real").mkdir()
    (workspace / "real" / "a").write_text("a")
    (workspace / "link").symlink_to("real")

    assert safe_open.read(root.find("link/a")).data == b"a"
    assert safe_open.is_folder(root.find("link"))


def test_what_is_no_regular_file_is_refused_at_once(root: Roots, workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    (workspace / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening, suppress(PermissionError):
        listening.bind(str(workspace / "socket"))
        os.mknod(workspace / "device", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    begun = time.monotonic()

    assert "no regular file but a device, pipe or socket" in refusal(lambda: safe_open.read(root.find("pipe")))
    assert "'socket'" in refusal(lambda: safe_open.read(root.find("socket")))
    if (workspace / "device").exists():
        refusal(lambda: safe_open.read(root.find("device")))
    assert refusal(lambda: safe_open.read(root.find("folder"))) == "'folder' is a folder: use list_files"
    assert time.monotonic() - begun < 5


def test_a_giant_is_refused_with_its_size(root: Roots, workspace: Path) -> None:
    with (workspace / "giant").open("wb") as file:
        file.truncate(1 << 40)
    with (workspace / "just").open("wb") as file:
        file.truncate(MOST_BYTES)

    assert refusal(lambda: safe_open.read(root.find("giant"))) == (
        "'giant' has 1048576 MB; at most 50 MB are read: search it instead"
    )
    assert len(safe_open.read(root.find("just")).data) == MOST_BYTES


def test_what_is_not_there_is_told_apart(root: Roots) -> None:
    for path in ("nothing", "no/folder/nothing"):
        with pytest.raises(NotThere):
            safe_open.read(root.find(path))
        assert not safe_open.exists(root.find(path))
        assert not safe_open.is_folder(root.find(path))
        safe_open.must_lie_inside(root.find(path))
    assert safe_open.exists(root.find("."))


def test_a_workspace_folder_that_is_gone_is_named(root: Roots, workspace: Path) -> None:
    location = root.find("a/b.txt")
    shutil.rmtree(workspace)

    for work in (lambda: safe_open.read(location), lambda: safe_open.write(location, b"x")):
        assert refusal(work) == f"the workspace folder is gone: {workspace}"


def test_links_that_lead_round_in_a_circle_are_told_from_those_that_lead_outside(root: Roots, workspace: Path) -> None:
    (workspace / "one").symlink_to("other")
    (workspace / "other").symlink_to("one")

    assert refusal(lambda: safe_open.read(root.find("one"))) == "'one' is a link that leads round in a circle"


def test_a_hard_link_is_not_written_through(root: Roots, workspace: Path, outside: Path) -> None:
    os.link(outside / "secret.txt", workspace / "linked")

    replaced(root, "linked", b"new")

    assert (outside / "secret.txt").read_text() == "secret\n"
    assert (workspace / "linked").read_text() == "new"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o4755, 0o444])
def test_the_mode_is_kept(root: Roots, workspace: Path, mode: int) -> None:
    (workspace / "file").touch()
    (workspace / "file").chmod(mode)

    replaced(root, "file", b"new")

    assert stat.S_IMODE((workspace / "file").stat().st_mode) == mode


def test_a_new_file_gets_the_usual_mode_and_its_folders(root: Roots, workspace: Path) -> None:
    safe_open.write(root.find("a/b/c.txt"), b"x")
    (workspace / "like").touch()

    assert (workspace / "a/b/c.txt").stat().st_mode == (workspace / "like").stat().st_mode


def test_a_new_file_never_replaces_one(root: Roots, workspace: Path) -> None:
    (workspace / "taken").write_text("mine")
    (workspace / "dangling").symlink_to("nowhere")

    for name in ("taken", "dangling"):
        assert refusal(lambda: safe_open.write(root.find(name), b"x")) == f"'{name}' exists already"  # noqa: B023
    assert (workspace / "taken").read_text() == "mine"
    assert sorted(path.name for path in workspace.iterdir()) == ["dangling", "taken"]


def test_a_move_never_replaces_a_file(root: Roots, workspace: Path) -> None:
    (workspace / "a").write_text("a")
    (workspace / "b").write_text("b")

    assert refusal(lambda: safe_open.move(root.find("a"), root.find("b"))) == "'b' exists already"
    safe_open.move(root.find("a"), root.find("new/a"))
    assert [(workspace / name).read_text() for name in ("new/a", "b")] == ["a", "b"]


def test_a_move_to_another_disk_says_what_to_do(tmp_path: Path, workspace: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == workspace.stat().st_dev:
        pytest.skip("there is one disk only")
    both = Roots([str(workspace), str(elsewhere)])
    (workspace / "a").touch()

    assert "is on another disk: write it there, then delete it here" in refusal(
        lambda: safe_open.move(both.find("workspace/a"), both.find(f"shm/agent-lsp-test-{os.getpid()}"))
    )


def test_the_root_itself_cannot_be_changed(root: Roots) -> None:
    for work in (lambda: safe_open.write(root.find("."), b""), lambda: safe_open.delete(root.find("."), NOTHING)):
        assert refusal(work) == "the workspace folder itself cannot be changed"


def test_folders_and_failures_of_the_system_are_one_line(root: Roots, workspace: Path) -> None:
    (workspace / "folder").mkdir()
    (workspace / "file").touch()

    assert "'folder'" in refusal(lambda: safe_open.delete(root.find("folder"), NOTHING))
    assert "'folder'" in refusal(lambda: safe_open.write(root.find("folder"), b"", over=NOTHING))
    assert (workspace / "folder").is_dir()
    assert "file/x" in refusal(lambda: safe_open.read(root.find("file/x")))
    assert "name too long" in refusal(lambda: safe_open.write(root.find("x" * 300), b"")).lower()
    assert "name too long" in refusal(lambda: safe_open.exists(root.find("x" * 300))).lower()


NOTHING = FileContent(b"", 0o644)


def replaced(root: Roots, path: str, data: bytes) -> None:
    location = root.find(path)
    safe_open.write(location, data, over=safe_open.read(location))


@contextmanager
def failing(*, after: int, events: frozenset[str]) -> Iterator[list[str]]:
    """Every call of the file system that Python announces, from the `after`th on, fails as on a full disk."""
    seen: list[str] = []

    def hook(event: str, _: tuple[object, ...]) -> None:
        if active and event in events:
            seen.append(event)
            if len(seen) > after:
                raise OSError(errno.ENOSPC, "No space left on device")

    active = True
    sys.addaudithook(hook)
    try:
        yield seen
    finally:
        active = False


@pytest.mark.parametrize("after", range(8))
def test_a_write_that_fails_at_any_step_leaves_old_or_new(root: Roots, workspace: Path, after: int) -> None:
    (workspace / "file").write_text("old")
    there = safe_open.read(root.find("file"))

    events = frozenset({"open", "os.rename", "os.mkdir", "os.chmod", "os.link"})
    with failing(after=after, events=events), suppress(PathRefused):
        safe_open.write(root.find("file"), b"new" * 1000, over=there)

    assert (workspace / "file").read_text() in {"old", "new" * 1000}
    assert [path.name for path in workspace.iterdir()] == ["file"]


LIMITED = """
import resource, signal, sys
from agent_lsp.files import safe_open, roots
from agent_lsp.files.openat import open_by_component, place_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    location = roots.Roots([sys.argv[1]]).find("file")
    safe_open.write(location, b"new" * 10_000, over=safe_open.read(location))
except roots.PathRefused as refused:
    print(refused)
"""


def test_a_disk_that_fills_up_in_the_middle_leaves_the_old_file(workspace: Path) -> None:
    (workspace / "file").write_text("old")

    done = subprocess.run([sys.executable, "-c", LIMITED, workspace], capture_output=True, text=True, check=True)

    assert done.stdout == "'file': File too large\n"
    assert (workspace / "file").read_text() == "old"
    assert [path.name for path in workspace.iterdir()] == ["file"]


KILLED = """
import sys
from agent_lsp.files import safe_open, roots
from agent_lsp.files.openat import open_by_component, place_of
location = roots.Roots([sys.argv[1]]).find("file")
print("go", flush=True)
while True:
    for letter in b"ab":
        safe_open.write(location, bytes([letter]) * 2_000_000, over=safe_open.read(location))
"""


def test_a_kill_in_the_middle_of_a_write_leaves_old_or_new(workspace: Path) -> None:
    dice = random.Random(3)
    (workspace / "file").write_bytes(b"a" * 2_000_000)
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", KILLED, workspace], stdout=subprocess.PIPE)
        assert writer.stdout
        writer.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            writer.wait(dice.uniform(0.01, 0.1))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()

        assert (workspace / "file").read_bytes() in {letter * 2_000_000 for letter in (b"a", b"b")}


SWAPPER = """
import ctypes, os, random, sys
libc, dice = ctypes.CDLL(None, use_errno=True), random.Random(int(sys.argv[2]))
os.chdir(sys.argv[1])
print("go", flush=True)
while True:
    libc.renameat2(-100, b"folder", -100, b"link", 2)
    for _ in range(dice.randrange(200)):
        pass
"""


@contextmanager
def swapping(workspace: Path, outside: Path, seed: int) -> Iterator[None]:
    """`folder` and `link`, which leads outside, change places all the time."""
    (workspace / "folder").mkdir()
    (workspace / "folder" / "secret.txt").write_text("harmless\n")
    (workspace / "link").symlink_to(outside)
    swapper = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SWAPPER), workspace, str(seed)], stdout=subprocess.PIPE
    )
    assert swapper.stdout
    swapper.stdout.readline()
    try:
        yield
    finally:
        swapper.kill()
        swapper.wait()
        swapper.stdout.close()


def racing(tally: Mapping[str, int], wanted: Collection[str], enough: int) -> Iterator[int]:
    """Numbers for a second and a half; on a busy machine for longer, until all that is wanted came about often enough.

    At most for a minute.
    """
    begun = time.monotonic()
    for number in count(1):
        passed = time.monotonic() - begun
        if passed > 60 or (passed > 1.5 and all(tally[what] > enough for what in wanted)):
            return
        yield number


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "renameat2"), reason="folders can be swapped on Linux only")
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_read_or_written_outside_while_a_folder_is_swapped_with_a_link(
    root: Roots, workspace: Path, outside: Path, seed: int
) -> None:
    tally = Counter[str]()
    with swapping(workspace, outside, seed):
        for number in racing(tally, ("read", "refused"), 10):
            try:
                assert safe_open.read(root.find("folder/secret.txt")).data == b"harmless\n"
                tally["read"] += 1
                safe_open.write(root.find(f"folder/new-{number}"), b"x")
                replaced(root, f"folder/new-{number}", b"y")
                safe_open.write(root.find(f"folder/deep-{number}/new"), b"x")
                safe_open.move(root.find(f"folder/new-{number}"), root.find(f"folder/moved-{number}"))
                safe_open.delete(
                    root.find(f"folder/moved-{number}"), safe_open.read(root.find(f"folder/moved-{number}"))
                )
            except PathRefused:
                tally["refused"] += 1

    assert [path.name for path in outside.iterdir()] == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "secret\n"
    assert min(tally["read"], tally["refused"]) > 10


@pytest.mark.parametrize("meanwhile", [b"saved by the user", b"", None])
def test_what_somebody_saved_at_the_last_moment_is_neither_replaced_nor_deleted(
    root: Roots, workspace: Path, meanwhile: bytes | None
) -> None:
    file, location = workspace / "kept.txt", root.find("kept.txt")
    file.write_text("old")
    expected = safe_open.read(location)
    if meanwhile is None:
        file.chmod(0o640)
    else:
        file.write_bytes(meanwhile)

    why = "'kept.txt' was changed by somebody else at this moment"
    assert refusal(lambda: safe_open.write(location, b"new", over=expected)) == why
    assert refusal(lambda: safe_open.delete(location, expected)) == why
    assert file.read_bytes() == (b"old" if meanwhile is None else meanwhile)
    assert [entry.name for entry in workspace.iterdir()] == ["kept.txt"]


SAVER = """
import os, sys, time
file, number = sys.argv[1], 0
print("go", flush=True)
while True:
    number += 1
    with open(file + ".new", "w") as new:
        new.write(f"user {number}")
    os.rename(file + ".new", file)
    end = time.monotonic() + 1
    while not open(file).read().endswith(f"user {number}"):
        if time.monotonic() > end:
            sys.exit(f"save {number} is lost")
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "renameat2"), reason="files are exchanged on Linux only")
def test_no_save_of_another_program_is_lost_however_close(root: Roots, workspace: Path) -> None:
    file, location = workspace / "file", root.find("file")
    file.write_text("user 0")
    saver = subprocess.Popen([sys.executable, "-c", SAVER, file], stdout=subprocess.PIPE)
    assert saver.stdout
    saver.stdout.readline()
    tally = Counter[str]()
    for _ in racing(tally, ("written", "refused"), 3):
        there = safe_open.read(location)
        try:
            safe_open.write(location, b"agent, over " + there.data.rpartition(b", over ")[2], over=there)
            tally["written"] += 1
        except Moved:
            tally["refused"] += 1
    ended = saver.poll()
    saver.kill()
    saver.wait()
    saver.stdout.close()

    assert ended is None
    assert min(tally["written"], tally["refused"]) > 3
    assert [path.name for path in workspace.iterdir() if "agent-lsp" in path.name] == []


def test_a_path_that_was_found_is_held_against_folders_and_rules_as_they_are_now(workspace: Path) -> None:
    (workspace / "inner").mkdir()
    root = Roots([str(workspace)])
    found = root.find("inner/a.txt")
    assert root.again(found.value) == found

    (workspace / ".agentignore").write_text("inner/\n")
    assert "is kept from the agent" in refusal(lambda: root.again(found.value))
    root.replace([str(workspace), str(workspace / "inner")])
    assert root.again(found.value) == root.find(str(workspace / "inner" / "a.txt"))
    root.replace([])
    assert "lies outside the workspace (no folder is open)" in refusal(lambda: root.again(found.value))
