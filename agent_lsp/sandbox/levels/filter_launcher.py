"""Takes on a filter of system calls, then becomes a command: `python3 -I -S -c TEXT_OF_THIS FILTER COMMAND …`.

It imports nothing of ours, for it runs in whatever interpreter a container has. The filter is hexadecimal, as
seccomp.py makes it; the caller has given up new privileges (prctl(2)).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2  # linux/prctl.h, linux/seccomp.h
_NOT_FOUND = 127


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def main(steps: bytes, argv: list[str]) -> None:
    """Never returns."""
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, not by the command
        signal.signal(ignored, signal.SIG_DFL)
    program = _Program(len(steps) // 8, steps)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) < 0:
        sys.exit(f"the filter of system calls was refused: {os.strerror(ctypes.get_errno())}")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - it is what a launcher does
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.exit(_NOT_FOUND)


if __name__ == "__main__":
    main(bytes.fromhex(sys.argv[1]), sys.argv[2:])
