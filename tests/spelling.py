"""File URIs as editors write them, and names that each of them has to encode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

NAMES = (
    "C#", "what?", "100%", "a%20b", "50%25", "with blank", "[id]", "a+b&c", "café", "文件", "semi;colon", "a:b", "~x",
    "back\\slash", "x%2F..%2Fy", "a%23b",
)  # fmt: skip


def as_vscode(path: Path) -> str:
    """All but what RFC 3986 leaves unreserved is encoded."""
    return "file://" + quote(str(path))


def as_neovim(path: Path) -> str:
    """What a path may hold as it is is left so (`vim.uri_from_fname`)."""
    return "file://" + quote(str(path), safe="/~!$&'()*+,;=:@")


def as_everything(path: Path) -> str:
    """Each byte is encoded, in small letters; the host is named."""
    escaped = "/".join("".join(f"%{byte:02x}" for byte in part.encode()) for part in str(path).split("/"))
    return f"file://localhost{escaped}"


Spelling = Callable[[Path], str]
SPELLINGS: tuple[Spelling, ...] = (as_vscode, as_neovim, as_everything)


def taken_for(path: Path) -> set[Path]:
    """What a reader would take a path for that decodes its URI twice."""
    cut = path.name.split("#")[0].split("?")[0]
    return {path.parent / other for other in (cut, unquote(path.name)) if other not in {"", path.name}}
