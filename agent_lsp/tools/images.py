"""What bytes are a picture, how large it is, and whether providers take it: told by content, never by name."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable

from agent_lsp.conversation.messages import Image
from agent_lsp.tools import ToolError

_MOST_BYTES = 3_750_000
"""5 MB once in base64, the least that a provider takes (Anthropic, "Vision": maximal size per image)."""
_MOST_PIXELS = 8_000
"""A side; more is refused (Anthropic, "Vision": maximal dimensions per image)."""
_REMEDY = "make a smaller copy of it with a command, then read that"

_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of JPEG that a frame's size follows (ITU-T T.81, table B.1)."""
_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
"""The markers of JPEG that nothing follows (likewise)."""
Size = tuple[int, int]


def image_in(data: bytes, name: str) -> Image | None:
    """The picture that a file's bytes are, None where they are none.

    Raises ToolError, naming the file, for one that is damaged or larger than providers take.
    """
    for media_type, is_one, size_of in _FORMATS:
        if is_one(data):
            _must_be_light(data, name)
            width, height = _size(data, size_of, f"'{name}' begins as {media_type}")
            _must_be_small(width, height, name)
            return Image(media_type, width, height, base64.b64encode(data).decode())
    return None


def _size(data: bytes, size_of: Callable[[bytes], Size], what: str) -> Size:
    try:
        width, height = size_of(data)
    except (struct.error, IndexError, ValueError):
        width = height = 0
    if not (width and height):
        raise ToolError(f"{what}, but is cut off or damaged: use a command for it")
    return width, height


def _must_be_light(data: bytes, name: str) -> None:
    """Before it is read: to walk through the segments of a large file takes seconds."""
    if len(data) > _MOST_BYTES:
        raise ToolError(f"'{name}' has {len(data):,} bytes, and {_MOST_BYTES:,} are the most for a picture: {_REMEDY}")


def _must_be_small(width: int, height: int, name: str) -> None:
    if max(width, height) > _MOST_PIXELS:
        raise ToolError(
            f"'{name}' has {width:,} × {height:,} pixels, and {_MOST_PIXELS:,} a side are the most: {_REMEDY}"
        )


def _png(data: bytes) -> Size:
    """The first chunk tells, its checksum holds, and the last is there (W3C PNG, 5.3 and 11.2.1)."""
    (checksum,) = struct.unpack_from(">I", data, 29)
    _must(data[12:16] == b"IHDR" and zlib.crc32(data[12:29]) == checksum and data.rfind(_PNG_END) > 0)
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> Size:
    """The logical screen; a trailer ends it (GIF89a, 18 and 27)."""
    _must(data.rstrip(b"\0").endswith(b";"))
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _jpeg(data: bytes) -> Size:
    """Segment by segment up to the frame's; an end marker comes after it (ITU-T T.81, B.1 and B.2.2)."""
    place = 2
    while True:
        _must(data[place] == 0xFF)
        marker = data[place + 1]
        if marker in _FRAMES:
            _must(data.find(b"\xff\xd9", place) > 0)  # one before it ends a thumbnail
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        _must(marker != 0xD9)
        if marker == 0xFF:  # fill before a marker
            place += 1
        elif marker in _ALONE:
            place += 2
        else:
            (length,) = struct.unpack_from(">H", data, place + 2)
            place += 2 + length


def _webp(data: bytes) -> Size:
    """By the kind of its first chunk; all of it is there (RFC 9649, 2.4 to 2.7)."""
    (length,) = struct.unpack_from("<I", data, 4)
    _must(len(data) >= length + 8)
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            _must(data[20] == 0x2F)
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            _must(data[23:26] == b"\x9d\x01\x2a")  # RFC 6386, 9.1
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    raise ValueError(data[12:16])


def _must(holds: bool) -> None:  # noqa: FBT001 - what a format demands
    if not holds:
        raise ValueError


_FORMATS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes], Size]], ...] = (
    ("image/png", lambda data: data.startswith(_PNG), _png),
    ("image/jpeg", lambda data: data.startswith(b"\xff\xd8\xff"), _jpeg),
    ("image/gif", lambda data: data.startswith((b"GIF87a", b"GIF89a")), _gif),
    ("image/webp", lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP", _webp),
)
"""All that the three wire protocols take (each names these four and no other)."""
