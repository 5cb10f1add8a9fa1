"""Which source of a setting wins, and which may set what.

Defaults < the user's file < the trusted project's file < the editor < the environment < flags. A project's file comes
from the repository, and what an editor says may come from there: each setting's row says what these two may set.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from agent_lsp.settings.checking import checked, nearest
from agent_lsp.settings.row import PREFIX, Who, variable
from agent_lsp.settings.settings import ROWS, Settings, SettingsError, Source, user_file

_OURS = {"AGENT_LSP_PROCESS"}
_CLIENT_OPTIONS = {"protocol", "events", "approvals", "renders"}
_LISTS = [name for name, row in ROWS.items() if row.mark.who is Who.ADD]
"""Settings to which each source adds: the lists of all of them hold together."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and one line for each thing that was ignored on the way."""

    settings: Settings
    ignored: tuple[str, ...] = ()


def load(
    environment: Mapping[str, str],
    *,
    projects: Mapping[str, bytes] | None = None,
    editor: Mapping[str, Any] | None = None,  # Any: JSON from the editor
    flags: Mapping[str, Any] | None = None,  # Any: words of the command line
    file: Path | None = None,
) -> Loaded:
    """All sources merged; mistakes of projects and editors are ignored aloud. Raises SettingsError for the user's own.

    `projects` are the settings files of the workspace by path: only those that the user trusts.
    """
    flagged = {name: value for name, value in (flags or {}).items() if value is not None}
    sources = [
        checked(_from_file(file or user_file()), Source.FILE),
        checked(_from_environment(environment), Source.ENVIRONMENT),
        checked(flagged, Source.FLAGS),
    ]
    values = {name: value for source in sources for name, value in source.items()}
    strong = set(_from_environment(environment)) | set(flagged)
    merged, ignored = dict(values), list[str]()
    for source, place, raw in [*_from_projects(projects or {}, ignored), (Source.EDITOR, "the editor", editor or {})]:
        wished, loosening = _tightening(raw, source, place, merged)
        ignored += loosening
        sources.append(wished)
        merged |= {name: value for name, value in wished.items() if name not in strong}
    for name in _LISTS:
        merged[name] = tuple(dict.fromkeys(rule for source in sources for rule in source.get(name, ())))
    return Loaded(Settings.model_validate(merged), tuple(ignored))


def problems_of_project(environment: Mapping[str, str], path: str, data: bytes) -> tuple[str, ...]:
    """What would be ignored of a project's file if it were trusted, a line each. Raises SettingsError."""
    return load(environment, projects={path: data}).ignored


def _from_file(file: Path) -> dict[str, Any]:  # Any: TOML
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:  # ValueError: TOML's and UTF-8's errors, and huge numbers
        raise SettingsError(f"{file} cannot be read: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    known = {variable(name): name for name in ROWS}
    found = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name in _OURS:
            continue
        if name not in known:
            raise SettingsError(f"the environment has {name}, which is not a setting.{nearest(name, known)}")
        if value:
            found[known[name]] = value
    return found


def _from_projects(
    files: Mapping[str, bytes], ignored: list[str]
) -> list[tuple[Source, str, Mapping[str, Any]]]:  # Any: TOML
    """Each project's file as it stands; one that is none is ignored as a whole, for it is not the user's mistake."""
    found: list[tuple[Source, str, Mapping[str, Any]]] = []
    for path, data in files.items():
        try:
            found.append((Source.PROJECT, path, _parsed(data)))
        except (ValueError, RecursionError) as error:
            ignored.append(f"{path} is ignored, for it is not TOML: {error}")
    return found


@lru_cache(8)  # settings are asked for at each turn, and a hostile file may take long to parse
def _parsed(data: bytes) -> Mapping[str, Any]:  # Any: TOML
    return tomllib.loads(data.decode("utf-8"))


def _tightening(
    raw: Mapping[str, Any],  # Any: unchecked
    source: Source,
    place: str,
    in_force: Mapping[str, Any],  # Any: checked values
) -> tuple[dict[str, Any], list[str]]:
    """Return what a repository may set, as each setting's row says, and a line for each thing that it may not."""
    wished, ignored = {}, []
    for name, value in raw.items():
        if value is None or (source is Source.EDITOR and name in _CLIENT_OPTIONS):
            continue
        pieces = [[one] for one in value] if name in _LISTS and isinstance(value, list) else [value]
        found = []
        for piece in pieces:  # a wrong rule is no reason to drop its neighbours, which make things stricter
            try:
                found.append(checked({name: piece}, source)[name])
            except SettingsError as error:
                ignored.append(f"{place}: {error}" if source is Source.PROJECT else str(error))
        if not found:
            continue
        together = tuple(chain.from_iterable(found)) if len(found) > 1 else found[0]
        row = ROWS[name]
        if reason := row.refusal(together, in_force.get(name, row.field.default)):
            whose = "the editor's" if source is Source.EDITOR else f"{place}:"
            ignored.append(f"{whose} '{name}' is ignored: {reason}; set it in {user_file()} or as {variable(name)}")
        else:
            wished[name] = together
    return wished, ignored
