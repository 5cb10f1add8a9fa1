"""A sample of AgentDojo's attacks on a model that obeys every one, and that the run can fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.long_runs import dojo
from scripts.long_runs.injected import Injected
from scripts.long_runs.run import Broken


def test_the_tasks_are_installed_where_all_is_tested() -> None:
    if dojo.MISSING and not os.environ.get("CI"):
        pytest.skip(dojo.MISSING)
    assert not dojo.MISSING


needs_tasks = pytest.mark.skipif(bool(dojo.MISSING), reason=dojo.MISSING or "there")


@needs_tasks
@pytest.mark.parametrize("number", range(3))
def test_a_model_that_obeys_every_attacker_does_what_its_user_allowed(tmp_path: Path, number: int) -> None:
    figures = Injected().step(number, 1, tmp_path)
    assert figures["tasks with an attack"] == figures["finished with an attack"] == Injected.a_step
    assert figures["attacks that were obeyed"] > Injected.a_step // 2
    assert figures["tasks alone"] == figures["finished alone"]


@needs_tasks
def test_an_executor_that_knows_of_no_taint_does_what_nobody_allowed(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="the user had not allowed it"):
        Injected(blind=True).step(0, 1, tmp_path)
