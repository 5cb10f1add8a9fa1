"""Landlock within bubblewrap: where nothing may be written, no named pipe of the machine is written to either.

A pipe is no part of the disk, so a read-only file system does not keep anybody from writing to it. Landlock does, and
a command must give up the right itself, within its namespaces. It is done by Perl, which is part of every usual Linux
and starts in a millisecond; our own interpreter would take ten.
"""

from __future__ import annotations

from collections.abc import Sequence

PERL = "perl"
VARIABLES = {"PERL_BADLANG": "0"}
"""Keeps it from complaining of a locale that is not installed."""
_OWN = ("/dev", "/proc")
"""Within the namespaces they are the command's own."""

_PROGRAM = r"""
delete $ENV{PERL_BADLANG};
my ($write, $move, $name_only) = (1 << 1, 1 << 13, 010000000);
sub ask { my $answer = syscall(shift, @_); die "Landlock: $!\n" if $answer < 0; $answer }
my $rules = ask(444, pack("Q", $write | $move), 8, 0);
sub allow {
    my ($right, $path) = @_;
    sysopen(my $place, $path, $name_only) or return;
    ask(445, $rules, 1, pack("Ql", $right, fileno($place)), 0);
}
allow($move, "/");
while ((my $path = shift) ne "--") { allow($write, $path) }
ask(446, $rules, 0);
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\n";
"""
"""Numbers are those of linux/landlock.h: LANDLOCK_ACCESS_FS_WRITE_FILE, LANDLOCK_ACCESS_FS_REFER, without which nothing
could be moved from folder to folder, and the three system calls, which are the same on all architectures."""


def within(perl: str, writable: Sequence[str], argv: Sequence[str]) -> list[str]:
    """What becomes the command when it has given up all writing but beneath some folders."""
    return [perl, "-e", _PROGRAM, "--", *_OWN, *writable, "--", *argv]
