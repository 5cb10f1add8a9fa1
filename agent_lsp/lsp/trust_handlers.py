"""`agent.trust`, and the one question on trust for clients that do not ask it themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from pygls.exceptions import JsonRpcInvalidParams

from agent_lsp.app.workspace_trust import NotAsShown, WorkspaceTrust, waiting
from agent_lsp.contract.answers import ProjectFile, TrustAnswer
from agent_lsp.contract.params import TrustParams
from agent_lsp.conversation.uris import uri_of
from agent_lsp.lsp.approver import ClientApprover
from agent_lsp.lsp.last_line import without_links
from agent_lsp.lsp.server import Refused
from agent_lsp.lsp.transport import ClientError, Server
from agent_lsp.permissions.trust import ActingFile, Standing
from agent_lsp.settings.loading import problems_of_project
from agent_lsp.settings.settings import SettingsError
from agent_lsp.text.visible import visible, visible_lines

_NO, _YES = "Not now", "Trust"
_MOST_SHOWN = 280
_log = logging.getLogger(__name__)


class ClientTrust:
    """The trust of one client's user in the workspace."""

    def __init__(
        self, server: Server, trust: WorkspaceTrust, approver: ClientApprover, environment: Mapping[str, str]
    ) -> None:
        """`environment` says what the user has set, against which a project's settings are judged."""
        self._server, self._trust, self._approver, self._environment = server, trust, approver, environment
        self._asking: asyncio.Task[None] | None = None

    async def command(self, params: TrustParams) -> TrustAnswer:
        """`agent.trust`. Raises Refused, and JsonRpcInvalidParams where what was shown is not what stands there."""
        try:
            return await asyncio.to_thread(self._done, params)
        except NotAsShown as error:
            raise JsonRpcInvalidParams(str(error)) from error
        except (OSError, SettingsError) as error:
            raise Refused("settings", str(error)) from error

    def ask(self) -> None:
        """Asks the user in the background, once for what waits for trust and never again for the same."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._asked())

    def close(self) -> None:
        """Nobody waits for an answer any more."""
        if self._asking:
            self._asking.cancel()

    def _done(self, params: TrustParams) -> TrustAnswer:
        if params.forget:
            return self._shown(self._trust.forget())
        return self._shown(self._trust.trust(params.digest) if params.digest else self._trust.standing())

    def _shown(self, standing: Standing) -> TrustAnswer:
        return TrustAnswer(
            trusted=standing.trusted,
            digest=standing.digest,
            files=tuple(map(self._shown_file, standing.files)),
            changed=tuple(uri_of(path) for path in standing.changed),
        )

    def _shown_file(self, file: ActingFile) -> ProjectFile:
        return ProjectFile(uri=uri_of(file.path), text=_text(file), problem="\n".join(self._problems(file)))

    def _problems(self, file: ActingFile) -> tuple[str, ...]:
        problems = (file.problem,) if file.problem else problems_of_project(self._environment, file.path, file.data)
        return tuple(map(visible, problems))

    async def _asked(self) -> None:
        try:
            if standing := await asyncio.to_thread(self._trust.to_ask):
                await self._put(standing)
        except (OSError, SettingsError):
            _log.exception("what would act on the agent could not be shown")

    async def _put(self, standing: Standing) -> None:
        document = await asyncio.to_thread(self._document, standing)
        asked = without_links(f"{waiting(standing)}. Trust exactly this?\n{_cut(document)}")
        try:
            agrees = await self._approver.agrees(asked, (_NO, _YES), f"trust_{standing.digest[:16]}.txt", document)
        except ClientError:
            self._say(f"{waiting(standing)} (`{self._trust.command}`, in a terminal, shows it and asks)")
            return
        if agrees:
            await self._trust_shown(standing.digest)

    async def _trust_shown(self, digest: str) -> None:
        try:
            await asyncio.to_thread(self._trust.trust, digest)
        except NotAsShown as error:
            self._say(str(error))

    def _say(self, line: str) -> None:
        self._server.protocol.tell("window/showMessage", {"type": 2, "message": f"Agent: {without_links(line)}"})

    def _document(self, standing: Standing) -> str:
        """All that would act, and what of it has no effect."""
        parts = []
        for file in standing.files:
            problems = "".join(f"! {problem}\n" for problem in self._problems(file))
            parts.append(f"{visible(file.path)}:\n{_text(file)}\n{problems}")
        return "\n".join(parts)


def _text(file: ActingFile) -> str:
    """The file, every character escaped that could deceive a reader."""
    return visible_lines(file.data.decode("utf-8", "backslashreplace"))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} […]"
