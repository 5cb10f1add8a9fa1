"""A setting is one row, and a row that is not whole fails at import."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import agent_lsp.settings.settings
from agent_lsp.settings.row import Row, Tighter, Who, flag, variable
from agent_lsp.settings.settings import ROWS

TABLE = Path(agent_lsp.settings.settings.__file__).read_text("utf-8")
ANCHOR = "    model: str | None = setting("
WHOLE = "who=Who.USER, flag=False, text='A text.'"


def error_at_import(folder: Path, row: str) -> str:
    """Run the module of all settings with one more row, and return what it raises; empty if that is nothing."""
    assert TABLE.count(ANCHOR) == 1
    module = folder / "tried.py"
    module.write_text(TABLE.replace(ANCHOR, f"    added: {row}\n{ANCHOR}"))
    try:
        runpy.run_path(str(module), run_name="tried")
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def test_a_field_that_does_not_say_who_may_set_it_makes_the_import_fail(tmp_path: Path) -> None:
    assert error_at_import(tmp_path, "int = 3") == (
        "the setting 'added' does not say who may set it: write = setting(…, who=Who.…)"
    )
    assert "missing 1 required keyword-only argument: 'who'" in error_at_import(
        tmp_path, "int = setting(3, flag=False, text='A text.')"
    )
    assert error_at_import(tmp_path, f"int = setting(3, {WHOLE})") == ""


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("int = setting(3, who='everybody', flag=False, text='A text.')", "'everybody' is not a valid Who"),
        ("int = setting(3, who=Who.TIGHTEN, flag=False, text='A text.')", "needs tighter=… for Who.TIGHTEN"),
        (f"int = setting(3, tighter=Tighter.LOWER, {WHOLE})", "needs tighter=… for Who.TIGHTEN"),
        ("str = setting('', who=Who.TIGHTEN, tighter=Tighter.LOWER, flag=False, text='A text.')", "is not a number"),
        ("int = setting(3, who=Who.TIGHTEN, tighter=Tighter.EARLIER, flag=False, text='A text.')", "an enumeration"),
        ("str = setting('', who=Who.ADD, flag=False, text='A text.')", "is not a list"),
        (f"str = setting('', reserved='x', {WHOLE})", "reserves values, which is for Who.ANYONE"),
        (f"Preset = setting(Preset.PLAN, {WHOLE})", "must describe each of its values"),
        ("int = setting(3, who=Who.USER, flag=False, text='')", "has no text"),
    ],
)
def test_a_row_that_contradicts_itself_makes_the_import_fail(tmp_path: Path, row: str, words: str) -> None:
    assert words in error_at_import(tmp_path, row)


def test_every_setting_has_one_name_in_each_place() -> None:
    assert (variable("maxCostPerDay"), flag("maxCostPerDay")) == ("AGENT_LSP_MAX_COST_PER_DAY", "--max-cost-per-day")
    assert ROWS["maxCostPerDay"].attribute == "max_cost_per_day"
    assert len({variable(name) for name in ROWS}) == len({flag(name) for name in ROWS}) == len(ROWS)


def test_no_flag_shows_a_secret_to_other_users_of_the_machine() -> None:
    assert [row.name for row in ROWS.values() if row.secret] == ["apiKey"]
    assert [row.name for row in ROWS.values() if row.secret and row.mark.flag] == []


def limits() -> list[Row]:
    return [row for row in ROWS.values() if row.mark.tighter is Tighter.LOWER]


def test_every_limit_of_a_turn_a_session_and_a_day_may_only_be_lowered() -> None:
    assert {row.name for row in limits()} == {name for name in ROWS if name.startswith("max")} - {"maxResultCharacters"}
    assert {row.mark.who for row in limits()} == {Who.TIGHTEN}
