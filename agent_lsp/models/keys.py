"""Keys that are fetched when they are needed: from a command of the user's, or from the system's keyring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from agent_lsp.models import Chunk, KeyRefused, Model, NoModel, Request
from agent_lsp.processes.run import Processes

KEYRING = "keyring:"
_COMMAND_SECONDS = 60.0  # the user may have to unlock what holds the key
_MOST_BYTES = 64 << 10
_MOST_WORDS = 200  # characters of what a keyring says

FetchKey = Callable[[], Awaitable[str]]
"""Gets a key. Raises NoModel with the remedy."""


class KeyedModel:
    """A Model whose key is fetched before its first request, and anew, once, when the provider refuses it."""

    def __init__(self, keyless: Model, make: Callable[[str], Model], fetch: FetchKey) -> None:
        """`keyless` is the model as it is before there is a key; `make` builds it with one."""
        self._make, self._fetch = make, fetch
        self._model, self._has_key = keyless, False
        self._replaced: list[Model] = []
        self._fetching = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def note(self) -> str:
        return self._model.note

    @property
    def context_window(self) -> int:
        return self._model.context_window

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        kept = self._has_key
        model, shown = await self._keyed(), False
        try:
            async with aclosing(model.stream(request)) as chunks:
                async for chunk in chunks:
                    shown = True
                    yield chunk
        except KeyRefused:
            self._forget(model)
            if not kept or shown:  # what was shown would be shown twice
                raise
        else:
            return
        model = await self._keyed()
        async with aclosing(model.stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        for model in (*self._replaced, self._model):
            await model.close()

    def _forget(self, refused: Model) -> None:
        """The next request fetches a key, unless another one has fetched it meanwhile."""
        self._has_key = self._has_key and self._model is not refused

    async def _keyed(self) -> Model:
        async with self._fetching:
            if not self._has_key:
                fresh = self._make(await self._fetch())
                self._replaced.append(self._model)  # another turn may still read from it
                self._model, self._has_key = fresh, True
            return self._model


def from_command(line: str, processes: Processes, environment: Mapping[str, str]) -> FetchKey:
    """A key that a shell line prints on its first line; it runs in the user's home."""
    alone = f"{{ {line}\n}} 2>/dev/null"  # what it says beside the key is not for the provider

    async def fetch() -> str:
        try:
            ended = await processes.run(
                ["/bin/sh", "-c", alone],
                cwd=str(Path.home()),
                timeout_seconds=_COMMAND_SECONDS,
                most_bytes=_MOST_BYTES,
                env=environment,
            )
        except OSError as error:
            raise NoModel(f"apiKeyCommand cannot be run: {error}") from error
        if ended.timed_out:
            raise NoModel(f"apiKeyCommand did not end within {_COMMAND_SECONDS:g} s: run it yourself once")
        if ended.code:
            raise NoModel(f"apiKeyCommand ended with {ended.code}: run it yourself to see why")
        lines = ended.output.decode("utf-8", "replace").strip().splitlines()
        if not lines:
            raise NoModel("apiKeyCommand printed nothing: it should print the key")
        return lines[0].strip()

    return fetch


def from_keyring(place: str) -> FetchKey:
    """The password that the system's keyring holds for `SERVICE/USER`."""
    service, _, user = place.partition("/")

    async def fetch() -> str:
        return await asyncio.to_thread(_in_keyring, service, user)

    return fetch


def _in_keyring(service: str, user: str) -> str:
    try:
        import keyring  # an extra
    except ImportError:
        raise NoModel(
            "apiKey names a keyring, but there is none here: install agent-lsp with its extra 'keyring'"
        ) from (None)
    try:
        found = keyring.get_password(service, user)
    except Exception as error:
        raise NoModel(f"the keyring cannot be read: {_one_line(error)}; unlock it, or set apiKeyCommand") from error
    if not found:
        raise NoModel(f"the keyring holds no key for {service}/{user}: `keyring set {service} {user}` puts it there")
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:_MOST_WORDS] or type(error).__name__
