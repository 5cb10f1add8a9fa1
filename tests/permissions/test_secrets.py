"""What is taken out of a text, and what stays."""

from __future__ import annotations

import base64
import time
from urllib.parse import quote

import pytest

from agent_lsp.permissions.secrets import Secrets, hidden_parts

KEY = 'made-up/key+"1234"'
BODY = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"] * 3)
BLOCK = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----"
TOKENS = {
    "Anthropic key": "sk-" + "ant-api03-" + "a1B2" * 10,
    "API key": "sk-" + "proj-" + "a1B2" * 8,
    "GitHub token": "ghp" + "_" + "a1B2" * 9,
    "GitLab token": "glpat" + "-" + "a1B2" * 5,
    "AWS access key": "AKIA" + "ABCDEFGHIJKLMN12",
    "Google key": "AIza" + "a1B2_" * 7,
    "Slack token": "xoxb" + "-1234567890-abcdef",
    "Stripe key": "sk" + "_live_" + "a1B2" * 5,
    "npm token": "npm" + "_" + "a1B2" * 9,
    "PyPI token": "pypi" + "-AgE" + "a1B2" * 14,
    "Hugging Face token": "hf" + "_" + "a1B2" * 9,
    "SendGrid key": "SG" + "." + "a" * 22 + "." + "b" * 43,
    "Docker token": "dckr" + "_pat_" + "a1B2" * 6,
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl-part",
    "private key": BLOCK,
}


@pytest.mark.parametrize("what", TOKENS)
def test_a_token_is_known_by_its_shape_and_the_word_in_its_place_says_what_it_was(what: str) -> None:
    assert Secrets().clean(f"a = '{TOKENS[what]}' # b") == f"a = '[redacted: {what}]' # b"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Authorization: Bearer abcdefghij.klmnop_q", "Authorization: Bearer [redacted: authorization]"),
        ("https://me:hunter22@example.org/x", "https://[redacted: password]@example.org/x"),
        ("AWS_SECRET_ACCESS_KEY=" + "a1B2" * 10, "AWS_SECRET_ACCESS_KEY=[redacted: AWS secret key]"),
        ('aws_secret_access_key = "' + "a1B2" * 10 + '"', 'aws_secret_access_key = "[redacted: AWS secret key]"'),
        ("-----BEGIN RSA PRIVATE KEY-----\n" + BODY + "\n(cut)", "[redacted: private key]\n(cut)"),
        (BLOCK.replace("\n", "\\n"), "[redacted: private key]"),
    ],
)
def test_what_stands_around_a_secret_stays(text: str, cleaned: str) -> None:
    assert Secrets().clean(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-is-a-library-with-a-long-name",
        "class='sk-circle-fade-dot-animation'",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "if '-----BEGIN PRIVATE KEY-----' in text:\n    return True\n",
        "-----BEGIN CERTIFICATE-----\n" + BODY + "\n-----END CERTIFICATE-----",
        "ghp_short",
        "http://localhost:8080/a@b",
        "git@github.com:owner/name.git",
        "authorization: bearer",
        "eyJ",
    ],
)
def test_what_only_looks_a_little_like_a_secret_stays(text: str) -> None:
    assert Secrets([KEY]).clean(text) == text


@pytest.mark.parametrize(
    "written", [KEY, 'made-up/key+\\"1234\\"', quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()]
)
def test_a_known_value_is_taken_out_however_it_is_written(written: str) -> None:
    assert Secrets([KEY]).clean(f"<{written}>") == "<[redacted: key of a model]>"


def test_a_key_that_holds_another_is_taken_out_whole() -> None:
    assert Secrets(["abcdefgh", "abcdefghijkl"]).clean("abcdefghijkl") == "[redacted: key of a model]"


def test_a_word_that_is_too_short_to_be_a_key_stays() -> None:
    assert Secrets(["", "test"]).clean("a test") == "a test"


