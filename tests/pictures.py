"""Pictures of each format, as large as a test says: headers and ends are whole, what is between need not be."""

from __future__ import annotations

import base64
import struct
import zlib

from agent_lsp.conversation.messages import Image


def png(width: int = 2, height: int = 1, more: int = 0) -> bytes:
    """One that any program shows; `more` bytes of a chunk that nobody reads are in it."""
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(min(height, 100)))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", head), (b"teSt", b"\1" * more), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg(width: int = 2, height: int = 1, frame: int = 0xC0) -> bytes:
    """With a thumbnail before its frame, fill and a marker that stands alone."""
    thumbnail = b"\xff\xd8\xff\xc0\0\x0b\x08\0\x05\0\x05\1\1\x11\0\xff\xd9"
    head = b"\xff\xd8\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail + b"\xff\x01\xff"
    size = b"\xff" + bytes([frame]) + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return head + size + b"\xff\xda\0\x08\1\1\0\0\x3f\0\x7f\xff\xd9"


def gif(width: int = 2, height: int = 1, version: bytes = b"89a") -> bytes:
    return b"GIF" + version + struct.pack("<HH", width, height) + b"\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def webp(kind: bytes, width: int = 2, height: int = 1) -> bytes:
    """`kind` is the four letters of its first chunk."""
    body = {
        b"VP8X": b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
        b"VP8L": b"\x2f" + (width - 1 | (height - 1) << 14).to_bytes(4, "little") + b"\0\0\0",
        b"VP8 ": b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width | 0x4000, height),
    }[kind]
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def image(width: int = 2, height: int = 1, *, data: bytes | None = None) -> Image:
    """A PNG as a tool's result has it."""
    return Image("image/png", width, height, base64.b64encode(png() if data is None else data).decode())
