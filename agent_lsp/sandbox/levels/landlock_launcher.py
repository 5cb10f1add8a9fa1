"""Gives up rights, then becomes a command: `python -I -S landlock_launcher.py DESCRIPTOR COMMAND …`.

It imports nothing of ours, for it runs by itself in a fresh interpreter. The descriptor is a file of JSON, as
landlock.py writes it. Constants are those of linux/landlock.h, linux/prctl.h and linux/seccomp.h.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import stat
import sys

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # one number on all architectures
_VERSION, _PATH_BENEATH = 1, 1
_LEAST_VERSION = 3  # the first that can forbid truncating
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_MAKE_DEVICES = 1 << 6 | 1 << 11
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 1, 22, 38, 2

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def main(argv: list[str]) -> None:
    """Never returns; raises OSError when a right cannot be given up."""
    with open(int(argv[0]), "rb") as file:
        file.seek(0)
        rules = json.load(file)
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_NPROC, rules["processes"])
    _lower(resource.RLIMIT_DATA, rules["memory"])
    _restrict(rules["readable"], rules["writable"], rules["devices"])
    _filter(bytes.fromhex(rules["filter"]))
    os.execvp(argv[1], argv[1:])  # noqa: S606 - it is what a launcher does


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value))


def _restrict(readable: list[str], writable: list[str], devices: list[str]) -> None:
    version = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < _LEAST_VERSION:
        sys.exit(f"this kernel's Landlock is too old (version {version}; 3 is needed, Linux 6.2)")
    everything = (1 << (16 if version >= 5 else 15)) - 1
    wanted = _Ruleset(everything, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, ctypes.byref(wanted), ctypes.sizeof(wanted), 0))
    _allow(ruleset, ["/"], _READ_DIR)
    _allow(ruleset, readable, _READ_FILE | _READ_DIR | _EXECUTE)
    _allow(ruleset, writable, everything & ~_MAKE_DEVICES & ~_IOCTL_DEVICE)
    _allow(ruleset, devices, _READ_FILE | _WRITE_FILE)
    _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, paths: list[str], access: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:  # gone, or not for us
            continue
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISLNK(mode):  # what a link leads to has a rule of its own, or is not meant
            rule = _Beneath(access if stat.S_ISDIR(mode) else access & _OF_FILES, descriptor)
            _checked(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
        os.close(descriptor)


def _filter(steps: bytes) -> None:
    program = _Program(len(steps) // 8, steps)
    _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


if __name__ == "__main__":
    main(sys.argv[1:])
