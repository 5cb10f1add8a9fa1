"""Trust holds for exactly the files and bytes that were shown, in exactly that workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.permissions.remembered_rules import Remembered
from agent_lsp.permissions.trust import ActingFile, Standing, Trust

ROOTS = ["/home/me/project"]
FILE = ActingFile("/home/me/project/.agent/config.toml", b'preset = "plan"\n')
OTHER = ActingFile("/home/me/project/AGENTS.md", b"Be kind.\n")


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(Remembered(tmp_path / "trusted"))


def test_nothing_is_trusted_at_first(trust: Trust) -> None:
    assert trust.standing(ROOTS, [FILE]) == Standing((FILE,), trusted=False, changed=())
    assert trust.standing(ROOTS, []) == Standing((), trusted=False, changed=())
    assert not trust.standing(ROOTS, []).waits


def test_what_is_trusted_stays_so_for_every_daemon(trust: Trust, tmp_path: Path) -> None:
    trust.trust(ROOTS, [FILE, OTHER])

    again = Trust(Remembered(tmp_path / "trusted"))
    assert again.standing(ROOTS, [OTHER, FILE]) == Standing((OTHER, FILE), trusted=True, changed=())


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        ([ActingFile(FILE.path, FILE.data + b" ")], (FILE.path,)),
        ([FILE, OTHER], (OTHER.path,)),
        ([], (FILE.path,)),
        ([ActingFile(FILE.path, FILE.data, "it cannot be read")], (FILE.path,)),
        ([ActingFile(OTHER.path, FILE.data)], (FILE.path, OTHER.path)),
    ],
    ids=["bytes", "another file", "gone", "problem", "renamed"],
)
def test_whatever_differs_is_not_trusted_and_is_named(
    trust: Trust, now: list[ActingFile], changed: tuple[str, ...]
) -> None:
    trust.trust(ROOTS, [FILE])

    assert trust.standing(ROOTS, now) == Standing(tuple(now), trusted=False, changed=changed)


def test_trust_in_one_workspace_is_none_in_another(trust: Trust) -> None:
    trust.trust(ROOTS, [FILE])

    assert not trust.standing(["/home/me/other"], [FILE]).trusted
    assert not trust.standing([*ROOTS, "/home/me/other"], [FILE]).trusted


def test_trust_that_is_taken_back_is_gone_and_nothing_counts_as_changed(trust: Trust) -> None:
    trust.trust(ROOTS, [FILE])
    trust.forget(ROOTS)

    assert trust.standing(ROOTS, [FILE]) == Standing((FILE,), trusted=False, changed=())


def test_the_digest_tells_paths_bytes_and_files_apart_but_not_their_order() -> None:
    one, two = ActingFile("/a", b"bc"), ActingFile("/ab", b"c")

    assert Standing((one, two)).digest == Standing((two, one)).digest
    digests = {Standing(files).digest for files in [(one,), (two,), (one, two), (ActingFile("/a", b"", "bc"),), ()]}
    assert len(digests) == 5
    assert Standing(()).digest == ""


def test_a_question_counts_as_asked_for_exactly_what_it_showed(trust: Trust) -> None:
    digest = Standing((FILE,)).digest
    trust.asked(ROOTS, digest)

    assert trust.was_asked(ROOTS, digest)
    assert not trust.was_asked(ROOTS, Standing((OTHER,)).digest)
    assert not trust.was_asked(["/home/me/other"], digest)
    assert not trust.standing(ROOTS, [FILE]).trusted


@pytest.mark.parametrize("line", ['{"roots": ["/home/me/project"], "trus', "[]", '{"roots": 1, "trusted": {}}', "\x00"])
def test_a_line_that_is_none_of_ours_trusts_nothing(trust: Trust, tmp_path: Path, line: str) -> None:
    trust.trust(ROOTS, [FILE])
    with (tmp_path / "trusted").open("a") as file:
        file.write(line)

    assert trust.standing(ROOTS, [FILE]).trusted
    trust.forget(ROOTS)
    assert not trust.standing(ROOTS, [FILE]).trusted
