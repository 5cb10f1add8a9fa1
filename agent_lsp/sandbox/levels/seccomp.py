"""The filter of system calls that no build or test needs and that lead out of a sandbox, as a BPF program.

Everything else is allowed. The numbers are those of linux/audit.h, linux/filter.h and the tables of system calls.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # struct seccomp_data
_X32 = 0x40000000
_SET_IDS = 0o6000
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW* of linux/sched.h: NS, CGROUP, UTS, IPC, USER, PID, NET, TIME
_AF_INET, _AF_INET6, _AF_NETLINK, _NETLINK_ROUTE = 2, 10, 16, 0
_O_CREAT = 0o100
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

_X86_64 = {
    "open": 2, "ioctl": 16, "socket": 41, "clone": 56, "creat": 85, "chmod": 90, "fchmod": 91, "ptrace": 101,
    "mknod": 133, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "add_key": 248, "request_key": 249,
    "keyctl": 250, "openat": 257, "mknodat": 259, "fchmodat": 268, "unshare": 272, "perf_event_open": 298,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321,
    "userfaultfd": 323,
}  # fmt: skip
_ARM64 = {
    "ioctl": 29, "mknodat": 33, "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "fchmod": 52,
    "fchmodat": 53, "openat": 56, "unshare": 97, "ptrace": 117, "socket": 198, "add_key": 217, "request_key": 218,
    "keyctl": 219, "clone": 220, "perf_event_open": 241, "open_by_handle_at": 265, "setns": 268,
    "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "userfaultfd": 282,
}  # fmt: skip
_COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsmount": 432, "clone3": 435, "openat2": 437, "pidfd_getfd": 438, "mount_setattr": 442,
    "fchmodat2": 452,
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000003E, _X86_64 | _COMMON), "aarch64": (0xC00000B7, _ARM64 | _COMMON)}

_NEVER = (
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "bpf", "perf_event_open", "userfaultfd",
    "add_key", "request_key", "keyctl", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "open_by_handle_at",
    "open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr",
)  # fmt: skip
_MODES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}
"""Calls that give a file its mode, and which argument that is."""
_CREATING = {"open": (1, 2), "openat": (2, 3)}
"""Calls that give a file its mode if they create it: which argument has the flags, which the mode."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction; `yes` and `no` are how many are skipped then."""

    code: int
    value: int
    yes: int = 0
    no: int = 0

    def packed(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.yes, self.no, self.value)


def program(*, network: bool, machine: str = platform.machine()) -> bytes | None:
    """The filter, None for a machine whose system calls are not known here.

    With `network` sockets of the internet are allowed (what they reach is another matter), else none at all. Unix
    sockets that have a name are not, pairs are; neither are setuid and setgid bits on files.
    """
    if machine not in _MACHINES:
        return None
    architecture, numbers = _MACHINES[machine]
    steps = [
        _Step(_LOAD, _ARCHITECTURE_AT),
        _Step(_EQUAL, architecture, yes=1),
        _refused(errno.ENOSYS),
        _Step(_LOAD, _NUMBER_AT),
        _Step(_AT_LEAST, _X32, no=1),
        _refused(errno.ENOSYS),
    ]
    for name, body in _rules(network=network):
        if name in numbers:
            steps += [_Step(_EQUAL, numbers[name], no=len(body)), *body]
    steps.append(_ALLOWED)
    return b"".join(step.packed() for step in steps)


def _rules(*, network: bool) -> Iterator[tuple[str, list[_Step]]]:
    """What becomes of a call, by its name. Each body ends in a verdict, for the number is no longer loaded then."""
    for name in _NEVER:
        yield name, [_refused(errno.EPERM)]
    # Their arguments lie in memory, where a filter cannot look; libraries fall back to the older calls.
    yield "clone3", [_refused(errno.ENOSYS)]
    yield "openat2", [_refused(errno.ENOSYS)]
    yield "clone", [_argument(0), *_refused_if(_ANY_BIT, _NEW_NAMESPACES)]
    yield "ioctl", [_argument(1), *_refused_if(_EQUAL, _TIOCSTI, _TIOCLINUX)]
    for name, mode in _MODES.items():
        yield name, [_argument(mode), *_refused_if(_ANY_BIT, _SET_IDS)]
    for name, (flags, mode) in _CREATING.items():
        with_mode = [_argument(mode), *_refused_if(_ANY_BIT, _SET_IDS)]
        yield name, [_argument(flags), _Step(_ANY_BIT, _O_CREAT, no=len(with_mode)), *with_mode, _ALLOWED]
    yield "socket", _sockets() if network else [_refused(errno.EACCES)]


def _sockets() -> list[_Step]:
    refused = _refused(errno.EACCES)
    # Programs list the interfaces of their own, empty network over NETLINK_ROUTE.
    route = [_argument(2), *_chosen(_EQUAL, [_NETLINK_ROUTE], _ALLOWED, refused)]
    internet = _chosen(_EQUAL, [_AF_INET, _AF_INET6], _ALLOWED, refused)
    return [_argument(0), _Step(_EQUAL, _AF_NETLINK, no=len(route)), *route, *internet]


def _refused_if(test: int, *values: int) -> list[_Step]:
    return _chosen(test, values, _refused(errno.EPERM), _ALLOWED)


def _chosen(test: int, values: Sequence[int], then: _Step, otherwise: _Step) -> list[_Step]:
    tests = [_Step(test, value, yes=len(values) - index) for index, value in enumerate(values)]
    return [*tests, otherwise, then]


def _argument(index: int) -> _Step:
    """Loads the low half of an argument; both machines are little-endian, and all these arguments are ints."""
    return _Step(_LOAD, _ARGUMENTS_AT + 8 * index)


def _refused(code: int) -> _Step:
    return _Step(_RETURN, _ERRNO | code)


_ALLOWED = _Step(_RETURN, _ALLOW)
