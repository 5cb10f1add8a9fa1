"""Where the text of a call's result comes from."""

from __future__ import annotations

from agent_lsp.conversation.actions import Action, Command, Fetch, WebSearch
from agent_lsp.conversation.messages import OWN, Origin, Provenance
from agent_lsp.provenance.origins import Origins
from agent_lsp.tools import Arguments, Shown, Tool


async def of_call(tool: Tool, arguments: Arguments, origins: Origins) -> Origin:
    """The origin of what a tool says before it has done anything: it may have looked at the files that are named."""
    match tool.provenance:
        case Provenance.PROJECT:
            named = (getattr(arguments, name, None) for name in ("path", "new_path"))
            return await origins.of([path for path in named if isinstance(path, str)])
        case Provenance.WEB:
            return OWN
        case provenance:
            return Origin(provenance, f"the tool {tool.name}")


async def of_shown(shown: Shown, before: Origin, origins: Origins) -> Origin:
    """The origin of what a tool shows that changes nothing; `before` is that of its call."""
    seen = await origins.of(shown.paths) if shown.paths else before
    named = await origins.of_names(shown.names) if shown.names else before
    return wider(before, wider(seen, named))


async def of_action(action: Action, before: Origin, origins: Origins) -> Origin:
    """The origin of what comes of an action; `before` is that of its call."""
    match action.effect:
        case Fetch(url=url):
            return Origin(Provenance.WEB, url)
        case WebSearch(query=query, via=via):
            return Origin(Provenance.WEB, f"the results of {via} for {query}")
        case Command(confined=False) if before.provenance.trusted:
            return Origin(Provenance.OUTSIDE, f"a command outside the sandbox: {action.effect.line}")
        case Command(line=line, cwd=cwd) if before.provenance.trusted:
            return await origins.of_line(line, cwd)
        case _:
            return before


async def of_done(action: Action, text: str, before: Origin, origins: Origins) -> Origin:
    """The origin of what came of an action, whose text is known now; `before` is what was known by its line."""
    if isinstance(action.effect, Command) and before.provenance.trusted:
        return wider(before, await origins.of_output(text))
    return before


def wider(one: Origin, other: Origin) -> Origin:
    """The one of two origins that is trusted less."""
    return other if one.provenance.trusted else one
