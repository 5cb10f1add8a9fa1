"""What is open is what is worked on, whatever its name and however an editor spells its URI."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.conversation.uris import uri_of
from tests.conftest import Start, call
from tests.models.provider import HELLO, Provider, Reply
from tests.raw_client import RawClient
from tests.spelling import NAMES, SPELLINGS, Spelling, as_everything, as_neovim, as_vscode, taken_for

Script = Callable[..., str]
SAVED, UNSAVED, EDITED = "one\nsaved\n", "one\nUNSAVED\n", "two\nUNSAVED\n"


def told(client: RawClient, prompt: str = "go") -> list[str]:
    """Asks, says yes to all, and returns what the model was told of each call."""
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    done = client.command("agent.ask", {"prompt": prompt, "wait": True}, 120)
    assert done["stopReason"] == "end_turn", done
    entries = client.command("agent.session", {"sessionId": done["sessionId"]})["entries"]
    return [result["text"] for entry in entries if entry.get("role") == "tool" for result in entry["results"]]


class Editor:
    """Holds documents open under its own spelling of their URIs and knows no other; `tell` syncs an edit."""

    def __init__(self, client: RawClient, tell: Callable[[str, str, int], object] | None = None) -> None:
        self._client, self._tell = client, tell or client.change
        self.texts: dict[str, str] = {}
        client.answers["workspace/applyEdit"] = self._apply

    def open(self, uri: str, text: str) -> None:
        self.texts[uri] = text
        document = {"uri": uri, "languageId": "text", "version": 1, "text": text}
        self._client.notify("textDocument/didOpen", {"textDocument": document})

    def _apply(self, params: Any) -> Any:
        [change] = params["edit"]["documentChanges"]
        uri = change["textDocument"]["uri"]
        lines = self.texts[uri].splitlines(keepends=True)
        for edit in reversed(change["edits"]):
            start, end = edit["range"]["start"], edit["range"]["end"]
            lines[start["line"] : end["line"]] = [edit["newText"]]
        self.texts[uri] = "".join(lines)
        self._tell(uri, self.texts[uri], change["textDocument"]["version"] + 1)
        return {"applied": True}


def started(client: RawClient, root: str | None, **more: Any) -> None:
    """The handshake, with one workspace folder as the editor spells it."""
    folders = [{"uri": root, "name": "root"}] if root else None
    params = {**client.initialize_params(None, {"approvals": True}), "workspaceFolders": folders, **more}
    client.call("initialize", params)
    client.notify("initialized", {})


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_unsaved_texts_are_read_searched_run_and_edited_whatever_their_names(
    daemon: Start, tmp_path: Path, script: Script, spelled: Spelling
) -> None:
    root = tmp_path / "C# & co"
    files = [root / name for name in NAMES]
    others = {other for file in files for other in taken_for(file) if other not in files}
    root.mkdir()
    for file in (*files, *others):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SAVED)
    edit = [{"old_text": "one", "new_text": "two"}]
    reads = [call("read_file", path=str(file)) for file in files]
    looks = [call("search", pattern="UNSAVED"), call("run_command", command="grep -lr UNSAVED .")]
    edits = [call("edit_file", path=file.name, edits=edit) for file in files]
    client = daemon(script({"calls": [*reads, *looks]}, {"calls": edits}, {"text": "Done."}))
    started(client, spelled(root))
    editor = Editor(client)
    for file in files:
        editor.open(spelled(file), UNSAVED)

    results = told(client)

    names = sorted(NAMES)
    *read, searched, ran = results[: len(reads) + 2]
    assert read == ["1\tone\n2\tUNSAVED\n"] * len(files)
    assert sorted(line for line in searched.splitlines() if "\t" not in line and line) == names
    grepped, _, note = ran.partition("\n\n")
    assert sorted(line.removeprefix("./") for line in grepped.splitlines()) == names
    assert note == f"[unsaved in the editor, so the command read it from there: {', '.join(names)}]"
    assert results[len(reads) + 2 :] == [f"Edit {n}: done, in the editor's buffer, not saved yet." for n in NAMES]
    assert editor.texts == {spelled(file): EDITED for file in files}
    assert {file.read_text() for file in (*files, *others)} == {SAVED}

    session = client.command("agent.sessions", {})[0]["sessionId"]
    undone = client.command("agent.undo", {"sessionId": session})
    assert (sorted(undone["restored"]), undone["kept"]) == (sorted(uri_of(str(file)) for file in files), [])
    assert editor.texts == {spelled(file): UNSAVED for file in files}


@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_a_selection_is_told_whatever_the_name_of_its_file(
    daemon: Start, tmp_path: Path, spelled: Spelling
) -> None:
    range_ = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 7}}
    async with Provider(Reply(HELLO)).serving() as provider:
        client = daemon("openai-chat:x", AGENT_LSP_BASE_URL=provider.url, AGENT_LSP_API_KEY="k")

        def ask_about_each() -> None:
            started(client, spelled(tmp_path))
            editor = Editor(client)
            for name in NAMES:
                editor.open(spelled(tmp_path / name), UNSAVED)
                context = {"uri": spelled(tmp_path / name), "range": range_}
                client.command("agent.ask", {"prompt": "go", "context": context, "wait": True}, 60)

        await asyncio.to_thread(ask_about_each)
    prompts = [asked.body["messages"][-1]["content"] for asked in provider.asked]
    assert prompts == [
        f"[The user is looking at {tmp_path / name}, lines 2 to 2]\n[Selected text:]\nUNSAVED\n\ngo" for name in NAMES
    ]


def test_two_spellings_of_a_uri_are_one_document_and_edits_carry_that_of_its_opening(
    daemon: Start, tmp_path: Path, script: Script
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "[a+b].txt").write_text(SAVED)
    (tmp_path / "link").symlink_to(root)
    edit = [{"old_text": "one", "new_text": "two"}]
    client = daemon(
        script(
            {"calls": [call("edit_file", path="[a+b].txt", edits=edit)]},
            {"calls": [call("read_file", path="[a+b].txt")]},
            {"text": "Done."},
        )
    )
    started(client, as_vscode(root))
    file = tmp_path / "link/[a+b].txt"

    def tell_late(_: str, text: str, version: int) -> None:
        threading.Timer(0.15, client.change, [as_neovim(file), text, version]).start()

    editor = Editor(client, tell_late)
    opened = as_everything(file)
    editor.open(opened, SAVED)
    client.change(as_neovim(file), UNSAVED, 2)
    editor.texts[opened] = UNSAVED

    assert told(client)[1] == "1\ttwo\n2\tUNSAVED\n"
    assert editor.texts == {opened: EDITED}

    client.notify("textDocument/didClose", {"textDocument": {"uri": as_vscode(file)}})
    assert told(client)[1] == "1\ttwo\n2\tsaved\n"


def test_documents_whose_names_are_not_utf_8_are_told_apart(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"calls": [call("search", pattern="UNSAVED")]}, {"text": "Done."}))
    started(client, as_vscode(workspace))
    for number, name in enumerate(("%FE.txt", "%FF.txt")):
        Editor(client).open(f"{as_vscode(workspace)}/{name}", f"UNSAVED {number}\n")
    [found] = told(client)
    assert [line for line in found.splitlines() if "UNSAVED" in line] == ["1:\tUNSAVED 0", "1:\tUNSAVED 1"]


@pytest.mark.parametrize("field", ["workspaceFolders", "rootUri", "rootPath"])
def test_a_folder_is_opened_and_not_the_one_beside_it_with_the_shorter_name(
    daemon: Start, tmp_path: Path, script: Script, field: str
) -> None:
    opened, beside = tmp_path / "C#", tmp_path / "C"
    for folder in (opened, beside):
        folder.mkdir()
        (folder / "a.txt").write_text(f"{folder.name}\n")
    calls = [
        call("read_file", path="a.txt"),
        call("read_file", path=str(beside / "a.txt")),
        call("write_file", path="new.txt", content="new\n"),
        call("write_file", path=str(beside / "new.txt"), content="new\n"),
        call("run_command", command='basename "$PWD"; cat a.txt'),
    ]
    client = daemon(script(*({"calls": [one]} for one in calls), {"text": "Done."}))
    uri = as_vscode(opened)
    value = {"workspaceFolders": [{"uri": uri, "name": "x"}], "rootUri": uri, "rootPath": str(opened)}[field]
    started(client, None, **{field: value})

    read, read_beside, _, wrote_beside, ran = told(client)

    assert (read, ran) == ("1\tC#\n", "C#\nC#\n")
    outside = f"lies outside the workspace ({opened})"
    assert [outside in text for text in (read_beside, wrote_beside)] == [True, True]
    assert [(folder / "new.txt").exists() for folder in (opened, beside)] == [True, False]


def test_folders_of_every_name_come_and_go_and_no_other_with_them(
    daemon: Start, tmp_path: Path, script: Script
) -> None:
    folders = [tmp_path / "several" / name for name in NAMES]
    others = sorted({other for folder in folders for other in taken_for(folder) if other not in folders})
    first = tmp_path / "first"
    for folder in (first, *folders, *others):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("text\n")
    reads = [call("read_file", path=str(folder / "a.txt")) for folder in (*folders, *others)]
    client = daemon(script({"calls": reads}, {"text": "Done."}))
    started(client, as_vscode(first))

    def change(added: list[str], removed: list[str]) -> list[bool]:
        """Opens and closes folders; whether each of all may be read then."""
        event = {
            name: [{"uri": uri, "name": "x"} for uri in uris] for name, uris in (("added", added), ("removed", removed))
        }
        client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
        return [text == "1\ttext\n" for text in told(client)]

    only_those = [True] * len(folders) + [False] * len(others)
    spelled = {spelling: [spelling(folder) for folder in folders] for spelling in SPELLINGS}
    assert change(spelled[as_vscode], []) == only_those
    assert change(spelled[as_neovim], spelled[as_vscode]) == only_those
    assert change([], spelled[as_everything]) == [False] * len(reads)
    assert client.named("window/showMessage") == []


def test_a_folder_whose_name_was_not_encoded_is_refused_and_not_cut(
    daemon: Start, tmp_path: Path, script: Script
) -> None:
    for name in ("C", "C#"):
        (tmp_path / name).mkdir()
    client = daemon(script({"text": "ok"}))
    started(client, f"file://{tmp_path}/C#")
    done = client.command("agent.ask", {"prompt": "go", "wait": True})
    assert done["error"] == {
        "kind": "workspace",
        "message": f"no workspace folder is on this machine (file://{tmp_path}/C#): open one by a file:/// URI,"
        " in which # is %23 and ? is %3F",
    }
