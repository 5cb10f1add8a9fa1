"""What a provider's refusal stands for: one kind of error for many statuses, codes and words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from agent_lsp.models import BadRequest, ContextTooLong, KeyRefused, ModelError, Passing, QuotaSpent, RateLimited
from agent_lsp.models.retry_after import wait

_OVERFLOW = re.compile(
    r"context.?(length|window|size)|too many tokens|prompt is too long|maximum (context|prompt)|input is too long"
    r"|exceeds? the (available|maximum) (context|number of tokens)|input token count"
)
_OVERLOADED = re.compile(r"overloaded|over capacity|at capacity|temporarily unavailable")
_TURNED_AWAY = {503, 529}
"""With these a provider that has no room turns a request away before it does anything."""
_SPENT = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"}


def error_message(body: bytes | str) -> str:
    """The message inside the error objects that providers send; empty where there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if isinstance(value, list) and value:  # as Gemini sends them
        value = value[0]
    for key in ("error", "message", "detail"):
        if isinstance(value, dict) and key in value:
            value = value[key]
    return value if isinstance(value, str) else ""


def refusal(status: int, headers: Mapping[str, str], message: str, host: str, *, body: bytes | str = b"") -> ModelError:
    """The error that an HTTP status and its words stand for. A wait without end stands for: do not ask again."""
    text = f"{host} answered {status}: {message or 'no reason given'}"
    after = wait(status, headers, body)
    if status in {401, 403}:
        return KeyRefused(
            f"{host} refused the key ({status}: {message or 'no reason given'}): check where it comes from (the"
            " environment, or apiKey and apiKeyCommand in your settings; `agent-lsp doctor` says which)"
        )
    if status == 402 or (status == 429 and _is_spent(message, body)):
        return _spent(text)
    if status == 429:
        return RateLimited(text, retry_after=after)
    if status in {408, 409, 425} or status >= 500:
        passing = Passing(text, retry_after=after)
        passing.may_have_cost = status not in _TURNED_AWAY
        return passing
    if 300 <= status < 400:
        return BadRequest(f"{host} redirects elsewhere ({status}): give the final address as base URL")
    if status == 413 or is_overflow(message):
        return ContextTooLong(text)
    if headers.get("x-should-retry") == "true" or _OVERLOADED.search(message.lower()):
        return Passing(text, retry_after=after)
    if status == 404:
        return BadRequest(f"{text}: check the model's name and the base URL")
    return BadRequest(text)


def broken_off(host: str, message: str, *codes: object) -> ModelError:
    """The error that a provider's error inside an answer stands for: `codes` are its `code` and `type`, if any."""
    for code in codes:
        if isinstance(code, int | float) and 400 <= code < 600:
            return refusal(int(code), {}, message, host)
    text = f"{host} broke the answer off: {message}"
    names = {str(code).lower() for code in codes if code}
    if names & {"context_length_exceeded", "model_context_window_exceeded", "request_too_large"} or is_overflow(
        message
    ):
        return ContextTooLong(text)
    if names & _SPENT:
        return _spent(text)
    if any("rate_limit" in name for name in names) or "429" in names:
        return RateLimited(text)
    if names & {"authentication_error", "permission_error", "invalid_api_key"}:
        return KeyRefused(text)
    if _OVERLOADED.search(message.lower()):
        return Passing(text)
    if any(name.startswith(("invalid_", "not_found")) for name in names):
        return BadRequest(text)
    return Passing(text)


def is_overflow(message: str) -> bool:
    """Whether a provider's words say that the request is too long for the model."""
    return bool(_OVERFLOW.search(message.lower()))


def _spent(text: str) -> QuotaSpent:
    return QuotaSpent(f"{text.rstrip('.')}. Waiting does not help: look at the account there, or choose another model")


def _is_spent(message: str, body: bytes | str) -> bool:
    words = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return bool(_SPENT & set(re.findall(r"\w+", f"{words} {message}")))
