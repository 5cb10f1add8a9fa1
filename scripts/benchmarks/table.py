"""Rows of figures as a table: what was measured, beside the floor, against its aim."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: a value a run, ours and the floor's, and the aim, which is for ours or for ours / floor.

    Without values it was skipped, for the reason in `note`.
    """

    name: str
    values: Sequence[float] = ()
    floor: Sequence[float] = ()
    unit: str = "ms"
    most: float | None = None
    most_of_floor: float | None = None
    note: str = ""

    @property
    def value(self) -> float | None:
        return median(self.values) if self.values else None

    @property
    def ratio(self) -> float | None:
        """Ours / floor: how often the least that Python can do."""
        return median(self.values) / median(self.floor) if self.values and self.floor else None

    @property
    def aim(self) -> str:
        if self.most is not None:
            return f"≤ {self.most:g} {self.unit}".strip()
        return f"≤ {self.most_of_floor:g} × floor" if self.most_of_floor is not None else "–"

    @property
    def verdict(self) -> str:
        held, limit = (self.value, self.most) if self.most is not None else (self.ratio, self.most_of_floor)
        if held is None or limit is None:
            return "–"
        return "met" if held <= limit else "MISSED"


_HEADINGS = ("figure", "median", "best", "worst", "floor", "× floor", "aim", "")


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table, line by line; numbers stand to the right."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    for index, line in enumerate(cells):
        padded = [text.rjust(width) for text, width in zip(line[1:6], widths[1:6], strict=True)]
        texts = [line[0].ljust(widths[0]), *padded, line[6].ljust(widths[6]), line[7]]
        yield "  ".join(texts).rstrip()
        if index == 0:
            yield "  ".join("-" * width for width in widths).rstrip()
    yield from (f"{row.name}: {row.note}" for row in rows if row.note)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _cells(row: Row) -> tuple[str, ...]:
    value, worst = row.value, max(row.values, default=None)
    best = min(row.values, default=None)
    floor = median(row.floor) if row.floor else None
    figures = [_number(number, row.unit) for number in (value, best, worst, floor)]
    return row.name, *figures, _number(row.ratio, ""), row.aim, row.verdict


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 20 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
