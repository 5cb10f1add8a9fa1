"""read_file on pictures: told by content, as large as providers take, whole."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.conversation.messages import Image
from agent_lsp.tools import Shown, ToolContext, ToolError
from agent_lsp.tools.images import image_in
from agent_lsp.tools.read import read_file
from tests.pictures import gif, jpeg, png, webp
from tests.tools.calls import read, shown

WHOLE = {
    "png": ("image/png", png(640, 480)),
    "jpeg": ("image/jpeg", jpeg(640, 480)),
    "progressive jpeg": ("image/jpeg", jpeg(640, 480, frame=0xC2)),
    "gif": ("image/gif", gif(640, 480)),
    "old gif": ("image/gif", gif(640, 480, b"87a")),
    "lossy webp": ("image/webp", webp(b"VP8 ", 640, 480)),
    "lossless webp": ("image/webp", webp(b"VP8L", 640, 480)),
    "extended webp": ("image/webp", webp(b"VP8X", 640, 480)),
}


@pytest.mark.parametrize(("media_type", "data"), WHOLE.values(), ids=WHOLE)
def test_a_picture_of_each_format_is_known_with_its_size(media_type: str, data: bytes) -> None:
    assert image_in(data, "a") == Image(media_type, 640, 480, base64.b64encode(data).decode())


@pytest.mark.parametrize(("media_type", "data"), WHOLE.values(), ids=WHOLE)
def test_a_picture_cut_off_anywhere_is_refused(media_type: str, data: bytes) -> None:
    for end in range(13, len(data)):
        with pytest.raises(ToolError, match=f"'a' begins as {media_type}, but is cut off or damaged"):
            image_in(data[:end], "a")


def test_a_header_that_was_damaged_or_says_nothing_is_refused() -> None:
    damaged = [
        png(640, 480).replace(b"\x02\x80", b"\x03\x80", 1),
        png(0, 480),
        jpeg(640, 0),
        gif(0, 0),
        webp(b"VP8 ").replace(b"\x9d", b"\x9e"),
        webp(b"VP8L").replace(b"\x2f", b"\x2e"),
        webp(b"VP8X").replace(b"VP8X", b"VP9X"),
        b"\xff\xd8\xff\xe0\0\0\xff\xd9",
    ]
    for data in damaged:
        with pytest.raises(ToolError, match="cut off or damaged"):
            image_in(data, "a")


@given(st.sampled_from([data for _, data in WHOLE.values()]), st.data())
def test_any_damage_is_a_picture_or_a_refusal_and_never_a_crash(whole: bytes, more: st.DataObject) -> None:
    data = bytearray(whole)
    for place in more.draw(st.lists(st.integers(0, len(data) - 1), max_size=6)):
        data[place] = more.draw(st.integers(0, 255))
    try:
        found = image_in(bytes(data), "a")
    except ToolError:
        return
    assert found is None or (found.width > 0 and found.height > 0)


@given(st.binary(max_size=200))
def test_what_does_not_begin_as_a_picture_is_none(data: bytes) -> None:
    assert image_in(b"x" + data, "a") is None


async def test_a_picture_is_shown_whatever_its_name(context: ToolContext, workspace: Path) -> None:
    data = png(640, 480, more=12_000)
    (workspace / "notes.txt").write_bytes(data)

    assert await shown(read_file, context, path="notes.txt") == Shown(
        "notes.txt: image/png, 640 × 480 pixels, 13 kB",
        (Image("image/png", 640, 480, base64.b64encode(data).decode()),),
    )


async def test_a_text_is_a_text_whatever_its_name(context: ToolContext, workspace: Path) -> None:
    (workspace / "logo.png").write_text("not a picture\n")
    (workspace / "logo.svg").write_text('<svg width="1"/>\n')

    assert await read(read_file, context, path="logo.png") == "1\tnot a picture\n"
    assert await read(read_file, context, path="logo.svg") == '1\t<svg width="1"/>\n'


async def refusal(context: ToolContext, path: str) -> str:
    with pytest.raises(ToolError) as caught:
        await shown(read_file, context, path=path)
    return str(caught.value)


async def test_a_picture_that_no_provider_takes_is_refused_with_the_remedy(
    context: ToolContext, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside.png").write_bytes(png())
    (workspace / "link.png").symlink_to(tmp_path / "outside.png")
    (workspace / "wide.png").write_bytes(png(8_001, 10))
    (workspace / "heavy.png").write_bytes(png(10, 10, more=3_750_000))
    (workspace / "half.png").write_bytes(png(640, 480)[:60])
    (workspace / "photo.bmp").write_bytes(b"BM\x3e\0\0\0\0\0\0\0")

    assert [await refusal(context, name) for name in ("wide.png", "heavy.png", "half.png", "photo.bmp")] == [
        "'wide.png' has 8,001 × 10 pixels, and 8,000 a side are the most: make a smaller copy of it with a command,"
        " then read that",
        "'heavy.png' has 3,750,083 bytes, and 3,750,000 are the most for a picture: make a smaller copy of it with a"
        " command, then read that",
        "'half.png' begins as image/png, but is cut off or damaged: use a command for it",
        "'photo.bmp' is a binary file of 10 bytes: use a command for it",
    ]
    assert "outside" in await refusal(context, "link.png")


async def test_a_picture_at_the_bounds_is_taken(context: ToolContext, workspace: Path) -> None:
    data = png(8_000, 8_000)
    data = png(8_000, 8_000, more=3_750_000 - len(data))
    (workspace / "big.png").write_bytes(data)

    content = await shown(read_file, context, path="big.png")

    assert isinstance(content, Shown)
    assert len(data) == content.images[0].size == 3_750_000
    assert len(content.images[0].base64) == 5_000_000


def test_a_large_file_is_refused_before_its_segments_are_walked_through() -> None:
    began = time.process_time()
    with pytest.raises(ToolError, match=r"'a.jpg' has 50,\d{3},\d{3} bytes"):
        image_in(b"\xff\xd8\xff" + b"\xff" * 50_000_000 + b"\0", "a.jpg")
    assert time.process_time() - began < 1
