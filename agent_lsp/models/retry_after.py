"""How long a provider asks to be left alone, by the headers and the words of its refusal."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_RETRY_DELAY = re.compile(r'"retryDelay"\s*:\s*"([0-9.]+)s"')


def wait(status: int, headers: Mapping[str, str], body: bytes | str) -> float | None:
    """Seconds to wait after a refusal, None where it does not say; without end: do not ask again."""
    words = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    if headers.get("x-should-retry") == "false":
        return math.inf
    if (seconds := retry_after(headers)) is not None:
        return seconds
    if delay := _RETRY_DELAY.search(words):  # google.rpc.RetryInfo
        return _number(delay[1])
    return reset_after(headers) if status == 429 else None


def retry_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (seconds or a date, RFC 9110 section 10.2.3)."""
    if (milliseconds := _number(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now()) if value else None
    except (ValueError, OverflowError):
        return None


def reset_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds until every spent limit is reset, from `x-ratelimit-reset-*`, `anthropic-ratelimit-*-reset` and kin.

    A limit with something left is not what the provider refused for.
    """
    waits = [
        seconds
        for name, value in headers.items()
        if "ratelimit" in name.lower() and "reset" in name.lower()
        if headers.get(name.lower().replace("reset", "remaining"), "0").strip() == "0"
        if (seconds := _reset(value.strip(), now())) is not None
    ]
    return max(waits, default=None)


def _reset(value: str, now: float) -> float | None:
    """`6m0s`, `120ms`, seconds, seconds or milliseconds since the epoch, or a time in RFC 3339."""
    if (number := _number(value)) is not None:
        moment = number / 1000 if number > 1e11 else number
        return max(0.0, moment - now) if moment > 1e9 else moment
    if value and (match := _DURATION.fullmatch(value)):
        days, hours, minutes, seconds, milliseconds = (_number(part or "0") or 0.0 for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds + milliseconds / 1000
    try:
        return max(0.0, datetime.fromisoformat(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text) else None
