"""What a workspace would set for the agent is shown, and its user is asked whether it may."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from agent_lsp import NAME
from agent_lsp.app.state_files import state_dir
from agent_lsp.app.workspace_trust import ACTING, NotAsShown, WorkspaceTrust
from agent_lsp.cli.trust.confirm import says_yes
from agent_lsp.files.roots import Roots
from agent_lsp.permissions.remembered_rules import Remembered
from agent_lsp.permissions.trust import ActingFile, Standing, Trust
from agent_lsp.settings.loading import load, problems_of_project
from agent_lsp.text.visible import visible, visible_lines


def trust_settings(environment: Mapping[str, str], folders: Sequence[str], *, forget: bool) -> int:
    """Shows and asks, or takes back; returns the exit code: 0 where all that would act is trusted in the end.

    Raises SettingsError, PathRefused, OSError.
    """
    of_workspace = WorkspaceTrust(Roots(folders), Trust(Remembered(state_dir(load(environment).settings) / "trusted")))
    if forget:
        of_workspace.forget()
        print("nothing of this workspace is trusted any more")
        return 0
    standing = of_workspace.standing()
    if not standing.files:
        print(f"nothing of this workspace would act on the agent: it has no {' or '.join(ACTING)}")
        return 0
    for file in standing.files:
        _show(file, environment)
    if standing.trusted:
        print("This is trusted, exactly as it stands.")
        return 0
    return _ask(of_workspace, standing)


def _show(file: ActingFile, environment: Mapping[str, str]) -> None:
    print(f"{visible(file.path)}:")
    for line in file.data.decode("utf-8", "backslashreplace").split("\n"):
        print(f"  {visible_lines(line)}")
    problems = (file.problem,) if file.problem else problems_of_project(environment, file.path, file.data)
    for problem in problems:
        print(f"! {visible(problem)}")


def _ask(of_workspace: WorkspaceTrust, standing: Standing) -> int:
    """Trusts what was shown if the user says so here, and exactly that."""
    changed = ", ".join(map(visible, standing.changed))
    print(f"Changed since you trusted it: {changed}" if changed else "SHA-256 of all this: " + standing.digest)
    if not says_yes("Trust exactly this?"):
        print("not trusted: it is not read")
        return 1
    try:
        of_workspace.trust(standing.digest)
    except NotAsShown as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    print("trusted; once a byte of it changes it is not any more")
    return 0
