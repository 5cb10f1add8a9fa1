"""Search and listing, with ripgrep and without it: the same answers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from agent_lsp.files.files import Files
from agent_lsp.files.location import PathRefused
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.search.found import MOST_MATCHES, Listing, Query, SearchLine, SearchRefused, SearchResult
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from tests.open_buffers import OpenBuffers

CORPUS = {
    "a.py": "import os\n\ndef Needle():\n    return os.sep\n",
    "b.txt": "needle here\r\nand needle there\r\nnothing\r\n",
    "src/deep/c.py": "x = 1\n# needle\ny = 2\n# Needle\nz = 3",
    "src/d.ts": "const n = 'needle'\n" * 3,
    "docs/-x.md": "-needle\n--needle\n(a+b)\n",
    ".hidden/e.py": "needle\n",
    "ünï/日本.txt": "neédle needle\n",
}


@pytest.fixture(params=[True, False], ids=["ripgrep", "python"])
def search(request: pytest.FixtureRequest, files: Files, processes: Processes, workspace: Path) -> Search:
    for path, text in CORPUS.items():
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_bytes(text.encode())
    (workspace / "image.png").write_bytes(b"\0\0needle\n")
    (workspace / ".git").mkdir()
    (workspace / ".git" / "config").write_text("needle\n")
    ripgrep = program() if request.param else None
    assert ripgrep or not request.param, "the tests need ripgrep"
    return Search(files, processes, ripgrep)


@pytest.fixture
def place(files: Files) -> Query:
    return Query("needle", files.roots.find("."))


def places(found: SearchResult) -> list[tuple[str, int]]:
    return [(line.shown, line.number) for line in found.lines if line.matched]


EVERYWHERE = [
    (".hidden/e.py", 1),
    ("b.txt", 1),
    ("b.txt", 2),
    ("docs/-x.md", 1),
    ("docs/-x.md", 2),
    ("src/d.ts", 1),
    ("src/d.ts", 2),
    ("src/d.ts", 3),
    ("src/deep/c.py", 2),
    ("ünï/日本.txt", 1),
]


async def test_words_are_found_in_order_of_path(search: Search, place: Query) -> None:
    found = await search.find(place)

    assert places(found) == EVERYWHERE
    assert found.lines[1] == SearchLine("b.txt", 1, "needle here", True)


async def test_case_can_be_left_aside(search: Search, files: Files) -> None:
    found = await search.find(Query("NEEDLE", files.roots.find("src/deep"), case_sensitive=False))

    assert places(found) == [("src/deep/c.py", 2), ("src/deep/c.py", 4)]


@pytest.mark.parametrize(
    ("glob", "paths"),
    [
        ("*.py", {".hidden/e.py", "src/deep/c.py"}),
        ("src/*", {"src/d.ts"}),
        ("src/**", {"src/d.ts", "src/deep/c.py"}),
        ("*.{ts,txt}", {"b.txt", "src/d.ts", "ünï/日本.txt"}),
        ("!*.py", {"b.txt", "docs/-x.md", "src/d.ts", "ünï/日本.txt"}),
        ("*", {path for path, _ in EVERYWHERE}),
        ("*.rs", set()),
    ],
)
async def test_a_glob_narrows_the_search(search: Search, files: Files, glob: str, paths: set[str]) -> None:
    found = await search.find(Query("needle", files.roots.find("."), glob=glob))

    assert {path for path, _ in places(found)} == paths


async def test_lines_around_a_match_are_told_apart(search: Search, files: Files) -> None:
    found = await search.find(Query("needle", files.roots.find("src/deep/c.py"), context_lines=1))

    assert found == SearchResult(
        (
            SearchLine("src/deep/c.py", 1, "x = 1", False),
            SearchLine("src/deep/c.py", 2, "# needle", True),
            SearchLine("src/deep/c.py", 3, "y = 2", False),
        ),
        False,
    )


@pytest.mark.parametrize(
    ("pattern", "regex", "expected"),
    [
        ("-needle", False, [("docs/-x.md", 1), ("docs/-x.md", 2)]),
        ("--needle", False, [("docs/-x.md", 2)]),
        ("(a+b)", False, [("docs/-x.md", 3)]),
        ("^-n.*e$", True, [("docs/-x.md", 1)]),
        (r"here$|there$", True, [("b.txt", 1), ("b.txt", 2)]),
        (r"\bneédle\b", True, [("ünï/日本.txt", 1)]),
        ("no such words", False, []),
    ],
)
async def test_patterns_are_words_or_regular_expressions(
    search: Search,
    files: Files,
    pattern: str,
    regex: bool,
    expected: list[tuple[str, int]],
    request: pytest.FixtureRequest,
) -> None:
    if regex and "python" in request.node.callspec.id:  # one of Python's own can take for ever
        with pytest.raises(SearchRefused, match="regular expressions need ripgrep"):
            await search.find(Query(pattern, files.roots.find("."), regex=True))
        return
    found = await search.find(Query(pattern, files.roots.find("."), regex=regex))

    assert places(found) == expected


async def test_a_pattern_that_is_no_regular_expression_is_refused(search: Search, files: Files) -> None:
    with pytest.raises(SearchRefused, match=r"regex|regular expression"):
        await search.find(Query("(", files.roots.find("."), regex=True))


async def test_texts_in_other_encodings_are_found(search: Search, files: Files, workspace: Path) -> None:
    (workspace / "odd").mkdir()
    (workspace / "odd" / "latin").write_bytes(b"caf\xe9 au lait\n")
    (workspace / "odd" / "wide").write_bytes("café au lait\n".encode("utf-16"))

    found = [await search.find(Query("lait", files.roots.find(path))) for path in ("odd", "odd/latin", "odd/wide")]

    latin, wide = (SearchLine(f"odd/{name}", 1, "café au lait", True) for name in ("latin", "wide"))
    assert [one.lines for one in found] == [(latin, wide), (latin,), (wide,)]


async def test_unsaved_text_is_searched_in_place_of_the_file(
    search: Search, place: Query, editor: OpenBuffers, workspace: Path
) -> None:
    editor.open(workspace / "b.txt", "nothing\nneedle now\n")
    editor.open(workspace / "src" / "d.ts", "gone")
    editor.open(workspace / "new.py", "needle, never saved")

    found = places(await search.find(place))
    alone = await search.find(Query("needle", search._files.roots.find("b.txt")))

    kept = [one for one in EVERYWHERE if one[0] not in {"b.txt", "src/d.ts"}]
    assert found == sorted([*kept, ("b.txt", 2), ("new.py", 1)])
    assert places(alone) == [("b.txt", 2)]


async def test_unsaved_text_is_searched_whatever_link_the_editor_or_the_model_reaches_it_by(
    search: Search, place: Query, editor: OpenBuffers, workspace: Path
) -> None:
    (workspace / "folder").symlink_to("src")
    (workspace / "file").symlink_to("b.txt")
    editor.open(workspace / "folder" / "d.ts", "gone")
    editor.open(workspace / "file", "needle now")

    found = await search.find(place)
    through_links = [
        places(await search.find(Query("needle", search._files.roots.find(path)))) for path in ("file", "folder")
    ]

    kept = [one for one in EVERYWHERE if one[0] not in {"b.txt", "src/d.ts"}]
    assert places(found) == sorted([*kept, ("b.txt", 1)])
    assert through_links == [[("b.txt", 1)], [("src/deep/c.py", 2)]]


async def test_a_folder_that_is_gone_is_refused_in_words(search: Search, files: Files, workspace: Path) -> None:
    place = files.roots.find(".")
    shutil.rmtree(workspace)

    with pytest.raises(PathRefused, match=r"^not found: '\.'"):
        await search.find(Query("needle", place))
    if search._ripgrep:
        with pytest.raises(SearchRefused, match=r"could not be started in .*: No such file or directory"):
            await search.files(place)


async def test_with_several_roots_paths_begin_with_the_roots_name(
    search: Search, processes: Processes, editor: OpenBuffers, workspace: Path, outside: Path
) -> None:
    files = Files(Roots([str(workspace), str(outside)]), editor)
    both = Search(files, processes, search._ripgrep)
    editor.open(workspace / "a.py", "secret too")

    found = [await both.find(Query("secret", files.roots.find(root.path))) for root in files.roots.all]

    assert [places(one) for one in found] == [[("workspace/a.py", 1)], [("outside/secret.txt", 1)]]
    assert await both.files(files.roots.find("outside")) == Listing(("outside/secret.txt",), 0)


async def test_a_link_that_leads_outside_is_not_searched(
    search: Search, files: Files, workspace: Path, outside: Path
) -> None:
    (workspace / "link").symlink_to(outside)
    (workspace / "file").symlink_to(outside / "secret.txt")

    assert places(await search.find(Query("secret", files.roots.find(".")))) == []
    for path in ("link", "file", "link/secret.txt"):
        with pytest.raises(PathRefused, match="leads outside the workspace"):
            await search.find(Query("secret", files.roots.find(path)))
    with pytest.raises(PathRefused, match="leads outside the workspace"):
        await search.files(files.roots.find("link"))


async def test_many_matches_are_cut_and_said_to_be(search: Search, files: Files, workspace: Path) -> None:
    (workspace / "many").mkdir()
    for name in ("a", "b"):
        (workspace / "many" / name).write_text("hit\n" * 400)

    found = await search.find(Query("hit", files.roots.find("many")))

    assert (len(found.lines), found.left_out) == (MOST_MATCHES, True)


async def test_long_lines_are_clipped(search: Search, files: Files, workspace: Path) -> None:
    (workspace / "long").write_text("x" * 5_000 + "hit\n")

    (line,) = (await search.find(Query("hit", files.roots.find("long")))).lines
    assert line.text == "x" * 400 + "… (5003 characters)"


async def test_odd_names_are_found(search: Search, files: Files, workspace: Path) -> None:
    for name in ("a\nb", "caf\udce9", "-v"):
        (workspace / "odd").mkdir(exist_ok=True)
        (workspace / "odd" / name).write_text("hit")

    found = await search.find(Query("hit", files.roots.find("odd")))

    assert sorted(line.shown for line in found.lines) == ["odd/-v", "odd/a\nb", "odd/caf\udce9"]
    assert sorted((await search.files(files.roots.find("odd"))).paths) == ["odd/-v", "odd/a\nb", "odd/caf\udce9"]


async def test_files_are_listed_to_a_depth_and_by_a_glob(search: Search, files: Files) -> None:
    everything = tuple(sorted([*CORPUS, "image.png"]))
    root = files.roots.find(".")

    assert await search.files(root) == Listing(everything, 0)
    assert (await search.files(root, depth=1)).paths == (
        *(".hidden/", "a.py", "b.txt", "docs/", "image.png", "src/", "ünï/"),
    )
    assert (await search.files(root, glob="*.py")).paths == (".hidden/e.py", "a.py", "src/deep/c.py")
    assert (await search.files(root, glob="src/**", depth=2)).paths == ("src/d.ts", "src/deep/")
    assert (await search.files(files.roots.find("src"))).paths == ("src/d.ts", "src/deep/c.py")
    assert (await search.files(files.roots.find("src"), glob="deep/*")).paths == ("src/deep/c.py",)


async def test_ripgrep_leaves_ignored_files_out_also_where_a_glob_would_bring_them_back(
    files: Files, processes: Processes, workspace: Path
) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".gitignore").write_text("*.log\nbuild/\n")
    for path in ("a.log", "build/a.py", "a.py"):
        (workspace / path).parent.mkdir(exist_ok=True)
        (workspace / path).write_text("needle")
    search = Search(files, processes, program())

    globs = [None, "*", "*.log", "**/*.py"]
    found = [places(await search.find(Query("needle", files.roots.find("."), glob=glob))) for glob in globs]

    assert found == [[("a.py", 1)], [("a.py", 1)], [], [("a.py", 1)]]
    assert os.fspath(workspace / "a.log") not in (await search.files(files.roots.find("."))).paths
