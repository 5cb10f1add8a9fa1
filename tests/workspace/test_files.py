"""The files as the user sees them, and changes that are made only to what they were computed from."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.conversation.actions import FileChange, FileMove
from agent_lsp.workspace.editor import EditorRefused, NoEditor
from agent_lsp.workspace.files import ChangedMeanwhile, Document, Files
from agent_lsp.workspace.overlay import Buffer
from agent_lsp.workspace.roots import NotThere, PathRefused, Roots
from tests.workspace.conftest import OpenBuffers


async def changed(files: Files, path: str, after: str | None) -> FileChange:
    found = await files.read_if_there(path)
    if isinstance(found, Document):
        return await files.change(found.location, found, after)
    return await files.change(found, None, after)


async def moved(files: Files, path: str, new_path: str) -> FileMove:
    document, target = await files.read(path), files.roots.find(new_path)
    return FileMove(document.location.path, path, target.path, new_path, document.text)


async def test_a_file_is_read_from_disk_or_as_it_stands_in_the_editor(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a.py").write_bytes(b"on disk\r\n")
    on_disk = await files.read("a.py")
    editor.open(workspace / "a.py", "not saved")

    assert on_disk == Document(files.roots.find("a.py"), "on disk\r\n", None)
    assert await files.read("a.py") == Document(files.roots.find("a.py"), "not saved", 1)


async def test_a_buffer_that_was_never_saved_is_read(files: Files, editor: OpenBuffers, workspace: Path) -> None:
    editor.open(workspace / "new" / "a.py", "only here")

    assert (await files.read("new/a.py")).text == "only here"


async def test_a_buffer_is_found_through_a_linked_folder(files: Files, editor: OpenBuffers, workspace: Path) -> None:
    (workspace / "real").mkdir()
    (workspace / "real" / "a").write_text("on disk")
    (workspace / "link").symlink_to("real")
    editor.open(workspace / "link" / "a", "not saved")

    assert (await files.read("real/a")).text == "not saved"


async def test_a_link_to_a_buffer_outside_is_no_way_to_its_text(
    files: Files, editor: OpenBuffers, workspace: Path, outside: Path
) -> None:
    (workspace / "link").symlink_to(outside / "secret.txt")
    editor.open(outside / "secret.txt", "unsaved secret")
    change = FileChange(str(workspace / "link"), "link", "unsaved secret", "changed")

    with pytest.raises(PathRefused, match="leads outside the workspace"):
        await files.read("link")
    with pytest.raises(PathRefused, match="leads outside the workspace"):
        await files.perform(change)
    editor.open(workspace / "link", "unsaved secret")
    assert files.unsaved_texts() == {}
    assert await files.unsaved() == ()
    assert editor.buffers[str(outside / "secret.txt")].text == "unsaved secret"


async def test_a_missing_file_is_told_with_the_nearest_names(files: Files, workspace: Path) -> None:
    (workspace / "src").mkdir()
    (workspace / "src" / "server.py").touch()

    with pytest.raises(NotThere, match=r"^not found: 'src/servre\.py'\. Nearest: src/server\.py\.$"):
        await files.read("src/servre.py")
    with pytest.raises(NotThere, match=r"^not found: 'source/a\.py'\. There is no folder 'source'\.$"):
        await files.read("source/a.py")
    with pytest.raises(NotThere, match=r"^not found: 'zzz'\.$"):
        await files.read("zzz")


async def test_bytes_that_are_no_text_are_readable_or_refused(files: Files, workspace: Path) -> None:
    (workspace / "latin").write_bytes(b"caf\xe9")
    (workspace / "image").write_bytes(b"\x89PNG\0\0")

    document = await files.read("latin")
    assert (document.text, document.exact) == ("caf\ufffd", False)
    with pytest.raises(PathRefused, match="'latin' is not UTF-8: it can be read, not edited"):
        await files.change(document.location, document, "x")
    with pytest.raises(PathRefused, match="'image' is a binary file of 6 bytes: use a command for it"):
        await files.read("image")


async def test_a_change_to_a_closed_file_is_made_on_disk(files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("old\n")
    (workspace / "a").chmod(0o755)
    change = await changed(files, "a", "new\n")
    assert (workspace / "a").read_text() == "old\n"

    assert await files.perform(change) == "on disk"
    assert (workspace / "a").read_text() == "new\n"
    assert (workspace / "a").stat().st_mode & 0o777 == 0o755


async def test_a_change_to_an_open_file_is_made_in_the_editor(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a").write_text("on disk\n")
    editor.open(workspace / "a", "not saved\n")

    where = await files.perform(await changed(files, "a", "new\n"))

    assert where == "in the editor's buffer, not saved yet"
    assert (workspace / "a").read_text() == "on disk\n"
    assert editor.buffers[str(workspace / "a")].text == "new\n"


async def test_what_changed_on_disk_meanwhile_is_left_alone(files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("old\n")
    changes = [await changed(files, "a", after) for after in ("new\n", None)]
    (workspace / "a").write_text("theirs\n")

    for change in changes:
        with pytest.raises(ChangedMeanwhile, match="'a' was changed by somebody else meanwhile: read it again"):
            await files.perform(change)
    assert (workspace / "a").read_text() == "theirs\n"


async def test_what_was_created_meanwhile_is_left_alone(files: Files, workspace: Path) -> None:
    change = await changed(files, "a", "mine\n")
    (workspace / "a").write_text("theirs\n")

    with pytest.raises(ChangedMeanwhile, match="'a' was created by somebody else meanwhile"):
        await files.perform(change)
    assert (workspace / "a").read_text() == "theirs\n"


async def test_what_was_deleted_meanwhile_is_not_made_again(files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("old\n")
    change = await changed(files, "a", "new\n")
    (workspace / "a").unlink()

    with pytest.raises(NotThere):
        await files.perform(change)
    assert not (workspace / "a").exists()


async def test_what_the_user_typed_meanwhile_is_left_alone(files: Files, editor: OpenBuffers, workspace: Path) -> None:
    (workspace / "a").write_text("old\n")
    change = await changed(files, "a", "new\n")
    editor.open(workspace / "a", "typed\n")

    with pytest.raises(ChangedMeanwhile):
        await files.perform(change)
    assert editor.buffers[str(workspace / "a")].text == "typed\n"


async def test_a_buffer_closed_without_saving_takes_its_change_with_it(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a").write_text("on disk\n")
    editor.open(workspace / "a", "not saved\n")
    change = await changed(files, "a", "new\n")
    editor.buffers.clear()

    with pytest.raises(ChangedMeanwhile):
        await files.perform(change)
    assert (workspace / "a").read_text() == "on disk\n"


async def test_an_edit_that_the_editor_refuses_does_not_go_behind_its_back(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a").write_text("old\n")
    editor.open(workspace / "a", "old\n")
    change = await changed(files, "a", "new\n")
    editor.stale = True

    with pytest.raises(EditorRefused):
        await files.perform(change)
    assert (workspace / "a").read_text() == "old\n"


async def test_a_file_with_unsaved_changes_is_not_deleted_or_moved(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a").write_text("on disk\n")
    editor.open(workspace / "a", "not saved\n")
    deletion, move = await changed(files, "a", None), await moved(files, "a", "b")

    for work in (files.perform(deletion), files.perform_move(move)):
        with pytest.raises(EditorRefused, match="'a' has unsaved changes in the editor: ask the user to save or close"):
            await work
    editor.open(workspace / "a", "on disk\n")
    assert await files.perform(await changed(files, "a", None)) == "on disk"
    assert not (workspace / "a").exists()


async def test_nothing_is_moved_onto_a_name_that_the_editor_holds(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a").write_text("a")
    move = await moved(files, "a", "b")
    editor.open(workspace / "b", "never saved")

    with pytest.raises(EditorRefused, match="'b' is open in the editor"):
        await files.perform_move(move)
    editor.buffers.clear()
    await files.perform_move(move)
    assert (workspace / "b").read_text() == "a"


async def test_a_file_that_changed_meanwhile_is_not_moved(files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("a")
    move = await moved(files, "a", "b")
    (workspace / "a").write_text("theirs")

    with pytest.raises(ChangedMeanwhile):
        await files.perform_move(move)
    assert [path.name for path in workspace.iterdir()] == ["a"]


async def test_text_that_no_file_can_hold_is_refused(files: Files, workspace: Path) -> None:
    with pytest.raises(PathRefused, match="half a surrogate pair"):
        await files.perform(await changed(files, "a", "\ud83d"))
    assert list(workspace.iterdir()) == []


async def test_unsaved_files_are_listed(files: Files, editor: OpenBuffers, workspace: Path, outside: Path) -> None:
    for name in ("saved", "changed"):
        (workspace / name).write_text("x")
    editor.open(workspace / "saved", "x")
    editor.open(workspace / "changed", "y")
    editor.open(workspace / "new", "z")
    editor.open(outside / "secret.txt", "other")

    assert await files.unsaved() == ("changed", "new")
    assert set(files.unsaved_texts()) == {str(workspace / name) for name in ("saved", "changed", "new")}


async def test_without_an_editor_nothing_is_open(workspace: Path) -> None:
    editor = NoEditor()
    (workspace / "a").write_text("x")

    assert (await Files(Roots([str(workspace)]), editor).read("a")).version is None
    with pytest.raises(EditorRefused, match="no editor holds a open"):
        await editor.apply(FileChange("/a", "a", "x", "y"), Buffer("/a", "file:///a", "x", 1))
