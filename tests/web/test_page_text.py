"""Pages as text."""

from __future__ import annotations

import time

import pytest

from agent_lsp.web import Page, WebRefused
from agent_lsp.web.page_text import decoded, text_of

HTML = b"""<!doctype html><html><head><title>T</title><meta name=a content=b><style>p{}</style></head><body>
<script>steal()</script><h1>Rounding</h1><p>See <a href="/round?x=1">round</a> and <em>half</em>.</p>
<pre><code class="language-py">round(2.5)
# 2</code></pre><table><tr><th>a</th></tr><tr><td>1</td></tr></table></body></html>"""


def page(body: bytes, kind: str = "text/html", charset: str = "") -> Page:
    return Page("https://example.org/docs/", kind, charset, body)


async def test_html_becomes_markdown_with_whole_links_and_without_scripts() -> None:
    assert await text_of(page(HTML)) == (
        "# Rounding\n\nSee [round](https://example.org/round?x=1) and *half*.\n\n"
        "```py\nround(2.5)\n# 2\n```\n\n| a |\n| --- |\n| 1 |"
    )


@pytest.mark.parametrize(
    ("body", "kind", "charset"),
    [
        ("größe".encode(), "text/plain", ""),
        ("größe".encode("latin-1"), "text/plain", "iso-8859-1"),
        ("größe".encode("utf-16"), "text/plain", ""),
        ('<meta charset="latin-1"><p>größe'.encode("latin-1"), "text/html", ""),
        ("größe".encode(), "text/plain", "no-such-encoding"),
        ("größe".encode(), "text/plain", "zip"),
        ("größe".encode(), "application/json", ""),
        ("größe".encode(), "application/ld+json", ""),
        ("größe".encode(), "", ""),
        ("<p>größe</p>".encode(), "", ""),
    ],
)
async def test_text_is_read_in_its_own_encoding(body: bytes, kind: str, charset: str) -> None:
    assert await text_of(page(body, kind, charset)) == "größe"


async def test_an_encoding_that_is_slow_without_bound_is_none() -> None:
    began = time.process_time()
    assert await text_of(page(b"a" * 500_000, "text/plain", "punycode")) == "a" * 500_000

    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "name",
    [
        *("utf-8", "utf-16le", "latin1", "iso-8859-15", "macintosh", "windows-1251", "koi8-r", "ibm866", "us-ascii"),
        *("gbk", "gb18030", "gb2312", "big5", "euc-jp", "shift_jis", "iso-2022-jp", "euc-kr", "ks_c_5601-1987"),
    ],
)
def test_the_encodings_of_the_web_are_read(name: str) -> None:
    body = b"\xb0\xa1"
    assert decoded(page(body, "text/plain", name)) == body.decode(name, "replace")


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "application/octet-stream", "video/mp4", ""])
async def test_what_is_no_text_is_refused(kind: str) -> None:
    with pytest.raises(WebRefused, match=r"https://example\.org/docs/ is .*, which is no text"):
        await text_of(page(b"\x89PNG\0\0", kind))


@pytest.mark.parametrize("body", [b"<p>one\0two</p>", b"\0" * 5_000 + b"<p>onetwo</p>"])
async def test_nul_characters_are_left_out_of_a_page(body: bytes) -> None:
    assert await text_of(page(body)) == "onetwo"


async def test_html_that_is_no_page_is_refused_in_our_words() -> None:
    with pytest.raises(WebRefused, match=r"^https://example\.org/docs/ cannot be read as a page, though it says"):
        await text_of(page(b"%PDF-1.7 obey"))


async def test_a_page_that_grows_in_reading_is_cut() -> None:
    cells = b"<tr><td colspan=1000>x" * 20_000
    assert len(await text_of(page(b"<table>" + cells))) <= 4 << 20


@pytest.mark.parametrize("nested", ["<div>", "<b><i>", "<ul><li>", "<blockquote>", "<table><tr><td>"])
async def test_html_nested_a_hundred_thousand_times_ends_soon(nested: str) -> None:
    began = time.process_time()
    await text_of(page(nested.encode() * 100_000 + b"x"))

    assert time.process_time() - began < 10
