"""The table of published failures is whole, and what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.security.rows import ROWS

HERE = Path(__file__).parent


def test_every_row_stands_once_with_its_tests_or_the_reason_why_there_are_none() -> None:
    assert [row.number for row in ROWS] == list(range(1, 78))
    assert [row.number for row in ROWS if bool(row.tests) == bool(row.reason)] == []
    assert len([row for row in ROWS if row.tests]) >= 55


def test_every_test_that_the_table_names_is_there_with_its_case() -> None:
    missing = []
    for row in ROWS:
        for test in row.tests:
            found = re.fullmatch(r"(.+)::(\w+)(?:\[(\w+)\])?", test)
            assert found, test
            source = (HERE / found[1]).read_text("utf-8")
            names = {
                node.name
                for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            if found[2] not in names or (found[3] and f'"{found[3]}"' not in source):
                missing.append(f"{row.number}: {test}")
    assert missing == []


def test_every_case_of_the_tests_holds_a_row() -> None:
    named = {case for row in ROWS for test in row.tests for case in re.findall(r"\[(\w+)\]", test)}
    cases = {
        case
        for file in ("test_files.py", "test_commands.py")
        for case in re.findall(r'Case\(\s*"(\w+)"', (HERE / file).read_text("utf-8"))
    }
    assert cases - named == {"background", "or", "brace_group", "output_of_uniq", "environment_file"}
