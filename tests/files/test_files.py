"""The files as the user sees them, and changes that are made only to what they were computed from."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.conversation.actions import FileChange, FileMove, WorkspacePath
from agent_lsp.files.disk import ChangedMeanwhile, TextFile
from agent_lsp.files.editor import EditorRefused, NoEditor
from agent_lsp.files.files import Files, Performed
from agent_lsp.files.location import NotThere, PathRefused
from agent_lsp.files.overlay import Buffer
from agent_lsp.files.roots import Roots
from agent_lsp.text.diffs import applied
from tests.open_buffers import OpenBuffers


async def changed(files: Files, path: str, after: str | None) -> FileChange:
    found = await files.read_if_there(path)
    if isinstance(found, TextFile):
        return await files.change(found.location, found, after)
    return await files.change(found, None, after)


async def moved(files: Files, path: str, new_path: str) -> FileMove:
    return await files.move(path, files.roots.find(new_path))


async def test_a_file_is_read_from_disk_or_as_it_stands_in_the_editor(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a.py").write_bytes(b"on disk\r\n")
    on_disk = await files.read("a.py")
    editor.open(workspace / "a.py", "not saved")

    assert on_disk == TextFile(files.roots.find("a.py"), "on disk\r\n", None)
    assert await files.read("a.py") == TextFile(files.roots.find("a.py"), "not saved", 1)


async def test_a_buffer_that_was_never_saved_is_read(files: Files, editor: OpenBuffers, workspace: Path) -> None:
    editor.open(workspace / "new" / "a.py", "only here")

    assert (await files.read("new/a.py")).text == "only here"


async def test_a_buffer_is_found_through_a_linked_folder(files: Files, editor: OpenBuffers, workspace: Path) -> None:
    (workspace / "real").mkdir()
    (workspace / "real" / "a").write_text("on disk")
    (workspace / "link").symlink_to("real")
    editor.open(workspace / "link" / "a", "not saved")

    assert (await files.read("real/a")).text == "not saved"


async def test_a_buffer_is_found_by_a_name_in_other_letters_if_it_is_one_file(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    """Two names of one file stand for a disk that does not tell upper from lower case."""
    (workspace / "a").write_text("on disk")
    (workspace / "A").hardlink_to(workspace / "a")
    (workspace / "b").write_text("another")
    (workspace / "B").write_text("on disk")
    editor.open(workspace / "A", "not saved")
    editor.open(workspace / "B", "not saved")

    assert [(await files.read(name)).text for name in ("a", "b")] == ["not saved", "another"]


async def test_a_link_to_a_buffer_outside_is_no_way_to_its_text(
    files: Files, editor: OpenBuffers, workspace: Path, outside: Path
) -> None:
    (workspace / "link").symlink_to(outside / "secret.txt")
    editor.open(outside / "secret.txt", "unsaved secret")
    change = FileChange(WorkspacePath(str(workspace), "link", "link"), "unsaved secret", "changed")

    with pytest.raises(PathRefused, match="leads outside the workspace"):
        await files.read("link")
    with pytest.raises(PathRefused, match="leads outside the workspace"):
        await files.perform(change)
    editor.open(workspace / "link", "unsaved secret")
    assert files.unsaved_texts() == {}
    assert await files.unsaved() == ()
    assert editor.buffers[str(outside / "secret.txt")].text == "unsaved secret"


async def test_an_edit_through_a_link_changes_what_it_leads_to_and_the_link_stays(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "real").mkdir()
    (workspace / "real" / "a").write_text("one")
    (workspace / "folder").symlink_to("real")
    (workspace / "link").symlink_to("folder/a")

    change = await changed(files, "link", "two")
    assert (change.path, change.shown) == (str(workspace / "real" / "a"), "real/a")
    assert (await files.perform(change)).where == "on disk"
    editor.open(workspace / "link", "three")
    await files.perform(await changed(files, "folder/a", "four"))

    assert [(workspace / name).readlink().as_posix() for name in ("folder", "link")] == ["real", "folder/a"]
    assert (workspace / "real" / "a").read_text() == "two"
    assert editor.buffers[str(workspace / "link")].text == "four"
    assert [*files.unsaved_texts()] == [str(workspace / "real" / "a")]
    editor.buffers.clear()
    await files.perform(await files.deletion("link"))
    assert sorted(path.name for path in workspace.rglob("*")) == ["a", "folder", "real"]


async def test_a_file_is_created_where_a_link_leads_and_never_outside(
    files: Files, workspace: Path, outside: Path
) -> None:
    (workspace / "link").symlink_to("new/a")
    (workspace / "outwards").symlink_to("../outside/none")

    assert await files.perform(await changed(files, "link", "one"))
    assert (workspace / "new" / "a").read_text() == (workspace / "link").read_text() == "one"
    with pytest.raises(PathRefused, match="'outwards' leads outside the workspace through a link"):
        await changed(files, "outwards", "one")
    assert [path.name for path in outside.iterdir()] == ["secret.txt"]


async def test_a_read_only_file_is_not_replaced_behind_its_mode_and_in_the_editor_it_is_the_users_to_save(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a").write_text("one")
    (workspace / "a").chmod(0o444)

    with pytest.raises(PathRefused, match=r"^'a' is read-only: ask the user whether to make it writable"):
        await changed(files, "a", "two")
    editor.open(workspace / "a", "one")
    await files.perform(await changed(files, "a", "two"))
    assert ((workspace / "a").read_text(), editor.buffers[str(workspace / "a")].text) == ("one", "two")


async def test_a_link_is_not_moved(files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("one")
    (workspace / "link").symlink_to("a")

    with pytest.raises(PathRefused, match=r"^'link' is a link: move what it leads to"):
        await moved(files, "link", "folder/link")


async def test_a_missing_file_is_told_with_the_nearest_names(files: Files, workspace: Path) -> None:
    (workspace / "src").mkdir()
    (workspace / "src" / "server.py").touch()

    with pytest.raises(NotThere, match=r"^not found: 'src/servre\.py'\. Nearest: src/server\.py\.$"):
        await files.read("src/servre.py")
    with pytest.raises(NotThere, match=r"^not found: 'source/a\.py'\. There is no folder 'source'\.$"):
        await files.read("source/a.py")
    with pytest.raises(NotThere, match=r"^not found: 'zzz'\.$"):
        await files.read("zzz")


ENCODED = {
    "latin": (b"caf\xe9\r\nx\n\ny", b"caf\xe9\r\n\xfc\n\ny"),
    "marked": (b"\xef\xbb\xbfx\r", b"\xef\xbb\xbf\xc3\xbc\r"),
    "little": (b"\xff\xfex\0\r\0\n\0", b"\xff\xfe\xfc\0\r\0\n\0"),
    "big": (b"\xfe\xff\0x", b"\xfe\xff\0\xfc"),
}


@pytest.mark.parametrize("name", ENCODED)
async def test_encodings_and_line_ends_are_kept_byte_for_byte(files: Files, workspace: Path, name: str) -> None:
    before, after = ENCODED[name]
    (workspace / name).write_bytes(before)

    document = await files.read(name)
    await files.perform(await files.change(document.location, document, document.text.replace("x", "ü")))

    assert (workspace / name).read_bytes() == after


async def test_a_text_that_the_files_encoding_cannot_hold_is_refused_before_anybody_is_asked(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "latin").write_bytes(b"caf\xe9")

    with pytest.raises(PathRefused, match=r"^'latin' cannot be written: the text has '日', which Latin-1, the file's"):
        await changed(files, "latin", "日")
    editor.open(workspace / "latin", "café")
    assert (await changed(files, "latin", "日")).after == "日"


async def test_binary_files_are_moved_and_deleted_and_nothing_else(files: Files, workspace: Path) -> None:
    (workspace / "image").write_bytes(b"\x89PNG\0\0")

    with pytest.raises(PathRefused, match="'image' is a binary file of 6 bytes: use a command for it"):
        await files.read("image")
    await files.perform_move(await moved(files, "image", "moved"))
    assert (workspace / "moved").read_bytes() == b"\x89PNG\0\0"
    deletion = await files.deletion("moved")
    assert await files.perform(deletion) == Performed("on disk", deletion)
    assert list(workspace.iterdir()) == []


async def test_binary_files_that_changed_meanwhile_are_left_alone(files: Files, workspace: Path) -> None:
    (workspace / "image").write_bytes(b"\x89PNG\0\0")
    move, deletion = await moved(files, "image", "moved"), await files.deletion("image")
    (workspace / "image").write_bytes(b"\x89PNG\0\1")

    for work in (files.perform_move(move), files.perform(deletion)):
        with pytest.raises(ChangedMeanwhile):
            await work
    assert (workspace / "image").read_bytes() == b"\x89PNG\0\1"


async def test_a_change_to_a_closed_file_is_made_on_disk(files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("old\n")
    (workspace / "a").chmod(0o755)
    change = await changed(files, "a", "new\n")
    assert (workspace / "a").read_text() == "old\n"

    assert await files.perform(change) == Performed("on disk", change)
    assert (workspace / "a").read_text() == "new\n"
    assert (workspace / "a").stat().st_mode & 0o777 == 0o755


async def test_a_change_to_an_open_file_is_made_in_the_editor(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "a").write_text("on disk\n")
    editor.open(workspace / "a", "not saved\n")

    change = await changed(files, "a", "new\n")

    assert await files.perform(change) == Performed("in the editor's buffer, not saved yet", change)
    assert (workspace / "a").read_text() == "on disk\n"
    assert editor.buffers[str(workspace / "a")].text == "new\n"


async def test_what_changed_on_disk_meanwhile_is_left_alone(files: Files, workspace: Path) -> None:
    (workspace / "a").write_text("old\n")
    changes = [await changed(files, "a", after) for after in ("new\n", None)]
    (workspace / "a").write_text("theirs\n")

    for change in changes:
        with pytest.raises(ChangedMeanwhile, match="'a' was changed by somebody else meanwhile"):
            await files.perform(change)
    assert (workspace / "a").read_text() == "theirs\n"


NUMBERS = "".join(f"{number}\n" for number in range(9))


@pytest.mark.parametrize("opened", [False, True])
async def test_what_others_changed_elsewhere_in_the_file_is_kept(
    files: Files, editor: OpenBuffers, workspace: Path, opened: bool
) -> None:
    (workspace / "a").write_text(NUMBERS)
    change = await changed(files, "a", NUMBERS.replace("7", "seven"))
    theirs = NUMBERS.replace("2", "two\n2.5")
    if opened:
        editor.open(workspace / "a", theirs)
    else:
        (workspace / "a").write_text(theirs)

    performed = await files.perform(change)

    both = theirs.replace("7", "seven")
    assert (performed.made.before, performed.made.after) == (theirs, both)
    assert applied(theirs, performed.made.hunks) == both
    assert (editor.buffers[str(workspace / "a")].text if opened else (workspace / "a").read_text()) == both


async def test_typing_while_the_editor_applies_an_edit_is_kept(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    editor.open(workspace / "a", NUMBERS)
    change = await changed(files, "a", NUMBERS.replace("7", "seven"))
    editor.typing = [NUMBERS.replace("0", "zero"), NUMBERS.replace("0", "zero!")]

    performed = await files.perform(change)

    assert performed.made.after == editor.buffers[str(workspace / "a")].text
    assert performed.made.after == NUMBERS.replace("0", "zero!").replace("7", "seven")


async def test_somebody_who_never_stops_typing_is_not_overwritten(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    editor.open(workspace / "a", NUMBERS)
    change = await changed(files, "a", NUMBERS.replace("7", "seven"))
    editor.typing = [NUMBERS + "x" * length for length in range(1, 20)]

    with pytest.raises(EditorRefused, match="'a' is being changed all the time"):
        await files.perform(change)
    assert editor.buffers[str(workspace / "a")].text == NUMBERS + "x" * 8


async def test_an_edit_that_was_made_and_then_reworked_is_not_made_twice(
    files: Files, editor: OpenBuffers, workspace: Path
) -> None:
    editor.open(workspace / "a", NUMBERS)
    change = await changed(files, "a", NUMBERS.replace("7", "6\n7"))
    editor.typing = [NUMBERS.replace("7", "6\n7").replace("0", "zero")]

    with pytest.raises(EditorRefused):
        await files.perform(change)
    assert editor.buffers[str(workspace / "a")].text == NUMBERS.replace("7", "6\n7").replace("0", "zero")


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
    deletion = await changed(files, "a", None)
    assert await files.perform(deletion) == Performed("on disk", deletion)
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
        await changed(files, "a", "\ud83d")
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
        await editor.apply(FileChange(WorkspacePath("/", "a", "a"), "x", "y"), Buffer("/a", "file:///a", "x", 1))
