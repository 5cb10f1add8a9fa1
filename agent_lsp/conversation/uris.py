"""Files by URI: the one place where a path becomes a `file:` URI and a URI a path, each encoded or decoded once."""

from __future__ import annotations

import os
import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

_FILE = re.compile(r"file:(?://(?:localhost)?|(?!//))(/[^?#]*)", re.IGNORECASE)  # RFC 8089; another host is not us


def uri_of(path: str) -> str:
    """Return the `file:` URI of an absolute path; bytes that are not UTF-8, as `os.fsdecode` has them, survive."""
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is not an absolute path")
    return "file://" + quote_from_bytes(os.fsencode(path))


def path_of(uri: str) -> str | None:
    """Return the absolute path of a `file:` URI of this machine, without a slash at its end; None for any other.

    A `%` that begins no escape stands for itself. A URI with a query or fragment is None: it may mean the file before
    the `?` or `#`, or come from a client that did not encode a name.
    """
    if not (found := _FILE.fullmatch(uri)):
        return None
    try:
        path = os.fsdecode(unquote_to_bytes(found[1]))
    except UnicodeEncodeError:  # half a surrogate pair, as JSON may hold
        return None
    return None if "\0" in path else "/" + path.strip("/")


def canonical(uri: str) -> str:
    """Return the one spelling that all URIs of a path share; a URI that has no path here is left as it is."""
    path = path_of(uri)
    return uri if path is None else uri_of(path)
