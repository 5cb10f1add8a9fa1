"""Hunks: compared, chosen from, and printed so that other programs take them."""

from __future__ import annotations

import itertools
import random
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent_lsp.conversation.actions import FileChange, Hunk, WorkspacePath
from agent_lsp.text.diffs import compared, lines_of, unified, with_hunks

lines = st.lists(
    st.sampled_from(["a\n", "b\n", "c\r\n", "d\r", "\n", "e\u2028\n", "\x0c\n", "+\n", "-- x\n"]), max_size=12
)
texts = st.builds(lambda parts, tail: "".join(parts) + tail, lines, st.sampled_from(["", "end", "é"]))


def change(before: str | None, after: str | None, shown: str = "a.txt") -> FileChange:
    return FileChange(WorkspacePath("/w", shown, shown), before, after, None, compared(before or "", after or ""))


@given(texts)
def test_only_cr_lf_and_their_pair_end_a_line(text: str) -> None:
    assert "".join(lines_of(text)) == text
    assert lines_of(text) == text.replace("\u2028", "?").replace("\x0c", "?").splitlines(keepends=True) or (
        "\u2028" in text or "\x0c" in text
    )


def test_hunks_say_what_stood_where() -> None:
    assert compared("one\ntwo\nthree\n", "zero\none\n2\nthree\n") == (
        Hunk("1", 1, "", 1, "zero\n"),
        Hunk("2", 2, "two\n", 3, "2\n"),
    )


@given(texts, texts)
def test_all_hunks_together_make_the_change(before: str, after: str) -> None:
    whole = change(before, after)

    rebuilt, at = "", 0
    for hunk in whole.hunks:
        rebuilt += "".join(lines_of(before)[at : hunk.old_start - 1]) + hunk.new
        at = hunk.old_start - 1 + len(lines_of(hunk.old))
    assert rebuilt + "".join(lines_of(before)[at:]) == after
    assert with_hunks(whole, [hunk.id for hunk in whole.hunks]) == whole


@given(texts, texts, st.data())
def test_some_hunks_leave_the_lines_of_the_others_alone(before: str, after: str, data: st.DataObject) -> None:
    whole = change(before, after)
    ids = [hunk.id for hunk in whole.hunks]
    kept = set(data.draw(st.lists(st.sampled_from(ids), unique=True))) if ids else set()

    expected, at = "", 0
    for hunk in whole.hunks:
        expected += "".join(lines_of(before)[at : hunk.old_start - 1]) + (hunk.new if hunk.id in kept else hunk.old)
        at = hunk.old_start - 1 + len(lines_of(hunk.old))
    assert with_hunks(whole, kept).after == expected + "".join(lines_of(before)[at:])


def test_every_subset_of_hunks_can_be_made() -> None:
    before = [f"{number}\n" for number in range(40)]
    after = before.copy()
    after[3:4], after[15:15], after[30:32] = ["three\n", "more\n"], ["new\n"], []
    whole = change("".join(before), "".join(after))
    ids = [hunk.id for hunk in whole.hunks]
    assert len(ids) == 3

    made = set()
    for kept in itertools.chain.from_iterable(itertools.combinations(ids, size) for size in range(4)):
        smaller = with_hunks(whole, kept)
        assert compared(smaller.before or "", smaller.after or "") == tuple(
            Hunk(str(place), h.old_start, h.old, h.new_start, h.new) for place, h in enumerate(smaller.hunks, 1)
        )
        made.add(smaller.after)
    assert len(made) == 8
    assert {whole.before, whole.after} < made


def test_an_unknown_hunk_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no hunk '2'; hunks are: 1"):
        with_hunks(change("a\n", "b\n"), ["1", "2"])


def test_creating_and_deleting_are_made_whole() -> None:
    created, deleted = change(None, "a\n"), change("a\n", None)

    assert with_hunks(created, ["1"]) == created
    assert with_hunks(deleted, []) == deleted


def patched(folder: Path, before: str | None, diff: str, name: str, argv: list[str]) -> str | None:
    """What a real program makes of the file with the diff."""
    file = folder / name
    file.unlink(missing_ok=True)
    if before is not None:
        file.write_bytes(before.encode())
    done = subprocess.run(argv, cwd=folder, input=diff.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_bytes().decode() if file.exists() else None


GIT = ["git", "apply", "--unidiff-zero", "--whitespace=nowarn", "-p1", "-"]
PATCH = ["patch", "--binary", "-p1", "-s", "-E", "-r", "-"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(texts, texts, st.sampled_from([0, 1, 3]))
@example("a\rb\rc", "a\rB\rc", 3)
@example("a\r\nb", "a\r\nb\r\n", 3)
@example("a", "a\n", 3)
def test_git_applies_the_printed_diff(tmp_path: Path, before: str, after: str, context: int) -> None:
    diff = unified(change(before, after), context=context)

    if before != after:
        assert patched(tmp_path, before, diff, "a.txt", GIT) == after


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(texts, texts.filter(bool))
@example("x\rx\n", "x\ry\n")
def test_patch_applies_the_printed_diff(tmp_path: Path, before: str, after: str) -> None:
    diff = unified(change(before, after))

    if before != after:
        assert patched(tmp_path, before, diff, "a.txt", PATCH) == after


@pytest.mark.parametrize(
    "name", ["two words.txt", 'quo"te.txt', "new\nline.txt", "back\\slash.txt", "tab\t.txt", "é.txt"]
)
def test_odd_file_names_are_written_as_git_reads_them(tmp_path: Path, name: str) -> None:
    made = change("a\nb\n", "a\nc\n", shown=name)

    assert patched(tmp_path, "a\nb\n", unified(made), name, GIT) == "a\nc\n"


def test_created_and_deleted_files_come_from_and_go_to_nowhere(tmp_path: Path) -> None:
    created, deleted = change(None, "a\nb"), change("a\nb", None)

    assert unified(created) == ("--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n")
    assert patched(tmp_path, None, unified(created), "a.txt", GIT) == "a\nb"
    assert patched(tmp_path, "a\nb", unified(deleted), "a.txt", GIT) is None


def test_a_smaller_change_prints_a_diff_that_applies(tmp_path: Path) -> None:
    before = "".join(f"{number}\n" for number in range(60))
    whole = change(before, before.replace("5\n", "5a\n5b\n").replace("47\n", ""))
    smaller = with_hunks(whole, [whole.hunks[-1].id])

    assert patched(tmp_path, before, unified(smaller), "a.txt", GIT) == smaller.after


def worst(kinds: int, seed: int) -> str:
    dice = random.Random(seed)
    return "".join(f"{dice.randrange(kinds)}\n" for _ in range(3_900))


@pytest.mark.parametrize("kinds", [2, 10, 100, 10_000])
def test_time_is_bounded_for_texts_that_are_hard_to_compare(kinds: int) -> None:
    begun = time.process_time()
    hunks = compared(worst(kinds, 1), worst(kinds, 2))

    assert time.process_time() - begun < 2
    assert hunks


def test_time_is_bounded_for_large_texts() -> None:
    before = "".join(f"line {number}\n" for number in range(200_000))
    after = before.replace("line 17\n", "one\n").replace("line 199000\n", "two\n")
    begun = time.process_time()

    (hunk,) = compared(before, after)

    assert time.process_time() - begun < 2
    assert hunk.old.startswith("line 17\n")
    assert hunk.new.endswith("two\n")
