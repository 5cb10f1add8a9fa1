"""`agent-lsp usage`: what turns have cost, by day, model and session."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence

from agent_lsp import NAME
from agent_lsp.app.state_files import state_dir
from agent_lsp.journal.journal import Journal, JournalError
from agent_lsp.journal.ledger import Score, Spending, day_of, score
from agent_lsp.settings.loading import load
from agent_lsp.settings.settings import SettingsError
from agent_lsp.text.visible import visible

_DAY_SECONDS = 86_400
_TITLE = 40


def usage(environment: Mapping[str, str], days: int) -> int:
    """Prints the sums of the last days; the exit code."""
    since = day_of(time.time() - (max(days, 1) - 1) * _DAY_SECONDS)
    try:
        rows, scored = asyncio.run(_rows(environment, since))
    except (SettingsError, JournalError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    print("\n".join([*_table(rows, since), *_words(scored)]))
    return 0


async def _rows(environment: Mapping[str, str], since: str) -> tuple[Sequence[Spending], Score | None]:
    journal = Journal(state_dir(load(environment).settings) / "journal.sqlite3")
    try:
        return await journal.spending(since), score(await journal.turns_since(since))
    finally:
        await journal.close()


def _table(rows: Sequence[Spending], since: str) -> list[str]:
    if not rows:
        return [f"no turns since {since}"]
    lines = []
    for day in dict.fromkeys(row.day for row in rows):
        of_day = [row for row in rows if row.day == day]
        lines += [f"{day}  {_money(of_day)}", *(_line(row) for row in of_day)]
    return [*lines, f"together    {_money(rows)}"]


def _words(scored: Score | None) -> list[str]:
    """How good the estimates were."""
    if scored is None:
        return []
    held = f"{scored.held} of {scored.turns} turns cost between low and high"
    return [f"estimates   {held}; the middle one cost {scored.off:.2g} times what was likely"]


def _line(row: Spending) -> str:
    title = visible(row.title)[:_TITLE]
    turns = f"{row.turns:>4} {'turn ' if row.turns == 1 else 'turns'}"
    counts = f"{turns} {row.input_tokens:>11,} in {row.output_tokens:>9,} out"
    return f"  {_money([row]):>12} {counts}  {visible(row.model)}  {row.session}  {title}"


def _money(rows: Sequence[Spending]) -> str:
    unknown = sum(row.unknown for row in rows)
    return f"${sum(row.usd for row in rows):.4f}" + (f" + {unknown} of unknown cost" if unknown else "")
