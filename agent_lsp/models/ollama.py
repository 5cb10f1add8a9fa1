"""Ollama's context window: read, and set where the server's default would cut the front of a prompt off.

Its compatible endpoints take no window with a request, so the window is a parameter of the model: a second
name for the same weights, made once (`/api/create`, which copies nothing).
"""

from __future__ import annotations

import asyncio
import re

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_lsp.models import NoModel
from agent_lsp.models.local_requests import small_answer, small_client
from agent_lsp.models.wire.refusals import error_message

PORT = 11434
_WISHED = 32_768
"""Tokens that are asked for where the user says nothing: enough for real work, and the memory for it is usual."""
_LEAST = 2_048
"""Tokens in which not even a short turn has room; a window that is smaller is a default or a mistake."""
_SECONDS = 60.0
_MOST_WORDS = 200  # characters of an error
_OURS = "agent-lsp"


class _Shown(BaseModel):
    """What `/api/show` says of a model."""

    model_config = ConfigDict(populate_by_name=True)

    parameters: str = ""
    info: dict[str, object] = Field(default_factory=dict, alias="model_info")

    @property
    def own(self) -> int | None:
        """The window that the model's own file sets."""
        found = re.search(r"^num_ctx\s+(\d{1,9})\b", self.parameters, re.MULTILINE)
        return _window(int(found[1])) if found else None

    @property
    def most(self) -> int | None:
        """The window that the model was made for."""
        sizes = [value for name, value in self.info.items() if name.endswith(".context_length")]
        return _window(sizes[0]) if sizes else None


def _window(tokens: object) -> int | None:
    """The number of tokens, None for what can be no window."""
    return tokens if isinstance(tokens, int) and tokens >= _LEAST else None


async def with_window(base_url: str, model: str, wished: int | None) -> tuple[str, int]:
    """The name to ask for, and its window in tokens: `wished`, or enough for work, and never more than it can.

    Raises NoModel when the server does not have the model, or does not answer as Ollama does.
    """
    root = re.sub(r"/v1/?$", "", base_url.rstrip("/"))
    async with small_client(_SECONDS) as client:
        try:
            async with asyncio.timeout(_SECONDS):
                return await _with_window(client, root, model, wished)
        except ValidationError as error:
            raise _odd(root, "its word on the model cannot be read") from error
        except TimeoutError as error:
            raise _odd(root, f"nothing within {_SECONDS:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _odd(root, f"{error or type(error).__name__}") from error


async def _with_window(client: httpx.AsyncClient, root: str, model: str, wished: int | None) -> tuple[str, int]:
    shown = await _shown(client, root, model)
    if shown is None:
        raise NoModel(
            f"Ollama does not have '{model}': `ollama pull {model}` fetches it, `ollama list` shows the others"
        )
    if shown.own and wished in {None, shown.own}:
        return model, shown.own
    window = min(wished or _WISHED, shown.most or wished or _WISHED)
    plain = re.sub(r"[^\w.-]", "-", model)
    ours = f"{_OURS}/{plain}:{window}"
    if await _shown(client, root, ours) is None:
        order = {"model": ours, "from": model, "parameters": {"num_ctx": window}, "stream": False}
        _must_be_ok(root, await small_answer(client, f"{root}/api/create", order))
    return ours, window


async def _shown(client: httpx.AsyncClient, root: str, model: str) -> _Shown | None:
    answer = await small_answer(client, f"{root}/api/show", {"model": model})
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    _must_be_ok(root, answer)
    return _Shown.model_validate_json(answer.content)


def _must_be_ok(root: str, answer: httpx.Response) -> None:
    if answer.status_code != httpx.codes.OK:
        words = " ".join(error_message(answer.content).split())[:_MOST_WORDS]
        raise _odd(root, f"status {answer.status_code}: {words or 'no reason given'}")


def _odd(root: str, what: str) -> NoModel:
    return NoModel(f"Ollama at {root} does not answer as it should ({what}): see whether it runs, and update it")
