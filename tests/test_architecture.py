"""The house's rules that a test can hold."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

import agent_lsp
from agent_lsp.agent import Turn
from agent_lsp.agent.gate import Gate
from agent_lsp.agent.questions import Questions
from agent_lsp.agent.workbench import Workbench

PACKAGE = Path(agent_lsp.__file__).parent
PACKAGES = {"agent_lsp", "agent_lsp.app"}
"""Of these the name that is imported counts: it is a room, or a file that doors may not know."""
LAYERS = [
    {"__main__"},
    {"cli"},
    {"lsp"},
    {"app"},
    {"session"},
    {"contract", "settings", "observe"},
    {"agent"},
    {"tools", "conformance"},
    {"models", "web", "permissions", "commands", "undo"},
    {"search", "sandbox", "provenance", "awareness"},
    {"files"},
    {"text"},
    {"journal"},
    {"conversation", "processes"},
]
"""The rooms, the highest first; those of one layer do not know one another."""
LATE = {
    "agent_lsp/cli/main.py": "each command imports its own room, so that serve answers at once",
    "agent_lsp/models/keys.py": "an optional extra",
    "agent_lsp/models/pricing.py": "the price table takes a tenth of a second: only who pays needs it",
    "agent_lsp/models/bundled/llama_child.py": "an optional extra, loaded in the child only",
    "agent_lsp/models/bundled/llama_server.py": "an optional extra is looked for where it is needed",
    "agent_lsp/web/page_text.py": "a converter that only a fetched page needs",
    "agent_lsp/web/search.py": "a library, and lxml with it, that only a search needs",
    "agent_lsp/cli/trust/confirm.py": "termios is there only where there is a terminal",
    "agent_lsp/cli/ask.py": "termios is there only where there is a terminal",
}
DOORS_KNOW = (
    "agent_lsp.NAME.",
    "agent_lsp.__version__.",
    "agent_lsp.lsp.",
    *(
        f"agent_lsp.app.{name}."
        for name in ("agent", "to_contract", "approval_documents", "refusals", "workspace_trust")
    ),
    *(f"agent_lsp.{name}." for name in ("contract", "conversation", "settings")),
    *(f"agent_lsp.permissions.{name}." for name in ("approval", "policy", "trust")),  # words of questions
    "agent_lsp.files.editor.",
    "agent_lsp.text.visible.",
)
"""What both doors may import: the facade with what it takes and gives, and the words of questions."""
DOORS_KNOW_THE_TYPES_OF = {"agent_lsp.app", "agent_lsp.session"}
DOORS_KNOW_TOO = {"agent_lsp/lsp/editing.py": ("agent_lsp.files.overlay.", "agent_lsp.text.")}
"""The editor that the files' room asks for."""
OWNERS = {
    "pygls": ("lsp/",),
    "lsprotocol": ("lsp/",),
    "sqlite3": ("journal/", "cli/doctor.py"),
    "httpx": ("conformance/", "models/", "web/"),
    "html_to_markdown": ("web/page_text.py",),
    "ddgs": ("web/search.py",),
    "genai_prices": ("models/pricing.py",),
    "pathspec": ("files/agentignore.py", "provenance/gitignore.py"),
    "watchfiles": ("awareness/change_notices.py",),
    "tree_sitter": ("permissions/shell_line.py", "permissions/shell_words.py"),
    "urllib": ("conversation/uris.py", "models/model_cache.py", "permissions/", "web/"),
    "subprocess": ("processes/", "models/bundled/download.py"),
}


@cache
def files() -> tuple[tuple[str, ast.Module], ...]:
    """Every file of the package, parsed once."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return tuple((path.relative_to(PACKAGE.parent).as_posix(), ast.parse(path.read_text("utf-8"))) for path in paths)


@cache
def imported() -> tuple[tuple[str, str], ...]:
    """Every import of the package: a file and a module."""
    return tuple((path, module) for path, tree in files() for _, module in imports(tree))


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names if node.module in PACKAGES)


def room(dotted: str) -> str:
    return dotted.split(".")[1] if "." in dotted else ""


def layer(name: str) -> int:
    return next((number for number, rooms in enumerate(LAYERS) if name in rooms), len(LAYERS))


def test_imports_point_downwards() -> None:
    wrong = []
    for path, module in imported():
        own = room(path.removesuffix(".py").replace("/", "."))
        other = room(module) if module.startswith("agent_lsp") else ""
        if not other or other == own or layer(other) > layer(own):
            continue
        wrong.append(f"{path} imports {module}")
    assert wrong == []


def test_doors_speak_to_the_facade_and_know_no_room_behind_it() -> None:
    wrong = [
        f"{path} imports {module}"
        for path, module in imported()
        if path.startswith(("agent_lsp/lsp/", "agent_lsp/cli/ask.py"))
        and module.startswith("agent_lsp.")
        and not (module + ".").startswith(DOORS_KNOW + DOORS_KNOW_TOO.get(path, ()))
        and module not in DOORS_KNOW_THE_TYPES_OF
    ]
    assert wrong == []


def test_every_room_has_a_layer() -> None:
    rooms = {room(path.removesuffix(".py").replace("/", ".")) for path, _ in files()} - {"__init__"}
    assert rooms - set().union(*LAYERS) == set()


def test_a_room_has_twenty_files_at_most() -> None:
    counts = Counter(path.rpartition("/")[0] for path, _ in files())
    assert {folder: count for folder, count in counts.items() if count > 20} == {}


def test_no_two_public_classes_share_a_name() -> None:
    names = Counter(
        node.name
        for _, tree in files()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_imports_stand_at_the_top_of_a_file_but_for_those_with_a_reason() -> None:
    late = set()
    for path, tree in files():
        top = {id(node) for node in tree.body}
        guarded = {id(inner) for node in tree.body if isinstance(node, ast.If) for inner in node.body}
        late |= {path for node, _ in imports(tree) if id(node) not in top | guarded}
    assert late <= set(LATE), late - set(LATE)


@pytest.mark.parametrize("library", sorted(OWNERS))
def test_a_library_is_used_in_one_room(library: str) -> None:
    users = {path for path, module in imported() if module.split(".")[0] == library}
    strangers = {path for path in users if not path.removeprefix("agent_lsp/").startswith(OWNERS[library])}
    assert strangers == set()


def test_paths_and_file_uris_are_converted_in_one_place() -> None:
    """`urllib` is held above: who else takes URIs apart has addresses of the web."""
    others = {"as_uri", "from_uri", "to_fs_path", "from_fs_path"}
    named = {
        path
        for path, tree in files()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in others)
        or (isinstance(node, ast.alias) and node.name in others | {"pygls.uris", "uris"})
    }
    assert named == set()


def test_the_loop_and_the_composition_root_stay_small() -> None:
    most = {"agent/turn.py": 150, "app/composition.py": 150}
    lines = {name: (PACKAGE / name).read_text().count("\n") for name in most}
    assert {name: count for name, count in lines.items() if count > most[name]} == {}


def test_a_turn_hands_on_a_dozen_parts_at_most() -> None:
    parts = {value.__name__: len(fields(value)) for value in (Turn, Gate, Questions, Workbench)}
    assert {name: count for name, count in parts.items() if count > 12} == {}
