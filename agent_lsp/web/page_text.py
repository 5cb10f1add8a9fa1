"""A page as text for a model: HTML as Markdown, other text as it is, and nothing else."""

from __future__ import annotations

import asyncio
import codecs
import re

from agent_lsp.web import Page, WebRefused

_HTML = {"text/html", "application/xhtml+xml"}
_TEXT = re.compile(
    r"text/.+|application/(.+\+)?(json|xml|yaml|x-yaml|toml|javascript|x-ndjson|x-sh|sql)|image/svg\+xml"
)
_DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})""", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ENCODINGS = re.compile(
    r"ascii|utf-(8|16|32).*|iso8859-\d+|cp\d+|koi8-.|kz1048|mac-.+|ptcp154|tis-620|big5.*|gb.+|hz|euc_.+|iso2022_.+|johab|shift_.+"
)
"""Codecs of texts, by Python's names for them; others that it has, such as punycode, are slow without bound."""
_HEAD_BYTES = 2_048
_SECONDS = 20.0
_MOST_CHARACTERS = 4 << 20
"""Of a page as Markdown: a table whose cells span columns comes out fifty times as long as it went in."""


async def text_of(page: Page) -> str:
    """What a page says. Raises WebRefused for pictures and other bytes that are no text."""
    if not _is_text(page):
        raise WebRefused(f"{page.url} is {page.media_type or 'binary'}, which is no text: it is not fetched")
    text = decoded(page)
    if page.media_type not in _HTML and not (not page.media_type and text.lstrip()[:1] == "<"):
        return text
    try:
        async with asyncio.timeout(_SECONDS):  # a thread that takes longer goes on alone; the page's size bounds it
            return await asyncio.to_thread(_markdown, text, page.url)
    except TimeoutError as error:
        raise WebRefused(f"{page.url} takes too long to be read as a page") from error


def _is_text(page: Page) -> bool:
    if page.media_type:
        return bool(_TEXT.fullmatch(page.media_type)) or page.media_type in _HTML
    return b"\0" not in page.body


def decoded(page: Page) -> str:
    """A page's text, in the encoding that it says or shows; what is none becomes U+FFFD."""
    for mark, encoding in _MARKS:
        if page.body.startswith(mark):
            return page.body[len(mark) :].decode(encoding, "replace")
    declared = _DECLARED.search(page.body[:_HEAD_BYTES]) if page.media_type in _HTML else None
    name = page.charset or (declared[1].decode() if declared else "utf-8")
    try:
        known = codecs.lookup(name).name
    except (LookupError, UnicodeError):
        known = ""
    return page.body.decode(known if _ENCODINGS.fullmatch(known) else "utf-8", "replace")


def _markdown(html: str, url: str) -> str:
    from html_to_markdown import ConversionError, ConversionOptions, convert

    options = ConversionOptions(extract_metadata=False, base_url=url, max_depth=500)
    try:
        text = convert(html.replace("\0", ""), options).content or ""
    except ConversionError as error:
        raise WebRefused(f"{url} cannot be read as a page, though it says that it is one") from error
    return text[:_MOST_CHARACTERS].strip()
