"""The table of long runs in the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .run import Figures

_HEAD = """\
# Long runs

What `scripts/long` counted. A run that finds something that must never be ends at once and is not recorded here.

*Turns with a fault in every third request*: what stands behind the doors (turns, tools, approvals, retries that do not
wait, the journal) works with a provider on loopback that speaks the three wire protocols in turn and does one of 23
harms to every third answer. At the end of each session it is read again from its journal. Every prompt, every word
that was shown and every answer is in it once, in order; every call was performed once; each protocol would take the
history; and the usage of each turn, the sums by model, the day's money and what is set aside are to the token what the
provider told, plus the whole reservation of each request of which it told nothing.

*Tool calls while a folder and a file are swapped with links that lead outside*: another process exchanges their names
all the time. No call tells a word of what is outside, and at the end nothing there has changed.

| date | commit | what | seed | figures |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One run that went to its end."""

    date: str
    commit: str
    what: str
    seed: int
    figures: str

    @property
    def line(self) -> str:
        return f"| {self.date} | {self.commit} | {self.what} | {self.seed} | {self.figures} |"

    def replaces(self, line: str) -> bool:
        """Whether a line of the table is of the same run at the same commit."""
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        return cells[1:4] == [self.commit, self.what, str(self.seed)]


def told(figures: Figures, seconds: float) -> str:
    """The figures in a line."""
    counted = [f"{count:,} {name}" for name, count in figures.items()]
    return "; ".join([*counted, f"{seconds:,.0f} s"])


def record(file: Path, row: Row) -> None:
    """Puts a row at the end of the table, in place of one of the same run at the same commit."""
    lines = (file.read_text() if file.exists() else _HEAD).splitlines()
    kept = [line for line in lines if not row.replaces(line)]
    file.write_text("\n".join([*kept, row.line]) + "\n")
