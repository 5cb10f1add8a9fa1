"""Errors of all rooms → the one that doors tell their users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agent_lsp.files.location import PathRefused
from agent_lsp.journal.journal import JournalError
from agent_lsp.models import ModelError
from agent_lsp.settings.settings import SettingsError
from agent_lsp.undo.content_store import NotKept


class AgentError(Exception):
    """The agent cannot do what was asked; the message is one line with the remedy, `kind` the wire's `error.kind`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@contextmanager
def as_agent_errors() -> Iterator[None]:
    """Raise AgentError for what settings, journal, model, copies or folders refuse."""
    try:
        yield
    except SettingsError as error:
        raise AgentError("settings", str(error)) from error
    except JournalError as error:
        raise AgentError("journal", str(error)) from error
    except NotKept as error:
        raise AgentError("checkpoints", str(error)) from error
    except PathRefused as error:
        raise AgentError("workspace", str(error)) from error
    except ModelError as error:
        raise AgentError(error.kind, str(error)) from error
