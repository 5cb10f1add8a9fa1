"""A Podman that keeps all it has in a folder of the tests', with an image made of this machine's own programs."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_PROGRAMS = (
    "awk bash cat chmod cp cut dash echo env false find git grep head id kill ln ls mkdir mktemp mv nohup ps python3"
    " readlink rm sed seq setsid sh sleep sort stat tail tee timeout touch tr true uniq wc"
)
_PATH = "/usr/bin:/bin"
_MODULES = """
import __future__, ctypes, encodings.ascii, encodings.idna, encodings.latin_1, os, signal, socket, sys, time, warnings
import _ctypes
for module in list(sys.modules.values()):
    if getattr(module, "__file__", None):
        print(module.__file__)
"""
_STORAGE = """
[storage]
driver = "vfs"
graphroot = "{folder}/storage"
rootless_storage_path = "{folder}/storage"
runroot = "{folder}/run"
"""
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "{folder}/libpod"
"""
"""Limits that whoever may not raise any can set, and locks that no other Podman of this machine uses."""


@dataclass(frozen=True, slots=True)
class Podman:
    """`variables` say where it keeps things, `image` is the one that holds, `bare` has a shell and nothing
    else, `without_python` the rest."""

    variables: Mapping[str, str]
    image: str = "agent-lsp-test:1"
    bare: str = "agent-lsp-bare:1"
    without_python: str = "agent-lsp-without-python:1"

    def __call__(self, *words: str, given: bytes | None = None) -> str:
        env = {**os.environ, **self.variables}
        done = subprocess.run(["podman", *words], env=env, input=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def names(self) -> list[str]:
        """The containers that there are, in whatever state."""
        return self("ps", "--all", "--format={{.Names}}").split()


@contextmanager
def podman(folder: Path) -> Iterator[Podman]:
    """Skips where this system cannot run containers at all; where only programs are missing CI has to install them."""
    if missing := [name for name in ("podman", "runc", "git") if shutil.which(name) is None]:
        why = f"{' and '.join(missing)} missing: scripts/test installs them"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    (folder / "storage.conf").write_text(_STORAGE.format(folder=folder))
    (folder / "containers.conf").write_text(_CONTAINERS.format(folder=folder))
    names = {"CONTAINERS_STORAGE_CONF": "storage.conf", "CONTAINERS_CONF": "containers.conf"}
    made = Podman({variable: str(folder / file) for variable, file in names.items()})
    try:
        made("import", "--quiet", "-", made.image, given=_archive(_PROGRAMS.split()))
        made("import", "--quiet", "-", made.bare, given=_archive(["sh"]))
        made("import", "--quiet", "-", made.without_python, given=_archive(["sh", "timeout"]))
        try:
            made("run", "--rm", "--network=none", made.image, "true")
        except AssertionError as error:
            pytest.skip(f"this system runs no containers: {error}")
        yield made
    finally:
        made("rmi", "--force", made.image, made.bare, made.without_python)
        if os.geteuid() != 0:  # what is left there belongs to users of its namespace
            made("unshare", "rm", "-rf", str(folder / "storage"))


def _archive(programs: list[str]) -> bytes:
    """A file system with some programs of this machine, the libraries they need, and of Python what the tests use."""
    found = [path for name in programs if (path := shutil.which(name, path=_PATH))]
    modules = _modules() if "python3" in programs else []
    files = {*found, *modules, *_libraries([*found, *(one for one in modules if one.endswith(".so"))])}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder, mode in {"tmp": 0o1777, "etc": 0o755, "usr": 0o755, "usr/bin": 0o755}.items():
            _add_folder(tar, folder, mode)
        link = tarfile.TarInfo("bin")
        link.type, link.linkname = tarfile.SYMTYPE, "usr/bin"
        tar.addfile(link)
        for file in sorted(files):
            place = file.lstrip("/")
            tar.add(os.path.realpath(file), f"usr/{place}" if place.startswith("bin/") else place)
    return archive.getvalue()


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    folder = tarfile.TarInfo(name)
    folder.type, folder.mode = tarfile.DIRTYPE, mode
    tar.addfile(folder)


def _libraries(programs: list[str]) -> set[str]:
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    return {word for word in said.split() if word.startswith("/") and not word.endswith(":")}


def _modules() -> list[str]:
    python = shutil.which("python3", path=_PATH)
    assert python
    return subprocess.run(
        [python, "-I", "-S", "-c", _MODULES], capture_output=True, text=True, check=True
    ).stdout.split()
