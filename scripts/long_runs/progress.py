"""How far a run has come: a file that outlives an interruption."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from .run import Figures


@dataclass
class Progress:
    """Steps done, what they counted, and the seconds they took; kept in `file`."""

    file: Path
    steps: int = 0
    seconds: float = 0.0
    figures: Figures = field(default_factory=Figures)

    @classmethod
    def of(cls, folder: Path, name: str, seed: int, commit: str) -> Progress:
        """Of one run at one commit: where it was left, or its beginning."""
        file = folder / f"{name}-{seed}-{commit}.json"
        if not file.exists():
            return cls(file)
        kept = json.loads(file.read_text())
        return cls(file, kept["steps"], kept["seconds"], Figures(kept["figures"]))

    def add(self, figures: Figures, seconds: float) -> None:
        """One more step is done."""
        self.steps, self.seconds = self.steps + 1, self.seconds + seconds
        self.figures.update(figures)
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"steps": self.steps, "seconds": self.seconds, "figures": self.figures}))
        new.replace(self.file)

    def forget(self) -> None:
        """Begins again."""
        self.file.unlink(missing_ok=True)
        self.steps, self.seconds, self.figures = 0, 0.0, Figures()
