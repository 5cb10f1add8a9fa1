"""A setting is one row: type, default, who may set it, unit, text. Everything else is derived from the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypedDict, Unpack, assert_never, get_args

from pydantic import BaseModel, Field, JsonValue, SecretStr
from pydantic.fields import FieldInfo

PREFIX = "AGENT_LSP_"


class Who(StrEnum):
    """Who may set it, beside the user: an editor and a project speak for a repository that may be hostile."""

    USER = "user"
    """Nobody else."""
    TIGHTEN = "tighten"
    """Editor and project may only make it tighter than it is; the row says in which direction."""
    ADD = "add"
    """Editor and project may only add to the list."""
    ANYONE = "anyone"
    """Everybody, but for the values that the row reserves for the user."""


class Tighter(StrEnum):
    """The direction in which a setting gets tighter."""

    LOWER = "lower"
    """A number: the lower."""
    EARLIER = "earlier"
    """An enumeration: its members are written the tightest first."""


class Bounds(TypedDict, total=False):
    """The bounds of a value, as pydantic names them."""

    ge: float
    gt: float
    le: float
    min_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a row says of its setting beside type, default and bounds. Raises ValueError for a `who` that is unknown."""

    who: Who
    text: str
    flag: bool
    unit: str = ""
    tighter: Tighter | None = None
    reserved: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Who(self.who)

    @property
    def described(self) -> str:
        """The text with the unit, or the values that there are."""
        values = f" One of: {', '.join(self.values)}." if self.values else ""
        unit = f" Unit: {self.unit}." if self.unit else ""
        return self.text + values + unit

    def __call__(self, schema: dict[str, JsonValue]) -> None:
        """Add nothing to a field's JSON schema; pydantic calls this, since the mark is kept as a field's extra."""


def setting(  # noqa: PLR0913 - one argument for each column of the table
    default: object,
    *,
    who: Who,
    text: str,
    flag: bool,
    unit: str = "",
    tighter: Tighter | None = None,
    reserved: str = "",
    values: Mapping[str, str] | None = None,
    **bounds: Unpack[Bounds],
) -> Any:  # Any: it stands where the field's own type is expected, as pydantic's Field does
    """Return the field of a setting.

    `who` has no default, so that no setting is open to a repository because somebody forgot it. `text` describes the
    setting in one line. `flag`: whether `agent-lsp ask` has it as a flag. `tighter` is for `Who.TIGHTEN`. `reserved` is
    for `Who.ANYONE`: only the user may set a value that begins so. `values` describes each member of an enumeration.
    """
    mark = Mark(who=who, text=text, flag=flag, unit=unit, tighter=tighter, reserved=reserved, values=values or {})
    return Field(default, json_schema_extra=mark, **bounds)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: the attribute that holds it, its field, and what its row says."""

    attribute: str
    field: FieldInfo
    mark: Mark

    @property
    def name(self) -> str:
        """Its name in files and editors: `maxCostPerDay`."""
        return self.field.alias or self.attribute

    @property
    def secret(self) -> bool:
        """Whether its value is never shown, and kept in no editor's settings file."""
        return SecretStr in (self.field.annotation, *get_args(self.field.annotation))

    def refusal(self, value: Any, in_force: Any) -> str:  # Any: each setting has its own type
        """Return why an editor or a project may not set this value; empty if it may."""
        match self.mark.who:
            case Who.USER:
                return "only the user may set it"
            case Who.TIGHTEN:
                return self._loosening(value, in_force)
            case Who.ADD:
                return ""
            case Who.ANYONE:
                reserved = self.mark.reserved and str(value).startswith(self.mark.reserved)
                return "only the user may set it" if reserved else ""
            case _:
                assert_never(self.mark.who)

    def _loosening(self, value: Any, in_force: Any) -> str:  # Any: each setting has its own type
        match self.mark.tighter:
            case Tighter.LOWER:
                return "" if value <= in_force else f"{value:g} is more than {in_force:g}"
            case Tighter.EARLIER:
                order = list(type(value).__members__.values())
                looser = order.index(value) > order.index(in_force)
                return f"'{value}' is looser than '{in_force}'" if looser else ""
            case None:  # rows_of lets no such row pass
                return "only the user may set it"
            case _:
                assert_never(self.mark.tighter)


def rows_of(settings: type[BaseModel]) -> dict[str, Row]:
    """Return the rows of all fields by the settings' names. Raises TypeError for a field that is not a whole row."""
    rows = (_row(attribute, field) for attribute, field in settings.model_fields.items())
    return {row.name: row for row in rows}


def _row(attribute: str, field: FieldInfo) -> Row:
    mark = field.json_schema_extra
    if not isinstance(mark, Mark):
        raise TypeError(f"the setting '{attribute}' does not say who may set it: write = setting(…, who=Who.…)")
    for wrong in _mistakes(field, mark):
        raise TypeError(f"the setting '{attribute}' {wrong}")
    return Row(attribute, field, mark)


def _mistakes(field: FieldInfo, mark: Mark) -> list[str]:
    kind = field.annotation
    members = list(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else []
    wrong = {
        "has no text": not mark.text,
        "needs tighter=… for Who.TIGHTEN, and only for it": (mark.who is Who.TIGHTEN) is (mark.tighter is None),
        "is not a number: Tighter.LOWER is for numbers": mark.tighter is Tighter.LOWER and kind not in (int, float),
        "is not an enumeration: Tighter.EARLIER is for them": mark.tighter is Tighter.EARLIER and not members,
        "is not a list: Who.ADD is for lists": mark.who is Who.ADD and not isinstance(field.default, tuple),
        "reserves values, which is for Who.ANYONE": bool(mark.reserved) and mark.who is not Who.ANYONE,
        "must describe each of its values": set(mark.values) != set(members),
    }
    return [words for words, holds in wrong.items() if holds]


def variable(name: str) -> str:
    """Return a setting's name in the environment: `maxCostPerDay` → `AGENT_LSP_MAX_COST_PER_DAY`."""
    return PREFIX + "".join(f"_{char}" if char.isupper() else char.upper() for char in name)


def flag(name: str) -> str:
    """Return a setting's name on the command line: `maxCostPerDay` → `--max-cost-per-day`."""
    return "--" + "".join(f"-{char.lower()}" if char.isupper() else char for char in name)
