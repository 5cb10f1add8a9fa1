"""The digest by which contents are known."""

from __future__ import annotations

import hashlib


def digest_of(data: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()
