"""A command of the model: what it sees of the workspace, its run in the sandbox, what of its deeds is taken back."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from agent_lsp.commands.unsaved_texts import Texts, unsaved
from agent_lsp.files.files import Files
from agent_lsp.files.location import PathRefused
from agent_lsp.processes.run import Ended, Processes, environment
from agent_lsp.sandbox import Launch, Sandbox, SandboxRefused, SandboxView
from agent_lsp.sandbox.choose import Sandboxes
from agent_lsp.sandbox.guard.hard_links import gathered, names_of, other_names
from agent_lsp.sandbox.guard.protected_names import ProtectedNames
from agent_lsp.sandbox.guard.quarantine import Backup, Quarantine, kept
from agent_lsp.sandbox.guard.restore import Enforced, settled
from agent_lsp.sandbox.guard.scan import NOT_ENTERED, Keeps, Scan, survey
from agent_lsp.sandbox.launch import launched
from agent_lsp.sandbox.levels.none import Unconfined
from agent_lsp.sandbox.trusted_programs import beneath, search_path

_GIT = re.compile(r"(?<![\w.-])git(?![\w./-])")
"""Git as a word or the end of a path, not a folder on the way (`~/git/project`)."""


@dataclass(frozen=True, slots=True)
class CommandRules:
    """What holds for every command.

    `protected` are names relative to any folder, which at a root hold also where there is nothing yet; `watched` are
    such names, and patterns of them, that hold where there is something, and are taken back where a command made it.
    `hidden` are absolute paths, `variables` go into each command's environment. `unsandboxed` lets commands run where
    nothing confines them.
    """

    protected: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    unsandboxed: bool = False


@dataclass(frozen=True, slots=True)
class CommandRun:
    """What to run, with the absolute folder and the bounds: seconds, and bytes of output that are kept.

    One that `reads` runs where it cannot write, if it is confined.
    """

    argv: tuple[str, ...]
    cwd: str
    timeout_seconds: float
    most_bytes: int
    reads: bool = False
    output: Callable[[bytes], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A protected entry, as users read it, that a command had changed or made; `kept_at` is where that lies now, None
    where it had only taken the entry away."""

    shown: str
    kept_at: str | None


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended; which unsaved texts it read, and which it did not see, as users read their paths.

    `kept` are the files and folders that were hidden from it, for the user keeps them from the agent, `pipes` the named
    pipes and sockets, by which it would reach another program.
    `left` are protected entries that it made and that could not be taken back, `opened` folders that it had closed to
    the user. `surveyed` is False where the workspace has too many folders to find all that a command made there.
    """

    ended: Ended
    read_unsaved: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    taken_back: tuple[TakenBack, ...] = ()
    left: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    surveyed: bool = True
    kept: tuple[str, ...] = ()
    pipes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Hold:
    """What a command is held by: what must be put back after it, what it could not make, what stands until then."""

    guarded: Backup = field(default_factory=dict)
    covers: Callable[[str], bool] = lambda _: False
    until_settled: ExitStack = field(default_factory=ExitStack)


def runs_git(argv: Sequence[str]) -> bool:
    """Whether a command names git, so that it is refused what lies in hidden folders; other programs find them empty.

    At a folder that refuses them, those that walk a workspace fail, such as pytest.
    """
    return any(_GIT.search(word) for word in argv)


class Commands:
    """Runs commands for tools."""

    def __init__(
        self, files: Files, processes: Processes, sandboxes: Sandboxes, store: Quarantine, rules: CommandRules
    ) -> None:
        self._files, self._processes, self._sandboxes = files, processes, sandboxes
        self._store, self._rules = store, rules
        self._names = ProtectedNames((*rules.protected, *rules.watched))

    async def confined(self, *, outside: bool) -> bool:
        """Whether a command will be confined; `outside` asks that it be not. Raises SandboxRefused: none may run."""
        found = await self._sandboxes.found()
        if found.level.confines:
            return not outside
        if not self._rules.unsandboxed:
            why = f" ({'; '.join(found.not_held)})" if found.not_held else ""
            raise SandboxRefused(
                f"no command is run, for nothing here can confine it{why}; the user can {found.remedy}"
            )
        return False

    async def can_only_read(self) -> bool:
        """Whether a command can be run where it changes nothing at all, and nothing is kept from what it reads.

        What the user keeps from the agent may also stand in the history of a repository. Raises SandboxRefused.
        """
        return self._keeps() is None and (await self._sandboxes.found()).sandbox.keeps_all

    async def unseen(self, *, confined: bool) -> tuple[str, ...]:
        """The files whose unsaved text a command will not see, as users read them."""
        texts = await unsaved(self._files)
        found = await self._sandboxes.found()
        return texts.names(seen=False, mounted=confined and found.sandbox.shows_buffers)

    async def run(self, program: CommandRun, *, confined: bool) -> Ran:
        """Runs a program to its end, as `Processes.run` does. Raises OSError, SandboxRefused: it was not started."""
        texts = await unsaved(self._files)
        if not confined:
            ended = await self._started(Unconfined(), program, SandboxView((), variables=self._rules.variables))
            return Ran(ended, (), texts.names(seen=False, mounted=False))
        sandbox = (await self._sandboxes.found()).sandbox
        if not sandbox.level.confines:
            raise SandboxRefused("there is no sandbox any more")
        if program.reads:
            return await self._reading(sandbox, program, texts)
        keeps = self._keeps()
        roots, hold = tuple(self._roots), _Hold()
        before = await self._hiding_survey(roots, keeps)
        try:
            view = await asyncio.to_thread(self._view, roots, before, texts, program)
            ended = await self._guarded(sandbox, program, view, hold)
        finally:  # to its end, whoever cancels meanwhile
            did = await asyncio.shield(asyncio.to_thread(self._settled, roots, before, hold, keeps))
        return Ran(
            ended,
            *texts.seen_and_unseen(mounted=sandbox.shows_buffers),
            tuple(TakenBack(self._name(path), place) for path, place in did.taken.items()),
            self._shown(did.left),
            self._shown(did.after.opened),
            before.complete and did.after.complete,
            *((self._shown(before.hidden), self._shown(before.pipes)) if sandbox.shows_buffers else ()),
        )

    async def _reading(self, sandbox: Sandbox, program: CommandRun, texts: Texts) -> Ran:
        """Runs what can change nothing: there is nothing to guard from it, and nothing to take back."""
        keeps = self._keeps()
        roots = tuple(self._roots)
        hidden = (await self._hiding_survey(roots, keeps)).hidden if keeps else ()
        kept_back, variables, git = (*self._rules.hidden, *hidden), self._rules.variables, runs_git(program.argv)
        withheld, _ = await asyncio.to_thread(self._own, roots)
        view = SandboxView(
            roots,
            hidden=kept_back,
            withheld=withheld,
            buffers=texts.on_disk,
            writes=False,
            for_git=git,
            variables=variables,
        )
        ended = await self._started(sandbox, program, view)
        return Ran(ended, *texts.seen_and_unseen(mounted=sandbox.shows_buffers), kept=self._shown(hidden))

    async def _guarded(self, sandbox: Sandbox, program: CommandRun, view: SandboxView, hold: _Hold) -> Ended:
        """Runs a program, which is to be settled with the hold that it gets."""
        launch = hold.until_settled.enter_context(sandbox.launch(program.argv, cwd=program.cwd, view=view))
        hold.covers = launch.covers
        if launch.unguarded:
            hold.guarded = await asyncio.to_thread(kept, launch.unguarded)
        return await self._processed(launch, program)

    async def _started(self, sandbox: Sandbox, program: CommandRun, view: SandboxView) -> Ended:
        with sandbox.launch(program.argv, cwd=program.cwd, view=view) as launch:
            return await self._processed(launch, program)

    async def _processed(self, launch: Launch, program: CommandRun) -> Ended:
        return await launched(
            launch,
            self._processes,
            cwd=program.cwd,
            env=self._environment(),
            timeout_seconds=program.timeout_seconds,
            most_bytes=program.most_bytes,
            output=program.output,
        )

    def _environment(self) -> dict[str, str]:
        env = environment()
        path = search_path(env.get("PATH", os.defpath), self._roots)
        return {**env, "PATH": path}

    async def _hiding_survey(self, roots: Sequence[str], keeps: Keeps | None) -> Scan:
        found = await asyncio.to_thread(survey, roots, self._names, keeps)
        if keeps and not found.complete:
            raise SandboxRefused("the workspace has too many folders to hide what the user keeps from the agent")
        return found

    def _keeps(self) -> Keeps | None:
        """What tells whether the user keeps a path from the agent; None where there are no such rules."""
        try:
            keepers = [(root.path, keeper) for root in self._files.roots.all if (keeper := root.rules.keeper())]
        except PathRefused as error:
            raise SandboxRefused(str(error)) from error

        def keeps(path: str, folder: bool) -> bool:  # noqa: FBT001 - as the rules are asked
            return any(keeper(os.path.relpath(path, root), folder) for root, keeper in keepers if beneath(path, [root]))

        return keeps if keepers else None

    @property
    def _roots(self) -> list[str]:
        """Those that are there: a folder may be deleted while it is open."""
        return [root.path for root in self._files.roots.all if os.path.isdir(root.path)]  # noqa: PTH112 - names are strings here

    def _view(self, roots: tuple[str, ...], before: Scan, texts: Texts, program: CommandRun) -> SandboxView:
        named = tuple(dict.fromkeys((*self._at_roots(roots), *before.protected)))
        protected = (*named, *other_names(roots, frozenset(named), NOT_ENTERED))
        # A command of the folder's owner could open what is closed, and nobody has seen what to guard there.
        hidden = (*self._rules.hidden, *before.hidden, *before.closed, *before.pipes)
        git, variables = runs_git(program.argv), self._rules.variables
        withheld, fixed = self._own(roots)
        return SandboxView(
            roots, protected, hidden, withheld, fixed, buffers=texts.on_disk, for_git=git, variables=variables
        )

    def _own(self, roots: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is agent-lsp's own: what is withheld, and what is fixed in the roots. Raises SandboxRefused."""
        own = self._files.roots.own
        for root in roots:
            if part := own.holding(root):
                raise SandboxRefused(
                    f"no command is run where {root} is open: it belongs to {part}; open another folder"
                )
        linked_private, linked_installed = own.linked_files()
        withheld = (*own.private(), *names_of(linked_private, roots))
        installed = (name for name in own.installed() if beneath(name, roots))
        fixed = (*installed, *gathered(names_of(linked_installed, roots), roots))
        return withheld, fixed

    def _settled(self, roots: Sequence[str], before: Scan, hold: _Hold, keeps: Keeps | None) -> Enforced:
        with hold.until_settled:
            names, guarded, covers = self._names, hold.guarded, hold.covers
            return settled(self._store, roots, names, before=before, guarded=guarded, covers=covers, keeps=keeps)

    def _at_roots(self, roots: Sequence[str]) -> tuple[str, ...]:
        return tuple(f"{root.rstrip('/')}/{name}" for root in roots for name in self._rules.protected)

    def _shown(self, paths: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted(map(self._name, paths)))

    def _name(self, path: str) -> str:
        """As users read it; the rules that keep it are no reason not to name it to whom it is kept from."""
        roots = [root for root in self._files.roots.all if beneath(path, [root.path])]
        if not roots:  # its folder was closed meanwhile
            return path
        root = max(roots, key=lambda root: len(root.path))
        relative = os.path.relpath(path, root.path)
        return relative if len(self._files.roots.all) == 1 else f"{root.name}/{relative}"
