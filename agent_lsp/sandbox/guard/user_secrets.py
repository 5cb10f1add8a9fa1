"""Where users' secrets lie on this machine: hidden from commands, which need none of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

_IN_HOMES = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".npmrc", ".pypirc", ".git-credentials",
    ".password-store", ".vault-token", ".terraform.d", ".terraformrc", ".pgpass", ".my.cnf", ".s3cfg", ".boto",
    ".mozilla", ".thunderbird", ".claude", ".claude.json", ".codex", ".gemini", ".cursor",
    ".config/gcloud", ".config/gh", ".config/git/credentials", ".config/op", ".config/rclone", ".config/sops",
    ".config/google-chrome", ".config/chromium", ".config/BraveSoftware", ".config/agent-lsp", ".config/github-copilot",
    ".local/share/keyrings", ".local/share/agent-lsp", ".local/state/agent-lsp", ".cargo/credentials.toml",
    ".cargo/credentials", ".gem/credentials", ".m2/settings.xml", ".gradle/gradle.properties",
    ".bash_history", ".zsh_history", ".python_history", ".node_repl_history", ".psql_history", ".lesshst",
    "Library/Keychains", "Library/Application Support/Google/Chrome", "Library/Application Support/Firefox",
)  # fmt: skip
_OF_THE_MACHINE = ("/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/sudoers", "/etc/sudoers.d", "/var/lib/docker")
_SHARED = ("/home", "/Users")


def secrets(homes: Sequence[str], *, root: bool) -> Iterator[str]:
    """Absolute paths, there or not, of what programs of these homes keep secret; for root, whole homes of others."""
    for home in homes:
        yield from (os.path.join(home, name) for name in _IN_HOMES)
    yield from _OF_THE_MACHINE
    if root:
        yield from (shared for shared in _SHARED if not any(home.startswith(f"{shared}/") for home in homes))
