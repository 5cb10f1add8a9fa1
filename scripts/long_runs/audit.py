"""The books of the provider against those of the daemon, to the word, the call and the token."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent_lsp.agent import context
from agent_lsp.conversation.entries import CallBegan, TurnEnded
from agent_lsp.conversation.events import TextDelta
from agent_lsp.conversation.messages import AssistantMessage, ResultStatus, StopReason, ToolMessage, Usage, UserMessage
from agent_lsp.conversation.tree import Conversation
from agent_lsp.journal.journal import Journal
from agent_lsp.models.pricing import price_of
from agent_lsp.session import Finished
from agent_lsp.tools.all_tools import TOOLS
from tests.models.rules import check
from tests.models.wires import KITS

from .faults import Outcome
from .home import Attempt, Home
from .provider import Served
from .run import Broken, Figures


@dataclass(frozen=True, slots=True)
class Told:
    """One turn: the prompt, how it ended, and the requests that the provider had of it."""

    prompt: str
    finished: Finished
    served: Sequence[Served]


Request = tuple[Served, Attempt]
"""The same request in the books of both sides."""


async def audited(home: Home, turns: Sequence[Told], journal: Journal, session_id: str) -> Figures:
    """The figures of a session that was closed and is read again from its journal. Raises Broken."""
    conversation = await journal.load(session_id) or Conversation()
    served = [one for turn in turns for one in turn.served]
    _same("requests sent and requests served", len(home.attempts), len(served))
    requests = list(zip(served, home.attempts, strict=True))
    _nothing_lost_or_doubled(home, turns, conversation)
    _every_call_once(home, served, conversation)
    _endings(turns, conversation)
    _tokens(turns, requests, conversation)
    await _ledger(requests, journal, session_id)
    _legal(conversation)
    return _figures(turns, requests)


def _nothing_lost_or_doubled(home: Home, turns: Sequence[Told], conversation: Conversation) -> None:
    messages = conversation.messages
    prompts = [message.text for message in messages if isinstance(message, UserMessage)]
    _same("the prompts in the journal", prompts, [turn.prompt for turn in turns])
    sent = [word.strip() for turn in turns for one in turn.served for word in one.words]
    answers = [message for message in messages if isinstance(message, AssistantMessage)]
    _same("the text in the journal", "".join(answer.text for answer in answers).split(), sent)
    shown = [seen.event.text for seen in home.seen if isinstance(seen.event, TextDelta)]
    _same("the text that was shown", "".join(shown).split(), sent)
    whole = [answer.usage for answer in answers if answer.stop is not StopReason.CANCELLED]
    _same("the answers in the journal", whole, list(_usages(turns)))


def _usages(turns: Sequence[Told]) -> Iterator[Usage]:
    for one in (one for turn in turns for one in turn.served if one.outcome.answered):
        yield one.used if one.outcome is Outcome.TOLD else Usage()


def _every_call_once(home: Home, served: Sequence[Served], conversation: Conversation) -> None:
    calls = [call for one in served for call in one.calls]
    wanted = [json.loads("".join(call.pieces)) for call in calls]
    lines = [one["command"].split()[1] for one in wanted if "command" in one]
    notes = {one["path"]: one["content"] for one in wanted if "path" in one}
    _same("the lines that commands wrote", _lines(home), lines)
    _same("the files that were written", _notes(home), notes)
    began = [entry.content for entry in conversation.entries if isinstance(entry.content, CallBegan)]
    _same("the calls that began, and those approved", (len(began), len(home.approved)), (len(calls), len(calls)))
    results = [result for one in conversation.messages if isinstance(one, ToolMessage) for result in one.results]
    _same("how the calls ended", [result.status for result in results], [ResultStatus.DONE for _ in calls])


def _lines(home: Home) -> list[str]:
    file = home.workspace / "lines"
    return file.read_text().splitlines() if file.exists() else []


def _notes(home: Home) -> dict[str, str]:
    folder = home.workspace / "notes"
    files = folder.iterdir() if folder.exists() else ()
    return {f"notes/{file.name}": file.read_text() for file in files}


def _endings(turns: Sequence[Told], conversation: Conversation) -> None:
    failed = [any(one.fails for one in turn.served) for turn in turns]
    wanted = [StopReason.FAILED if one else StopReason.END_TURN for one in failed]
    _same("how the turns ended", [turn.finished.ending.stop_reason for turn in turns], wanted)
    kept = [entry.content.stop_reason for entry in conversation.entries if isinstance(entry.content, TurnEnded)]
    _same("how they ended in the journal", kept, wanted)


def _tokens(turns: Sequence[Told], requests: Sequence[Request], conversation: Conversation) -> None:
    """Each turn's usage is what the provider told, and all that was set aside for each request of which it did not."""
    left, wanted = list(requests), []
    for turn in turns:
        mine, left = left[: len(turn.served)], left[len(turn.served) :]
        wanted.append(sum((_charged(*request) for request in mine), Usage()))
    _same("the usage that was told", [turn.finished.usage for turn in turns], wanted)
    kept = [entry.content.usage for entry in conversation.entries if isinstance(entry.content, TurnEnded)]
    _same("the usage in the journal", kept, wanted)
    for served, attempt in requests:
        if _charged(served, attempt).tokens < served.used.tokens:
            raise Broken(f"{served.fault} used {served.used}, and {attempt.tokens} tokens were charged")


