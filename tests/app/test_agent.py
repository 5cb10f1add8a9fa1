"""The facade: what a door may ask of one daemon."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from agent_lsp.app.agent import open_agent
from agent_lsp.app.refusals import AgentError
from agent_lsp.conversation.entries import Said
from agent_lsp.conversation.messages import AssistantMessage, StopReason, Text, UserMessage
from agent_lsp.files.editor import NoEditor
from agent_lsp.journal.journal import Paid
from agent_lsp.models import Chunk, Completed, Request
from agent_lsp.permissions import Preset
from agent_lsp.session import GO_ON, TurnRequest
from tests.conftest import call
from tests.house import house, reject

Script = Callable[..., str]


class Parrot:
    """A model of the test's own, which says its own name."""

    name, note, context_window = "parrot", "", 100_000

    async def stream(self, _: Request) -> AsyncGenerator[Chunk, None]:
        yield Completed(AssistantMessage((Text(self.name),), self.name))

    async def close(self) -> None:
        """It holds nothing."""


async def test_a_model_that_is_handed_in_answers_the_turns_that_name_it(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "scripted"}), workspace, state) as home:
        home.models["parrot"] = Parrot()
        assert (await home.ask(model="parrot")).ending.text == "parrot"
        assert (await home.ask()).ending.text == "scripted"


@pytest.mark.parametrize(("preset", "questions"), [(Preset.EDITS, 1), (Preset.CONFIRM, 1), (Preset.PLAN, 0)])
async def test_one_turn_may_have_a_tighter_preset_and_no_looser_one(
    workspace: Path, state: Path, script: Script, preset: Preset, questions: int
) -> None:
    model = script({"calls": [call("write_file", path="a", content="x")]}, {"text": "ok"})
    async with house(model, workspace, state, preset="confirm") as home:
        home.answer = reject
        await home.ask(preset=preset)
        assert len(home.asked) == questions
    assert not (workspace / "a").exists()


async def test_a_prompt_without_a_session_begins_one_and_going_on_stays_in_it(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "one"}, when={GO_ON: [{"text": "two"}]}), workspace, state) as home:
        first = await home.agent.ask(TurnRequest("do it\nnow", home.ask_user))
        await first.finished
        again = await home.agent.go_on(first.session_id, home.ask_user)
        assert ((await again.finished).ending.text, again.session_id) == ("two", first.session_id)
        [stored] = await home.agent.sessions()
        assert (stored.session_id, stored.title) == (first.session_id, "do it")


async def test_the_status_has_what_the_day_has_cost(workspace: Path, state: Path, script: Script) -> None:
    async with house(script({"text": "x"}), workspace, state) as home:
        asked = await home.agent.ask(TurnRequest("go", home.ask_user))
        await asked.finished
        before = (await home.agent.status()).cost_today
        head = await home.parts.journal.head(asked.session_id)
        said = Said(UserMessage("x"))
        await home.parts.journal.append(asked.session_id, head, (said,), paid=Paid(0.25))
        assert (before, (await home.agent.status()).cost_today) == (0, 0.25)


async def test_a_cancel_that_names_nothing_ends_every_turn_and_one_that_names_a_session_those_in_it(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"fault": "hang"}), workspace, state) as home:
        turns = [await home.agent.ask(TurnRequest("go", home.ask_user)) for _ in range(3)]
        assert home.agent.cancel(session_id=turns[1].session_id) == (turns[1].turn_id,)
        assert {*home.agent.cancel()} >= {turns[0].turn_id, turns[2].turn_id}
        ended = [(await turn.finished).ending.stop_reason for turn in turns]
        assert ended == [StopReason.CANCELLED] * 3


@pytest.mark.parametrize(
    ("settings", "folder", "kind"),
    [
        ({"AGENT_LSP_MAX_STEPS": "many"}, ".", "settings"),
        ({"AGENT_LSP_STATE_DIR": "/dev/null/state"}, ".", "settings"),
        ({}, "missing", "workspace"),
    ],
)
async def test_a_workspace_that_cannot_be_opened_is_refused_with_the_kind_of_error_that_clients_know(
    workspace: Path, state: Path, settings: dict[str, str], folder: str, kind: str
) -> None:
    environment = {"AGENT_LSP_STATE_DIR": str(state), **settings}
    with pytest.raises(AgentError) as refused:
        open_agent(environment, [str(workspace / folder)], NoEditor())
    assert refused.value.kind == kind
