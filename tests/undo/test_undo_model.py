"""Random interleavings of the agent's edits, the user's own, undo, redo and restarts, against a model of the texts."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent_lsp.agent import Turn
from agent_lsp.conversation.actions import Action, FileChange, FileMove, ToolKind
from agent_lsp.conversation.entries import TurnBegan, TurnEnded
from agent_lsp.conversation.messages import StopReason, Usage
from agent_lsp.conversation.uris import path_of
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.journal.journal import Journal
from agent_lsp.processes.run import Processes
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from agent_lsp.session import Lifecycle, SessionError, SessionState, TurnContext, TurnRequest
from agent_lsp.session.checkpoint_retention import CheckpointRetention
from agent_lsp.session.history import History, Restored
from agent_lsp.session.open_sessions import OpenSessions
from agent_lsp.session.session import Session
from agent_lsp.session.watchers import Watchers
from agent_lsp.undo.checkpoints import Checkpoints
from agent_lsp.undo.content_store import ContentStore
from agent_lsp.undo.snapshots import Snapshots
from agent_lsp.undo.undo import Undo
from tests.open_buffers import OpenBuffers

NAMES = ("a", "b", "c")
names = st.sampled_from(NAMES)


async def never(order: TurnRequest, place: TurnContext) -> Turn:
    raise AssertionError("no turn is built here")


def nothing() -> SessionState:
    raise AssertionError("no turn begins here")


class Undoing(RuleBasedStateMachine):
    """Each text is unique and says who wrote it: `user 7` must never be lost but by the user."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.count = 0
        self.users: dict[str, str] = {}
        """What the user wrote last into a file; not what an undo brought back, which a redo may take away again."""

    def teardown(self) -> None:
        self.loop.run_until_complete(self.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    async def close(self) -> None:
        await self.journal.close()
        await self.processes.close()

    @initialize()
    def begin(self) -> None:
        self.workspace = self.folder / "workspace"
        self.workspace.mkdir()
        for name in NAMES[:2]:
            (self.workspace / name).write_text(f"user {name}\n")
            self.users[name] = f"user {name}\n"
        self.editor = OpenBuffers()
        self.loop.run_until_complete(self.start())

    async def start(self, session_id: str | None = None) -> None:
        self.processes = Processes()
        self.files = Files(Roots([str(self.workspace)]), self.editor)
        objects = ContentStore(self.folder / "objects")
        snapshots = Snapshots(self.files, Search(self.files, self.processes, program()), objects)
        self.checkpoints = Checkpoints(self.files, objects, snapshots)
        self.history = History(Undo(self.files, objects), snapshots, self.new_id)
        self.journal = Journal(self.folder / "journal.sqlite3")
        sessions = OpenSessions(
            self.journal,
            "w",
            lifecycle=Lifecycle(nothing, never, CheckpointRetention(objects).keep_for_closed),
            watchers=Watchers(),
            new_id=self.new_id,
            now=lambda: 0.0,
        )
        self.session: Session = await (sessions.get(session_id) if session_id else sessions.new("x"))

    def new_id(self, what: str) -> str:
        self.count += 1
        return f"{what}_{self.count}"

    def text(self, name: str) -> str | None:
        """What the user sees."""
        path = self.workspace / name
        if buffer := self.editor.buffers.get(str(path)):
            return buffer.text
        return path.read_text() if path.exists() else None

    def written(self, who: str) -> str:
        self.count += 1
        return f"{who} {self.count}\n"

    @rule(name=names)
    def user_writes_on_disk(self, name: str) -> None:
        self.users[name] = self.written("user")
        (self.workspace / name).write_text(self.users[name])
        if buffer := self.editor.buffers.get(str(self.workspace / name)):
            self.editor.open(Path(buffer.path), self.users[name])

    @rule(name=names)
    def user_types(self, name: str) -> None:
        if self.text(name) is not None:
            self.users[name] = self.written("user")
            self.editor.open(self.workspace / name, self.users[name])

    @rule(name=names)
    def user_saves_and_closes(self, name: str) -> None:
        if buffer := self.editor.buffers.pop(str(self.workspace / name), None):
            (self.workspace / name).write_text(buffer.text)

    @rule(
        changed=st.lists(st.tuples(names, st.sampled_from(["edit", "edit", "delete", "move"])), min_size=1, max_size=3)
    )
    def agent_turns(self, changed: list[tuple[str, str]]) -> None:
        self.loop.run_until_complete(self.turn(changed))

    async def turn(self, changed: list[tuple[str, str]]) -> None:
        turn_id = self.new_id("turn")
        await self.session.append(TurnBegan(turn_id, "m"))
        for name, how in changed:
            await self.call(turn_id, name, how)
        await self.session.append(TurnEnded(turn_id, StopReason.END_TURN, Usage(), 0.0))

    async def call(self, turn_id: str, name: str, how: str) -> None:
        """As agent/call.py does it."""
        path, text = self.workspace / name, self.text(name)
        opened = str(path) in self.editor.buffers
        if (how != "edit" and text is None) or (how in {"delete", "move"} and opened):
            return
        found = await self.files.read_if_there(name)
        document = None if text is None else found
        location = self.files.roots.find(name)
        free = next((other for other in NAMES if self.text(other) is None), None)
        if how == "move" and free and text is not None:
            move = await self.files.move(name, self.files.roots.find(free))
            action = Action("move_file", ToolKind.MOVE, "t", move)
        else:
            after = None if how == "delete" else self.written("agent")
            change = await self.files.change(location, document, after)  # type: ignore[arg-type]  # a document if there is a text
            action = Action("edit_file", ToolKind.EDIT, "t", change)
        taken = await self.checkpoints.take(action)
        await self.session.append(taken.entry(self.new_id("call"), turn_id, ""))
        match action.effect:
            case FileChange() as change:
                await self.files.perform(change)
                self.users.pop(name, None)
            case FileMove() as move:
                await self.files.perform_move(move)
                if name in self.users:
                    self.users[free or ""] = self.users.pop(name)

    @rule()
    def undo(self) -> None:
        self.bring_back("undo")

    @rule()
    def redo(self) -> None:
        self.bring_back("redo")

    def bring_back(self, how: str) -> None:
        before = {name: self.text(name) for name in NAMES}
        try:
            outcome: Restored = self.loop.run_until_complete(getattr(self.history, how)(self.session))
        except SessionError:
            return
        restored = {Path(path_of(uri) or "").name for uri in outcome.restored}
        for name in NAMES:
            if name not in restored:
                assert self.text(name) == before[name], f"{how} changed {name} and did not say so"
        self.moved(before, restored)

    def moved(self, before: dict[str, str | None], restored: set[str]) -> None:
        """What the user wrote last may only move, together with its file."""
        for name in restored & self.users.keys():
            places = [other for other in restored if self.text(other) == before[name]]
            assert places, f"{before[name]!r} of the user is lost"
            del self.users[name]
            self.users[places[0]] = before[name] or ""

    @rule()
    def restart(self) -> None:
        session_id = self.session.id
        self.loop.run_until_complete(self.close())
        self.loop.run_until_complete(self.start(session_id))

    @invariant()
    def no_text_is_half(self) -> None:
        for name in NAMES if hasattr(self, "workspace") else ():
            text = self.text(name)
            assert text is None or (text.count("\n") == 1 and text.split()[0] in {"user", "agent"})

    @invariant()
    def what_the_user_wrote_is_there(self) -> None:
        assert {name: self.text(name) for name in self.users} == self.users


Undoing.TestCase.settings = settings(stateful_step_count=15)
TestUndoing = Undoing.TestCase
