"""What was acknowledged is on disk, whatever happens to the writer."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_lsp.conversation.entries import Entry, Said, TurnBegan
from agent_lsp.conversation.messages import UserMessage
from agent_lsp.journal.journal import Journal, JournalError, Paid, SessionSummary


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def journal(tmp_path: Path, clock: Clock) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "state" / "journal.sqlite3", clock=clock)
    yield journal
    await journal.close()


def said(text: str) -> Said:
    return Said(UserMessage(text))


def start_writer(file: Path, session_id: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "tests.journal.writer", str(file), session_id]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def acknowledged(writer: subprocess.Popen[str], least: int) -> list[int]:
    """What it acknowledged until it was killed, soon after `least` entries."""
    assert writer.stdout
    lines = [line for _ in range(least) if (line := writer.stdout.readline())]
    writer.kill()
    lines += [line for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    writer.stdout.close()
    return [int(line) for line in lines]


async def test_what_is_appended_is_read_back(journal: Journal, clock: Clock) -> None:
    await journal.create("s1", workspace="/w", title="first")
    one, two = await journal.append("s1", None, (TurnBegan("t", "m"), said("hi")))
    clock.now += 1
    (three,) = await journal.append("s1", two.seq, (said("again"),))

    loaded = await journal.load("s1")

    assert loaded
    assert loaded.entries == (one, two, three)
    assert three == Entry(3, 2, clock.now, said("again"))
    assert await journal.head("s1") == 3
    assert await journal.load("unknown") is None


@pytest.mark.parametrize("least", random.Random(2).sample(range(1, 60), 3))
async def test_all_that_was_acknowledged_survives_a_kill_of_the_writer(tmp_path: Path, least: int) -> None:
    file = tmp_path / "journal.sqlite3"
    numbers = acknowledged(start_writer(file, "s1"), least)

    journal = Journal(file)
    loaded = await journal.load("s1")
    (summary,) = await journal.sessions("/w")
    await journal.close()

    assert loaded
    written = [entry.seq for entry in loaded.entries]
    assert written[: len(numbers)] == numbers
    assert len(written) <= len(numbers) + 1
    assert (summary.head, summary.cost) == (written[-1], 0.5 * len(written))


async def test_a_second_writer_that_moved_the_head_is_noticed(journal: Journal, tmp_path: Path) -> None:
    other = Journal(tmp_path / "state" / "journal.sqlite3")
    await journal.create("s1", workspace="/w", title="first")
    (one,) = await journal.append("s1", None, (said("one"),))
    (two,) = await other.append("s1", one.seq, (said("two"),))

    with pytest.raises(JournalError, match="session s1 was continued elsewhere: open it again"):
        await journal.append("s1", one.seq, (said("three"),), paid=Paid(1))

    loaded = await journal.load("s1")
    assert loaded
    assert loaded.entries == (one, two)
    assert await journal.spent_today() == 0
    await other.close()


async def test_a_session_is_held_by_one_process_until_it_dies(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    writer = start_writer(file, "s1")
    assert writer.stdout
    writer.stdout.readline()
    journal = Journal(file)

    with pytest.raises(JournalError, match="s1 is running in another editor"), journal.hold("s1"):
        pass
    with journal.hold("s2"):
        pass
    acknowledged(writer, 0)
    with journal.hold("s1"):
        pass
    await journal.close()


@pytest.mark.parametrize("name", ["../../escaped", "a/b", "..", "", "x" * 300, "a\0b"])
async def test_a_name_that_is_no_session_cannot_be_held(journal: Journal, tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match="is no session"), journal.hold(name):
        pass

    assert sorted(path.name for path in tmp_path.rglob("*") if "sqlite" not in path.name) == ["state"]


async def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    await Journal(file).close()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(JournalError, match=f"{file} was written by a newer agent-lsp: update this one"):
        Journal(file)


async def test_a_file_that_is_no_journal_is_named_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    file.write_bytes(b"this is not a database, however long it may be" * 100)

    with pytest.raises(JournalError, match=f"{file} cannot be used .*move it away, or set AGENT_LSP_STATE_DIR"):
        Journal(file)


async def test_a_place_where_no_file_can_be_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path / "file" / "journal.sqlite3")
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path)


async def test_a_journal_damaged_in_the_middle_is_named(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    journal = Journal(file)
    await journal.create("s1", workspace="/w", title="first")
    await journal.append("s1", None, tuple(said("x" * 3_000) for _ in range(50)))
    await journal.close()
    damaged = bytearray(file.read_bytes())
    damaged[8192:] = random.Random(1).randbytes(len(damaged) - 8192)
    file.write_bytes(damaged)
    journal = Journal(file)

    with pytest.raises(JournalError, match=str(file)):
        await journal.load("s1")
    await journal.close()


async def test_an_entry_that_cannot_be_read_names_its_session(journal: Journal, tmp_path: Path) -> None:
    await journal.create("s1", workspace="/w", title="first")
    await journal.append("s1", None, (said("one"),))
    with sqlite3.connect(tmp_path / "state" / "journal.sqlite3") as db:
        db.execute("""UPDATE entry SET content = '{"is":"Tomorrow"}'""")
    db.close()

    with pytest.raises(JournalError, match=r"session s1 in .* cannot be read: unknown entry 'Tomorrow'"):
        await journal.load("s1")


async def test_a_failed_write_leaves_the_journal_usable(journal: Journal) -> None:
    await journal.create("s1", workspace="/w", title="first")
    with pytest.raises(JournalError):
        await journal.create("s1", workspace="/w", title="the same id")
    with pytest.raises(JournalError):
        await journal.append("nobody", None, (said("x"),))

    (entry,) = await journal.append("s1", None, (said("one"),))
    loaded = await journal.load("s1")
    assert loaded
    assert loaded.entries == (entry,)


async def test_files_are_their_owners_only(journal: Journal, tmp_path: Path) -> None:
    await journal.create("s1", workspace="/w", title="first")
    with journal.hold("s1"):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").rglob("*")}

    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert modes == {
        "journal.sqlite3": 0o600,
        "journal.sqlite3-wal": 0o600,
        "journal.sqlite3-shm": 0o600,
        "locks": 0o700,
        "s1": 0o600,
    }


async def test_sessions_of_a_workspace_come_newest_first_with_their_costs(journal: Journal, clock: Clock) -> None:
    for number, workspace in enumerate(["/w", "/other", "/w"]):
        clock.now += 1
        await journal.create(f"s{number}", workspace=workspace, title=f"title {number}")
    clock.now += 10
    (entry,) = await journal.append("s0", None, (said("hi"),), paid=Paid(0.25))
    await journal.append("s0", entry.seq, (said("ho"),), paid=Paid(0.5))

    assert await journal.sessions("/w") == (
        SessionSummary("s0", "title 0", clock.now, 0.75, 2),
        SessionSummary("s2", "title 2", clock.now - 10, 0, None),
    )
    assert [one.id for one in await journal.sessions("/w", most=1)] == ["s0"]


async def test_what_was_spent_is_counted_by_the_day_in_utc(journal: Journal, clock: Clock) -> None:
    clock.now = 86_400.0 * 20_000 - 1
    await journal.create("s1", workspace="/w", title="first")
    await journal.create("s2", workspace="/other", title="second")
    (entry,) = await journal.append("s1", None, (said("a"),), paid=Paid(1))
    await journal.append("s2", None, (said("b"),), paid=Paid(2))
    before_midnight = await journal.spent_today()
    clock.now += 2
    await journal.append("s1", entry.seq, (said("c"),), paid=Paid(4))

    assert (before_midnight, await journal.spent_today()) == (3, 4)


async def test_names_that_are_no_unicode_can_be_stored(journal: Journal) -> None:
    await journal.create("s1", workspace="/w/caf\udce9", title="half \ud83d a pair\0")

    (summary,) = await journal.sessions("/w/caf\udce9")
    assert summary.title == "half \\ud83d a pair\0"


async def test_many_processes_may_open_a_new_journal_at_once(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    writers = await asyncio.to_thread(lambda: [start_writer(file, f"s{number}") for number in range(4)])

    numbers = [await asyncio.to_thread(acknowledged, writer, 5) for writer in writers]

    assert all(len(one) >= 5 for one in numbers)
    assert len({number for one in numbers for number in one}) == sum(map(len, numbers))


async def test_a_branch_shares_the_entries_up_to_its_own_and_goes_on_by_itself(journal: Journal, clock: Clock) -> None:
    await journal.create("s1", workspace="/w", title="first")
    one, two = await journal.append("s1", None, (said("one"), said("two")), paid=Paid(3))
    clock.now += 1

    branched = await journal.branch("s1", "s2", one.seq)
    (three,) = await journal.append("s2", one.seq, (said("three"),))

    assert branched
    assert branched.entries == (one,)
    loaded = [await journal.load(session) for session in ("s1", "s2")]
    assert [conversation and conversation.entries for conversation in loaded] == [(one, two), (one, three)]
    assert await journal.sessions("/w") == (
        SessionSummary("s2", "first", clock.now, 0.0, three.seq),
        SessionSummary("s1", "first", clock.now - 1, 3.0, two.seq),
    )
    assert await journal.branch("s2", "s3", two.seq) is None
    assert await journal.branch("unknown", "s3", one.seq) is None


HOLDERS = """
import os, sys, time
from pathlib import Path
from agent_lsp.journal.journal import _locked
file, end = Path(sys.argv[1]), time.monotonic() + 4
while time.monotonic() < end:
    try:
        lock = _locked(file)
    except BlockingIOError:
        continue
    file.unlink()
    os.close(lock)
"""


@pytest.mark.slow
def test_a_session_that_changes_hands_while_it_is_asked_for_is_held_by_somebody_or_by_nobody(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLDERS, str(tmp_path / "lock")]
    holders = [subprocess.Popen(argv, stderr=subprocess.PIPE) for _ in range(6)]

    assert [holder.communicate()[1].decode() for holder in holders] == [""] * 6