def _charged(served: Served, attempt: Attempt) -> Usage:
    counted = Usage(tool_calls=len(served.calls), steps=int(served.outcome.answered))
    if served.outcome.charged_whole:
        return counted + Usage(input_tokens=attempt.tokens)
    return counted + served.used


async def _ledger(requests: Sequence[Request], journal: Journal, session_id: str) -> None:
    """The tables of turns, of sessions and of the day say the same, and nothing is left set aside."""
    rows = await journal.spending("")
    charged = [(attempt.model, _charged(served, attempt)) for served, attempt in requests]
    for row in rows:
        own = sum((usage for model, usage in charged if model == row.model), Usage())
        _same(f"the table's output of {row.model}", row.output_tokens, own.output_tokens)
        _same(f"the table's input of {row.model}", row.input_tokens, own.tokens - own.output_tokens)
    paid = sum(_paid(*request) for request in requests)
    of_day = await journal.spent_today()
    held = await journal.reserve("nothing", 0.0, -1.0)  # refused, with the sum of what is spent and set aside
    sums = [sum(row.usd for row in rows), of_day, held or 0.0]
    if not all(math.isclose(one, paid, rel_tol=1e-9) for one in sums):
        raise Broken(f"turns, day and reservations of {session_id} say {sums} USD, and {paid} were charged")


def _paid(served: Served, attempt: Attempt) -> float:
    if served.outcome.charged_whole:
        return attempt.usd
    protocol, _, model = attempt.model.partition(":")
    return price_of(protocol, model).cost(served.used) or 0.0


def _legal(conversation: Conversation) -> None:
    """Whether every protocol would take the next request."""
    if conversation.open_turn:
        raise Broken(f"{conversation.open_turn.turn_id} was left open")
    messages = (*conversation.messages, UserMessage("Go on."))
    request = context.build(messages, system="Be brief.", tools=TOOLS, window=128_000)
    for protocol, kit in KITS.items():
        try:
            check(protocol, json.loads(json.dumps(kit.wire.body(request, "m", "api.example"))))
        except AssertionError as error:
            raise Broken(f"the history is not legal in {protocol}: {error}") from error


def _figures(turns: Sequence[Told], requests: Sequence[Request]) -> Figures:
    served = [one for one, _ in requests]
    return Figures(
        {
            "requests": len(served),
            "faults": sum(one.fault != "none" for one in served),
            "requests asked again": sum(not (one.outcome.answered or one.fails) for one in served),
            "turns that had to fail": sum(any(one.fails for one in turn.served) for turn in turns),
            "tool calls, each performed once": sum(len(one.calls) for one in served),
            "words, each shown and kept once": sum(len(one.words) for one in served),
            "tokens used": sum(one.used.tokens for one in served),
            "tokens told": sum(one.used.tokens for one in served if one.outcome is Outcome.TOLD),
            "tokens in reservations charged whole": sum(
                attempt.tokens for one, attempt in requests if one.outcome.charged_whole
            ),
            "tokens charged": sum(_charged(*request).tokens for request in requests),
        }
    )


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Broken(f"{what}: {_difference(found, wanted)}")


def _difference(found: object, wanted: object) -> str:
    """The first place where they differ, where they have places."""
    if isinstance(found, list) and isinstance(wanted, list):
        for place, (one, other) in enumerate(zip(found, wanted, strict=False)):
            if one != other:
                return f"number {place} is {one!r}, not {other!r}"
        return f"there are {len(found)}, not {len(wanted)}"
    return f"{found!r:.2000}, not {wanted!r:.2000}"
