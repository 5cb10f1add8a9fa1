"""What an HTTP answer that is no stream stands for."""

from __future__ import annotations

import email.utils

import pytest

from agent_lsp.models import (
    BadRequest,
    ContextTooLong,
    KeyRefused,
    ModelError,
    Passing,
    RateLimited,
)
from agent_lsp.models.http import Endpoint, error_message, refusal, retry_after


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "no such field", BadRequest),
        (400, "This model's maximum context length is 4096 tokens", ContextTooLong),
        (401, "bad key", KeyRefused),
        (403, "not you", KeyRefused),
        (404, "no such model", BadRequest),
        (408, "", Passing),
        (409, "", Passing),
        (413, "too large", ContextTooLong),
        (429, "slow down", RateLimited),
        (307, "", BadRequest),
        (500, "", Passing),
        (529, "overloaded", Passing),
    ],
)
def test_each_status_is_its_own_failure(status: int, message: str, kind: type[ModelError]) -> None:
    error = refusal(status, {}, message, "api.example")

    assert type(error) is kind
    assert str(status) in str(error)
    assert "api.example" in str(error)


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": email.utils.formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": email.utils.formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "\xb2"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Fri, 99 Nov 99999 99:99:99 GMT"}, None),
    ],
)
def test_the_time_to_wait_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, lambda: NOW) == seconds


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "no", "type": "x"}}', "no"),
        (b'{"error": "no"}', "no"),
        (b'{"message": "no"}', "no"),
        (b'{"detail": "no"}', "no"),
        (b'{"error": {"code": 1}}', ""),
        (b"[1]", ""),
        (b"<html>", ""),
    ],
)
def test_the_message_is_found_in_the_error_objects_that_providers_send(body: bytes, message: str) -> None:
    assert error_message(body) == message


def test_an_address_that_is_no_url_is_still_named() -> None:
    assert [Endpoint(url, {}).host for url in ("http://a.example:1/v1", "http://a:port", "localhost")] == [
        "a.example",
        "http://a:port",
        "localhost",
    ]
