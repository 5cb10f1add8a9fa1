"""What others change is told once, before the model's next step."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_lsp.awareness.change_notices import ChangeNotices, ChangeWatcher, _stamp
from agent_lsp.awareness.read_tracker import ReadTracker
from agent_lsp.conversation.messages import Notice
from agent_lsp.files.files import Files
from tests.open_buffers import OpenBuffers


@pytest.fixture
async def changes(files: Files) -> AsyncIterator[ChangeWatcher]:
    changes = ChangeWatcher(files)
    yield changes
    await changes.close()


@pytest.fixture
def news(changes: ChangeWatcher) -> ChangeNotices:
    return changes.news_of(ReadTracker())


async def seen(news: ChangeNotices, files: Files, *paths: str) -> None:
    for path in paths:
        document = await files.read(path)
        news.seen.note(document.location.path, document.text)


def told(*files: str) -> Notice:
    return Notice(
        f"changed by the user or a program since you last saw it: {', '.join(files)}. Read again what you still need."
    )


async def test_what_changes_on_disk_is_told_once(news: ChangeNotices, files: Files, workspace: Path) -> None:
    for name in ("a", "b", "c"):
        (workspace / name).write_text("one\ntwo\n")
    await seen(news, files, "a", "b")
    assert await news() is None

    for name in ("a", "c"):
        (workspace / name).write_text("one\n2\n")
    (workspace / "b").unlink()

    assert await news() == told("a (changed in line 2)", "b (deleted, or no longer readable)")
    assert await news() is None
    (workspace / "b").write_text("one\ntwo\n")
    assert await news() == told("b (as you saw it again)")


async def test_what_the_user_types_and_what_closing_without_saving_loses_is_told(
    news: ChangeNotices, files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a").write_text("one\ntwo\n")
    (workspace / "link").symlink_to("a")
    await seen(news, files, "link")

    editor.open(workspace / "a", "one\ntwo\nthree\n")
    assert await news() == told("a (changed in line 3)")
    editor.buffers.clear()
    assert await news() == told("a (as you saw it again)")


async def test_what_the_agent_itself_wrote_is_no_news(news: ChangeNotices, files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("one\n")
    await seen(news, files, "a")
    assert await news() is None

    location = files.roots.find("a")
    performed = await files.perform(await files.change(location, await files.read("a"), "two\n"))
    news.seen.note(location.path, performed.made.after or "")

    assert await news() is None


async def test_a_change_that_leaves_the_stamp_alone_is_noticed_as_it_happens(
    news: ChangeNotices, files: Files, workspace: Path
) -> None:
    (workspace / "a").write_text("one\n")
    await seen(news, files, "a")
    assert await news() is None

    (workspace / "a").write_text("two\n")
    news._stamps = {path: _stamp(path, {}) for path in news._stamps}  # as on a disk with coarse times
    async with asyncio.timeout(60):
        while not news._flagged:
            await asyncio.sleep(0.01)
    assert await news() == told("a (changed in line 1)")


async def test_a_folder_that_was_made_anew_is_watched_again(
    news: ChangeNotices, changes: ChangeWatcher, files: Files, workspace: Path
) -> None:
    (workspace / "folder").mkdir()
    (workspace / "folder" / "a").write_text("one\n")
    await seen(news, files, "folder/a")
    assert await news() is None

    (workspace / "folder").rename(workspace / "old")
    (workspace / "folder").mkdir()
    assert await news() == told("folder/a (deleted, or no longer readable)")
    (workspace / "folder" / "a").write_text("two\n")

    async with asyncio.timeout(60):
        while str(workspace / "folder" / "a") not in news._flagged:
            await asyncio.sleep(0.01)
    assert await news() == told("folder/a (changed in line 1)")


@pytest.mark.parametrize(("later", "again"), [(1, {"a"}), (3, set[str]())])
async def test_another_folder_has_only_those_looked_at_again_that_may_have_kept_their_stamp(
    files: Files, workspace: Path, later: int, again: set[str]
) -> None:
    """Reading all files for each new folder takes more than a second where two thousand were seen."""
    (workspace / "a").write_text("one\n")
    (workspace / "folder").mkdir()
    (workspace / "folder" / "b").write_text("two\n")
    changes = ChangeWatcher(files, clock=lambda: (workspace / "a").stat().st_mtime_ns + later * 1_000_000_000)
    news = changes.news_of(ReadTracker())
    await seen(news, files, "a")
    assert await news() is None
    assert news._flagged == set()

    await seen(news, files, "folder/b")
    await changes.look(lambda: None)
    assert news._flagged == {str(workspace / name) for name in again}
    await changes.close()


async def test_only_the_folders_of_files_that_were_seen_are_watched(
    news: ChangeNotices, changes: ChangeWatcher, files: Files, workspace: Path
) -> None:
    for path in ("a", "b/c/d", "e/f"):
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text("x")
    assert await news() is None
    assert changes._watched == {}

    await seen(news, files, "b/c/d")
    await news()
    assert [*changes._watched] == [str(workspace / "b" / "c")]


async def test_what_cannot_be_watched_is_told_by_its_stamp(
    news: ChangeNotices, changes: ChangeWatcher, files: Files, workspace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace / "folder").mkdir()
    (workspace / "folder" / "a").write_text("one\n")
    await seen(news, files, "folder/a")
    await news()
    assert changes._task
    changes._task.cancel()
    await asyncio.wait([changes._task])

    (workspace / "folder" / "a").write_text("two\n")
    assert await news() == told("folder/a (changed in line 1)")


async def test_folders_that_come_and_go_are_told(
    news: ChangeNotices, files: Files, workspace: Path, outside: Path
) -> None:
    assert await news() is None

    files.roots.replace([str(workspace), str(outside)])
    assert await news() == Notice(
        f"the workspace folders are now: {workspace}, {outside}. Paths begin with the folder's last name."
    )
    assert await news() is None
    files.roots.replace([])
    assert await news() == Notice("the workspace folders are now: none.")


async def test_files_that_were_seen_are_told_as_their_folder_goes_and_comes_however_old_they_are(
    news: ChangeNotices, files: Files, workspace: Path, outside: Path
) -> None:
    (workspace / "a").write_text("one\n")
    os.utime(workspace / "a", (1, 1))
    await seen(news, files, "a")
    await news()
    news._flagged.clear()

    files.roots.replace([str(outside)])
    gone = told(f"{workspace}/a (deleted, or no longer readable)").text
    assert await news() == Notice(f"the workspace folders are now: {outside}. {gone}")
    files.roots.replace([str(workspace)])
    again = told("a (as you saw it again)").text
    assert await news() == Notice(f"the workspace folders are now: {workspace}. {again}")


async def test_each_session_is_told_by_itself(changes: ChangeWatcher, files: Files, workspace: Path) -> None:
    one, other = changes.news_of(ReadTracker()), changes.news_of(ReadTracker())
    (workspace / "a").write_text("one\n")
    await seen(one, files, "a")
    assert (await one(), await other()) == (None, None)

    (workspace / "a").write_text("two\n")
    assert (await one(), await other()) == (told("a (changed in line 1)"), None)


async def test_many_changes_are_counted_and_odd_names_quoted(
    news: ChangeNotices, files: Files, workspace: Path
) -> None:
    names = [f"{number:02}" for number in range(30)] + ["a\nb"]
    for name in names:
        (workspace / name).write_text("one\n")
    await seen(news, files, *reversed(names))
    await news()
    for name in names:
        os.utime(workspace / name)
        (workspace / name).write_text("two\n")

    notice = await news()
    assert notice
    assert notice.text.startswith(
        "changed by the user or a program since you last saw it: 'a\\nb' (changed in line 1), 29"
    )
    assert "and 11 more" in notice.text
