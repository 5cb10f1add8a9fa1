"""Contents are there as long as they may be, whole or not at all."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent_lsp.files.digest import digest_of
from agent_lsp.undo.content_store import ContentStore, NotKept, StoreBounds

DAY = 86_400.0
ROOMY = StoreBounds(7 * DAY, 1 << 30)


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def stored(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("??/*"))


@pytest.mark.parametrize("count", [1, 8, 9, 300])
def test_what_is_kept_is_found_by_its_digest_in_files_only_the_user_can_read(tmp_path: Path, count: int) -> None:
    objects = ContentStore(tmp_path / "state" / "objects")
    contents = [b"", *(random.Random(n).randbytes(n) for n in range(1, count))]

    objects.keep([*contents, *contents])

    assert [objects.find(digest_of(data)) for data in contents] == contents
    assert all(objects.has(digest_of(data)) for data in contents)
    assert len(stored(tmp_path / "state" / "objects")) == len(contents)
    assert objects.find(digest_of(b"another")) is None
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (tmp_path / "state").rglob("*")}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_damaged_object_is_none(tmp_path: Path) -> None:
    objects = ContentStore(tmp_path)
    objects.keep([b"one", b"two"])
    first, second = stored(tmp_path)
    first.write_bytes(second.read_bytes())
    second.write_bytes(b"nonsense")

    assert [objects.find(digest_of(data)) for data in (b"one", b"two")] == [None, None]


def test_what_was_needed_last_long_ago_is_removed(tmp_path: Path) -> None:
    clock = Clock()
    objects = ContentStore(tmp_path, clock=clock)
    objects.keep([b"old", b"renewed", b"needed"])
    clock.now += 6 * DAY
    objects.keep([b"renewed", b"new"])
    clock.now += 2 * DAY

    objects.need([digest_of(b"old")])
    objects.need([digest_of(b"needed")])
    objects.prune(ROOMY)
    objects.close()

    found = {data for data in (b"old", b"renewed", b"needed", b"new") if objects.has(digest_of(data))}
    assert found == {b"renewed", b"needed", b"new"}


def test_what_is_needed_from_now_on_stays_whatever_else_is_needed(tmp_path: Path) -> None:
    objects = ContentStore(tmp_path)
    objects.keep([b"one", b"two", b"three"])
    for data in (b"one", b"two"):
        objects.need_from_now_on([digest_of(data)])
    objects.need([])

    objects.prune(StoreBounds(DAY, 0))
    assert [objects.has(digest_of(data)) for data in (b"one", b"two", b"three")] == [True, True, False]

    objects.close()
    ContentStore(tmp_path).prune(StoreBounds(DAY, 0))
    assert [objects.has(digest_of(data)) for data in (b"one", b"two")] == [False, False]


def test_the_oldest_give_way_until_the_rest_fits(tmp_path: Path) -> None:
    clock = Clock()
    objects = ContentStore(tmp_path, clock=clock)
    contents = [random.Random(n).randbytes(1_000) for n in range(10)]
    for data in contents:
        objects.keep([data])
        clock.now += 1

    objects.need([digest_of(contents[0])])
    ContentStore(tmp_path, clock=clock).prune(StoreBounds(7 * DAY, 4_500))
    objects.close()

    assert [objects.has(digest_of(data)) for data in contents] == [True] + [False] * 6 + [True] * 3


@pytest.mark.parametrize("how", ["another daemon", "the user", "an hour"])
def test_what_was_there_is_not_looked_for_again_until_something_was_removed(tmp_path: Path, how: str) -> None:
    clock = Clock()
    objects = ContentStore(tmp_path / "objects", clock=clock)
    objects.keep([b"one", b"two"])
    one, two = digest_of(b"one"), digest_of(b"two")
    assert objects.renew({one, two}) == set()
    stored(tmp_path / "objects")[0].unlink()
    assert objects.renew({one, two}) == set()

    if how == "another daemon":
        ContentStore(tmp_path / "objects", clock=clock).prune(StoreBounds(0, 0))
    elif how == "the user":
        shutil.rmtree(tmp_path / "objects")
    else:
        clock.now += 3_600
    lost = objects.renew({one, two})

    assert lost == {one, two} if how != "an hour" else len(lost) == 1
    objects.keep([b"one", b"two"])
    assert objects.renew({one, two}) == set()


def test_a_name_leads_to_the_object_that_was_named_last(tmp_path: Path) -> None:
    objects = ContentStore(tmp_path / "objects")
    assert objects.named("newest") == ""
    for data in (b"one", b"two"):
        objects.keep([data])
        objects.name("newest", digest_of(data))

    assert ContentStore(tmp_path / "objects").named("newest") == digest_of(b"two")
    objects.prune(StoreBounds(0, 0))
    assert objects.find(objects.named("newest")) is None


def test_what_a_process_needs_is_kept_until_it_dies(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from agent_lsp.undo.content_store import Objects, digest_of\n"
        "objects = Objects(Path(sys.argv[1])); objects.keep([b'mine'])\n"
        "objects.need([digest_of(b'mine')]); print('needed', flush=True); time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline() == "needed\n"
    objects = ContentStore(tmp_path)

    objects.prune(StoreBounds(0, 0))
    assert objects.find(digest_of(b"mine")) == b"mine"
    other.kill()
    other.wait()
    other.stdout.close()
    objects.prune(StoreBounds(0, 0))
    assert objects.find(digest_of(b"mine")) is None
    assert list((tmp_path / "needed").iterdir()) == []


def test_a_folder_that_cannot_be_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "file" / "objects"

    with pytest.raises(NotKept, match=f"no copy can be kept in {folder} .*set AGENT_LSP_STATE_DIR"):
        ContentStore(folder).keep([b"x"])


def test_nothing_to_prune_makes_no_folder(tmp_path: Path) -> None:
    ContentStore(tmp_path / "objects").prune(ROOMY)

    assert not (tmp_path / "objects").exists()


@pytest.mark.parametrize("least", random.Random(3).sample(range(1, 40), 3))
def test_all_that_was_acknowledged_survives_a_kill_of_the_writer(tmp_path: Path, least: int) -> None:
    code = (
        "import sys, itertools; from pathlib import Path; from agent_lsp.undo.content_store import Objects, digest_of\n"
        "objects = Objects(Path(sys.argv[1]))\n"
        "for n in itertools.count():\n"
        "    batch = [b'%d.%d' % (n, m) * 1000 for m in range(n % 12 + 1)]\n"
        "    objects.keep(batch)\n"
        "    print(*map(digest_of, batch), flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout
    told = [writer.stdout.readline() for _ in range(least)]
    writer.kill()
    told += [line for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    writer.stdout.close()

    objects = ContentStore(tmp_path)
    assert [digest for line in told for digest in line.split() if objects.find(digest) is None] == []
    for file in stored(tmp_path):
        assert objects.find(file.parent.name + file.name) is not None
    for file in (tmp_path / "new").glob("*"):
        os.utime(file, (0, 0))
    objects.prune(ROOMY)
    assert list((tmp_path / "new").glob("*")) == []
