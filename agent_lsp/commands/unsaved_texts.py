"""What the editor holds otherwise than the disk, for the commands that are to see it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.files.file_state import look
from agent_lsp.files.files import Files
from agent_lsp.files.location import PathRefused


@dataclass(frozen=True, slots=True)
class Texts:
    """Unsaved texts as bytes, by the path of the file on disk; `nowhere` are those of files that are not there yet."""

    on_disk: Mapping[str, bytes]
    shown: Mapping[str, str]
    nowhere: tuple[str, ...]

    def seen_and_unseen(self, *, mounted: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The files whose text a command sees, and those whose it does not."""
        return self.names(seen=True, mounted=mounted), self.names(seen=False, mounted=mounted)

    def names(self, *, seen: bool, mounted: bool) -> tuple[str, ...]:
        """The files whose text a command sees or not, if those on disk are mounted or not."""
        shown = tuple(self.shown.values())
        if seen:
            return tuple(sorted(shown)) if mounted else ()
        return tuple(sorted(self.nowhere if mounted else (*self.nowhere, *shown)))


async def unsaved(files: Files) -> Texts:
    """What the editor holds otherwise than the disk."""
    on_disk, shown, nowhere = {}, {}, []
    for path, (location, _) in files.unsaved_texts().items():
        with suppress(PathRefused):
            held = await look(files, path)
            if held.disk is None:
                nowhere.append(location.shown)
            elif held.data is not None and held.data != held.disk.data:
                real = str(Path(path).resolve())  # noqa: ASYNC240 - of a file that was just read
                on_disk[real], shown[real] = held.data, location.shown
    return Texts(on_disk, shown, tuple(nowhere))
