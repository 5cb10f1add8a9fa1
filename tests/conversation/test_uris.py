"""A path becomes a URI, and a URI a path, each by one encoding or decoding."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.conversation.uris import canonical, path_of, uri_of
from tests.spelling import NAMES, SPELLINGS

file_names = st.binary(min_size=1, max_size=12).map(
    lambda raw: os.fsdecode(raw.replace(b"\0", b"%").replace(b"/", b"#"))
)
paths = st.lists(file_names, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))


@given(paths)
def test_every_path_comes_back_from_its_uri(path: str) -> None:
    assert path_of(uri_of(path)) == path
    assert canonical(uri_of(path)) == uri_of(path)


@given(paths, paths)
def test_two_paths_never_share_a_uri(path: str, other: str) -> None:
    assert (uri_of(path) == uri_of(other)) == (path == other)


@pytest.mark.parametrize("name", NAMES)
def test_however_an_editor_spells_a_path_it_is_that_path(name: str) -> None:
    path = Path("/folder") / name / f"{name}.txt"
    spelled = {spelling(path) for spelling in SPELLINGS}
    assert {path_of(uri) for uri in spelled} == {str(path)}
    assert {canonical(uri) for uri in spelled} == {uri_of(str(path))}


def test_editors_spell_differently() -> None:
    assert [spelling(Path("/a/[i] +é")) for spelling in SPELLINGS] == [
        "file:///a/%5Bi%5D%20%2B%C3%A9",
        "file:///a/%5Bi%5D%20+%C3%A9",
        "file://localhost/%61/%5b%69%5d%20%2b%c3%a9",
    ]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b%20c", "/a/b c"),
        ("file:///a/%C3%BC%E2%82%AC", "/a/ü€"),
        ("file:///a/ü", "/a/ü"),
        ("file:///a/%ff", "/a/\udcff"),
        ("file:///a/%2541", "/a/%41"),
        ("file:///a%3Fb%23c", "/a?b#c"),
        ("file://localhost/a", "/a"),
        ("FILE:///a", "/a"),
        ("file:/a", "/a"),
        ("file:////a", "/a"),
        ("file:///a/", "/a"),
        ("file:///", "/"),
        ("file:///a/%2e%2e/b", "/a/../b"),
        ("file:///C:/a", "/C:/a"),
        ("file:///c%3A/a", "/c:/a"),
        ("file:///a\nb\tc", "/a\nb\tc"),
        ("file:///100%", "/100%"),
        ("file:///%zz%4", "/%zz%4"),
        ("file:///C#", None),
        ("file:///a?b", None),
        ("file:///a#", None),
        ("file://host/a", None),
        ("file://localhost.evil/a", None),
        ("file://localhost", None),
        ("file://%2Fa", None),
        ("file:a", None),
        ("file:", None),
        ("file:///a%00b", None),
        ("file:///a\ud800", None),
        (" file:///a", None),
        ("/a", None),
        ("", None),
        ("untitled:Untitled-1", None),
        ("untitled:/a", None),
        ("vscode-remote://ssh-remote%2Bhost/a", None),
        ("vscode-notebook-cell:/a.ipynb#W0sZmlsZQ%3D%3D", None),
        ("git:/a?%7B%7D", None),
        ("http://a/b", None),
        ("file://[bad/a", None),
    ],
)
def test_only_file_uris_of_this_machine_have_a_path(uri: str, path: str | None) -> None:
    assert path_of(uri) == path
    assert canonical(uri) == (uri if path is None else uri_of(path))


def test_a_path_that_begins_nowhere_has_no_uri() -> None:
    with pytest.raises(ValueError, match="'a/b' is not an absolute path"):
        uri_of("a/b")
