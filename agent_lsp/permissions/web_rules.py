"""The user's rules for the web: `host/path`, which cover what lies beneath that path and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_AMBIGUOUS = ("%2f", "%5c", "%25", "%00", "%3b", ";", "//")
"""What some servers read as a separator, read twice, or cut off before they look for dots (`/..;/`)."""
_SLASHES = re.compile("/{2,}")


@dataclass(frozen=True, slots=True)
class WebRules:
    """Addresses that need no question, and those that are never fetched; denial comes first.

    A rule is a host (`docs.example.org`, also `*.example.org` for what is below it, and with a port where that
    is an odd one), perhaps with a path. Addresses are in canonical form.
    """

    allow: Sequence[str] = ()
    deny: Sequence[str] = ()

    def allowed_by(self, url: str) -> str:
        """The rule under which an address needs no question; empty if there is none.

        Only https without a query counts: a query, or an unencrypted line, can carry out what was read here.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.query or any(mark in parts.path.lower() for mark in _AMBIGUOUS):
            return ""
        return next((rule for rule in self.allow if _covers(rule, parts.netloc, parts.path)), "")

    def denied(self, url: str) -> str:
        """Why an address is never fetched, with the rule; empty if nothing is against it."""
        parts = urlsplit(url)
        hosts = {parts.netloc, parts.hostname or ""}
        said = {parts.path, unquote(parts.path), unquote(unquote(parts.path))}
        paths = said | {_SLASHES.sub("/", path) for path in said}
        rules = (
            rule for rule in self.deny for host in hosts for path in paths if _covers(rule.lower(), host, path.lower())
        )
        rule = next(rules, "")
        return f"your rule webDeny '{rule}' is against it" if rule else ""


NO_WEB_RULES = WebRules()

_RULE = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)*\.?(:\d+)?(/[^\s?#*]*)?|\[[\da-fA-F:.]+\](:\d+)?(/[^\s?#*]*)?")


def must_be_web_rule(text: str) -> None:
    """Raises ValueError for what could cover no address."""
    if not _RULE.fullmatch(text):
        raise ValueError(
            f"no host or host/path: {text!r}; write docs.example.org or docs.example.org/3, without https://"
        )


def _covers(rule: str, host: str, path: str) -> bool:
    wanted, _, below = rule.partition("/")
    if not (host.endswith(wanted[1:].lower()) if wanted.startswith("*.") else host == wanted.lower()):
        return False
    prefix = "/" + below.rstrip("/")
    return prefix in {"/", path} or path.startswith(prefix + "/")
