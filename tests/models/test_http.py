"""What an HTTP answer that is no stream stands for."""

from __future__ import annotations

import email.utils
import json
import math

import pytest

from agent_lsp.models import BadRequest, ContextTooLong, KeyRefused, ModelError, Passing, QuotaSpent, RateLimited
from agent_lsp.models.retry_after import reset_after, retry_after
from agent_lsp.models.wire.http import Endpoint
from agent_lsp.models.wire.refusals import broken_off, error_message, refusal


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "no such field", BadRequest),
        (400, "The service is temporarily overloaded", Passing),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", ContextTooLong),
        (400, "the request exceeds the available context size, try increasing it", ContextTooLong),
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
        ({"retry-after-ms": "0", "retry-after": "9"}, 0.0),
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
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "120ms", "x-ratelimit-remaining-tokens": "0"}, 0.12),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "9s", "x-ratelimit-remaining-requests": "4"}, None),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "3s"}, 3.0),
        ({"x-ratelimit-reset": str(NOW + 20)}, 20.0),
        ({"x-ratelimit-reset": str(int(NOW + 20) * 1000)}, 20.0),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:50Z"}, 30.0),
        (
            {
                "anthropic-ratelimit-requests-reset": "2023-11-14T22:14:20Z",
                "anthropic-ratelimit-requests-remaining": "12",
                "anthropic-ratelimit-input-tokens-reset": "2023-11-14T22:13:25Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
            },
            5.0,
        ),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": ""}, None),
    ],
)
def test_the_time_until_spent_limits_are_reset_is_read_from_the_headers(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert reset_after(headers, lambda: NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "9s"}, {}, 9.0),
        ({"x-ratelimit-reset-requests": "9s", "retry-after": "2"}, {}, 2.0),
        ({"x-should-retry": "false", "retry-after": "2"}, {}, math.inf),
        ({}, {"error": {"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "31s"}]}}, 31),
    ],
)
def test_a_rate_limit_says_how_long_it_lasts(headers: dict[str, str], body: dict[str, object], seconds: float) -> None:
    error = refusal(429, headers, "slow down", "api.example", body=json.dumps(body))

    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"error": {"code": "insufficient_quota"}}),
        (429, {"error": {"type": "insufficient_quota"}}),
        (402, {"error": {"message": "Insufficient credits"}}),
    ],
)
def test_a_spent_quota_is_not_asked_again_and_its_remedy_is_named(status: int, body: dict[str, object]) -> None:
    error = refusal(status, {"retry-after": "2"}, "pay first", "api.example", body=json.dumps(body))

    assert type(error) is QuotaSpent
    assert not error.may_have_cost
    assert str(error) == (
        f"api.example answered {status}: pay first. Waiting does not help: look at the account there,"
        " or choose another model"
    )


def test_a_provider_that_says_whether_to_ask_again_is_believed() -> None:
    never = refusal(500, {"x-should-retry": "false"}, "", "api.example")
    again = refusal(400, {"x-should-retry": "true"}, "", "api.example")

    assert isinstance(never, Passing)
    assert never.retry_after == math.inf
    assert type(again) is Passing


@pytest.mark.parametrize(
    ("message", "codes", "kind"),
    [
        ("Overloaded", ["overloaded_error"], Passing),
        ("overloaded", ["invalid_request_error"], Passing),
        ("slow down", ["rate_limit_error"], RateLimited),
        ("slow down", ["rate_limit_exceeded"], RateLimited),
        ("slow down", ["429"], RateLimited),
        ("pay", ["insufficient_quota"], QuotaSpent),
        ("no", ["authentication_error"], KeyRefused),
        ("no", ["invalid_prompt"], BadRequest),
        ("no", ["context_length_exceeded"], ContextTooLong),
        ("no", [None, 502], Passing),
        ("no", [400], BadRequest),
        ("no", [True], Passing),
        ("no", [], Passing),
    ],
)
def test_an_error_inside_an_answer_is_the_failure_that_its_code_names(
    message: str, codes: list[object], kind: type[ModelError]
) -> None:
    assert type(broken_off("api.example", message, *codes)) is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "no", "type": "x"}}', "no"),
        (b'{"error": "no"}', "no"),
        (b'{"message": "no"}', "no"),
        (b'{"detail": "no"}', "no"),
        (b'{"error": {"code": 1}}', ""),
        (b'[{"error": {"message": "no"}}]', "no"),
        (b"[" * 100_000, ""),
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


def test_only_the_key_is_taken_out_of_a_text() -> None:
    hide = Endpoint("http://x", {"anthropic-version": "2023-06-01", "x-api-key": "sk-ant-0123456789"}).hiding()

    assert hide("since 2023-06-01, with sk-ant-0123456789") == "since 2023-06-01, with [key]"


def test_a_bearer_is_a_key() -> None:
    assert Endpoint("http://x", {"authorization": "Bearer sk-0123456789"}).hiding()("sk-0123456789") == "[key]"
