"""Tools that read and write while a folder changes places with a link that leads outside."""

from __future__ import annotations

import ctypes
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from agent_lsp.files.disk import ChangedMeanwhile, TextFile
from agent_lsp.files.files import Files
from agent_lsp.files.location import PathRefused
from agent_lsp.processes.run import Processes
from agent_lsp.search.found import Query, SearchRefused
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from tests.files.test_roots import racing, swapping

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "renameat2"), reason="folders can be swapped on Linux only"
)


@pytest.mark.parametrize("ripgrep", [True, False])
async def test_neither_search_nor_listing_shows_what_lies_outside(
    files: Files, processes: Processes, workspace: Path, outside: Path, ripgrep: bool
) -> None:
    (outside / "secret.txt").write_text("harmful\n")
    (outside / "outside.txt").write_text("harmful\n")
    search = Search(files, processes, program() if ripgrep else None)
    tally = Counter[str]()
    found: set[str] = set()
    names: set[str] = set()
    with swapping(workspace, outside, 1):
        for _ in racing(tally, ("found",), 5):
            for path in (".", "folder"):
                with suppress(PathRefused, SearchRefused):
                    place = files.roots.find(path)
                    found |= {line.text for line in (await search.find(Query("harm", place))).lines}
                    tally["found"] += bool(found)
                    names |= {Path(name).name for name in (await search.files(place)).paths}

    assert found == {"harmless"}
    assert names <= {"secret.txt", "folder", "link"}


async def test_nothing_is_edited_or_deleted_outside(files: Files, workspace: Path, outside: Path) -> None:
    tally = Counter[str]()
    with swapping(workspace, outside, 2):
        for _ in racing(tally, ("done",), 10):
            with suppress(PathRefused, ChangedMeanwhile):
                document = await files.read("folder/secret.txt")
                assert document.text in {"harmless\n", "harmless!\n"}
                after = "harmless!\n" if document.text == "harmless\n" else "harmless\n"
                await files.perform(await files.change(document.location, document, after))
                new = await files.read_if_there("folder/new")
                known = new if isinstance(new, TextFile) else None
                location = new.location if isinstance(new, TextFile) else new
                await files.perform(await files.change(location, known, "x" if known is None else None))
                tally["done"] += 1

    assert {path.name: path.read_text() for path in outside.iterdir()} == {"secret.txt": "secret\n"}
    assert tally["done"] > 10
