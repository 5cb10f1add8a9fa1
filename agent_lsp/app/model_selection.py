"""Who answers the next turn: settings and environment → a model with its price, asking the user where it must."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent_lsp.app.state_files import state_dir
from agent_lsp.conversation.actions import Action, ApprovalRequest, Choice, Decision, ServerUse, ToolKind
from agent_lsp.models import model_factory
from agent_lsp.models.local_servers import LocalServer
from agent_lsp.models.model_cache import ModelCache, Priced
from agent_lsp.models.model_factory import Access, Surroundings
from agent_lsp.permissions.policy import always_rule
from agent_lsp.permissions.remembered_rules import Remembered
from agent_lsp.processes.run import Processes
from agent_lsp.settings.settings import Settings, secret, without_keys

_REASON = "a model server was found on this machine, and no other model is set"

AskServerUse = Callable[[Action, str], Awaitable[Decision]]
"""Puts a server to the user, with the reason."""


@dataclass(frozen=True, slots=True)
class ModelSelection:
    """What leads to a model: keys of the environment, the models made so far, what the user allowed for good."""

    environment: Mapping[str, str]
    data_dir: Path
    cache: ModelCache
    remembered: Remembered
    answered: dict[str, bool] = field(default_factory=dict)
    """What the user said of servers, by address, since the daemon began."""

    async def model(self, wished: str | None, settings: Settings, ask: AskServerUse | None = None) -> Priced:
        """The model `wished`, or the one that is chosen by what there is. Raises NoModel.

        Without `ask` a server of this machine counts only if the user allowed it before.
        """
        return await self.cache.model(await self._reachable(wished, settings, ask))

    async def name(self, settings: Settings) -> str:
        """`protocol:model` of the model that would answer if nobody were asked. Raises NoModel."""
        return model_factory.chosen(await self._reachable(None, settings, None))

    async def _reachable(self, wished: str | None, settings: Settings, ask: AskServerUse | None) -> Access:
        async def allowed(server: LocalServer) -> bool:
            return await self._allowed(server, ask)

        have = access(settings, self.environment, self.data_dir)
        have = replace(have, name=wished) if wished else have
        found = await self.cache.reachable(have, settings.local_servers, allowed)
        if found.says_nothing and not (found.local or found.refused):
            return replace(found, gone=self._gone(settings))
        return found

    def _gone(self, settings: Settings) -> str:
        """The address of a server that the user allowed for good, and that does not answer now."""
        return next((url for url in settings.local_servers if self.remembered.holds(rule_for(url))), "")

    async def _allowed(self, server: LocalServer, ask: AskServerUse | None) -> bool:
        action = server_use(server)
        if self.remembered.holds(always_rule(action)):
            return True
        if ask is None or server.base_url in self.answered:
            return self.answered.get(server.base_url, False)
        decision = await ask(action, _REASON)
        if decision.choice is Choice.ALLOW_ALWAYS:
            self.remembered.add(always_rule(action))
        if decision.answered:
            self.answered[server.base_url] = decision.allowed
        return decision.allowed


def server_use(server: LocalServer) -> Action:
    """What the user allows with a server."""
    effect = ServerUse(server.program, server.base_url, server.model)
    return Action("model_server", ToolKind.FETCH, f"Use {server.program} at {server.base_url}", effect)


def rule_for(base_url: str) -> str:
    """What is remembered of a server that the user allowed for good."""
    return always_rule(server_use(LocalServer("", base_url, "")))


def question(action: Action, reason: str, *, ids: tuple[str, str, str], expires_at: float) -> ApprovalRequest:
    """A question that no tool call stands behind; `ids` are those of the approval, the session and the turn."""
    approval, session, turn = ids
    choices = (Choice.REJECT, Choice.ALLOW_ONCE, Choice.ALLOW_ALWAYS)
    return ApprovalRequest(approval, session, turn, "", action, reason, expires_at, choices)


def access(settings: Settings, environment: Mapping[str, str], data_dir: Path) -> Access:
    """What settings and environment have for reaching a model."""
    return Access(
        data_dir,
        name=settings.model,
        base_url=settings.base_url,
        key=secret(settings.api_key),
        key_command=settings.api_key_command or "",
        openai_key=environment.get("OPENAI_API_KEY", "").strip(),
        anthropic_key=environment.get("ANTHROPIC_API_KEY", "").strip(),
        context_window=settings.context_window,
        prices=settings.prices,
        patience=settings.patience,
    )


def surroundings(settings: Settings, environment: Mapping[str, str]) -> Surroundings:
    """What models need, for commands that open no workspace. Raises SettingsError."""

    async def no_files() -> tuple[str, ...]:
        return ()

    return Surroundings(state_dir(settings), no_files, Processes(), without_keys(environment))