@pytest.mark.parametrize("size", [1, 2, 7, 100, 10_000])
def test_pieces_of_any_size_are_cleaned_as_the_whole_is(size: int) -> None:
    text = f"begin {KEY}\r\nnext {TOKENS['GitHub token']} {KEY}\n{BLOCK}\nend {KEY}"
    secrets = Secrets([KEY])
    stream = secrets.stream()

    shown = [stream.feed(text[start : start + size]) for start in range(0, len(text), size)] + [stream.rest()]

    assert "".join(shown) == secrets.clean(text)
    assert "redacted: private key" in "".join(shown)


def test_whole_lines_are_shown_at_once() -> None:
    stream = Secrets().stream()
    assert [stream.feed(piece) for piece in ("one\ntw", "o\n", "10 %\r", "20")] == ["one\n", "two\n", "10 %\r", ""]
    assert stream.rest() == "20"


def test_a_block_that_never_ends_does_not_hold_everything_back() -> None:
    stream = Secrets().stream()
    stream.feed("-----BEGIN of something else\n")
    assert stream.feed("x\n" * 20_000)


@pytest.mark.parametrize("secret", [BLOCK, f"KEY={KEY}", "secret_access_key =\n  " + "aB3/" * 10, "-----BEGIN \n" * 9])
def test_a_secret_is_taken_out_of_a_long_text_wherever_it_stands(secret: str) -> None:
    secrets, line, lines = Secrets([KEY]), "a line of a long text\n", (256 << 10) // 22
    cleaned = secrets.clean(f"{secret}\n")
    for before in range(lines - 4, lines + 2):
        for shift in (0, 9):
            start, end = "\n".rjust(shift + 1, "x") + line * before, line * lines * 2
            assert secrets.clean(f"{start}{secret}\n{end}") == f"{start}{cleaned}{end}"


@pytest.mark.parametrize("secret", [TOKENS["GitHub token"], KEY, BLOCK.replace("\n", "\\n")])
@pytest.mark.parametrize("shift", [1, 20, 39, 4_100, 4_135])
def test_a_secret_in_a_long_line_is_taken_out_of_a_stream_wherever_the_line_is_cut(secret: str, shift: int) -> None:
    line = f"{'a b ' * 4_250}"[:-shift] + f" {secret} {'a b ' * 8_500}"
    stream = Secrets([KEY]).stream()
    shown = [stream.feed(line[at : at + 1_000]) for at in range(0, len(line), 1_000)]

    assert any(shown)
    assert "".join(shown) + stream.rest() == Secrets([KEY]).clean(line)


def test_a_key_of_several_lines_is_taken_out_of_a_long_text() -> None:
    key, lines = "the first line\nthe second line", "a line of a long text\n" * 11_915
    for shift in range(22):
        assert Secrets([key]).clean(f"{'x' * shift}{lines}{key}\n{lines}").count("[redacted") == 1


def test_a_long_text_is_cleaned_as_its_parts_are_whatever_kind_of_secret_comes_first() -> None:
    first, lines, last = (f"{TOKENS['API key']}\n", "a line of a long text\n" * 12_000, TOKENS["Anthropic key"])
    clean = Secrets().clean

    assert clean(first + lines + last) == clean(first) + lines + clean(last)


def test_a_new_text_in_which_a_secret_would_be_lost_is_known() -> None:
    cleaned = Secrets([KEY]).clean(f"KEY={KEY}\n")

    assert hidden_parts(f"KEY={KEY}\n", cleaned)
    assert hidden_parts(None, "[redacted: GitHub token]")
    assert not hidden_parts(cleaned, cleaned + "more")
    assert not hidden_parts("a", None)
    assert not hidden_parts("a", "[redacted: my own words]")


@pytest.mark.parametrize(
    "piece",
    [
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "sk-",
        "sk-1A",
        "authorization: basic ",
        "eyJa.",
        "://a:",
        "A" * 64 + "\n",
        "-----BEGIN \n",
        "-----END \n",
        "-----BEGIN \n-----END \n",
        "access_key\n",
        "a",
    ],
)
def test_a_megabyte_of_anything_is_cleaned_soon(piece: str) -> None:
    began = time.process_time()
    Secrets([KEY]).clean(piece * ((1 << 20) // len(piece)))

    assert time.process_time() - began < 5
