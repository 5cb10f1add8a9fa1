"""The published failures, each with the tests that hold it here or the reason why there is nothing to hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One published failure: its mechanism, the tests by `file::name` or `file::name[case]`, or why there are none."""

    number: int
    ids: str
    mechanism: str
    tests: tuple[str, ...] = ()
    reason: str = ""


_FILES = "test_files.py::test_the_bad_path_fails_and_its_neighbour_works"
_COMMANDS = "test_commands.py::test_a_line_that_does_more_than_read_is_not_run_and_its_neighbour_is"
_SETTINGS = "test_tightening.py::test_settings_of_a_workspace_loosen_nothing"
_SHOWN = "test_questions.py::test_every_byte_of_a_command_is_shown"
_CWD = "test_files.py::test_a_folder_that_the_model_names_joins_no_root"
_READING = "test_files.py::test_reading_tools_go_through_the_same_door"
_PORT = "test_questions.py::test_a_turn_opens_no_port"
_TAINT = "test_questions.py::test_after_untrusted_text_what_was_free_asks"
_CONFINED = "test_sandbox_rows.py::test_the_bad_thing_fails_in_the_sandbox"
_DRAWN = "test_web_remote_content.py::test_rows_30_and_42_a_message_box_hides_no_address_behind_words"
_INJECTED = "test_injection_coding.py::test_what_the_user_did_not_allow_is_not_done"
_SWAP = "test_questions.py::test_a_target_that_is_swapped_while_the_user_thinks_is_not_written"

_UNTRUSTED = "test_trust.py::test_a_workspace_sets_nothing_before_it_is_trusted"
_CHANGED = "test_trust.py::test_trust_ends_with_the_first_byte_that_changes"
_TRUSTED = "test_trust.py::test_what_is_trusted_loosens_nothing_and_its_neighbour_tightens"

_NO_SERVERS = "no outside tool servers are started: there is no client for them yet"
_NO_GIT = "the daemon runs no git of its own; the gate keeps out of git what its configuration can act on"


def _files(*cases: str) -> tuple[str, ...]:
    return tuple(f"{_FILES}[{case}]" for case in cases)


def _commands(*cases: str) -> tuple[str, ...]:
    return tuple(f"{_COMMANDS}[{case}]" for case in cases)


def _settings(*cases: str) -> tuple[str, ...]:
    return tuple(f"{_SETTINGS}[{case}]" for case in cases)


ROWS = (
    Row(1, "CVE-2025-54794", "path allowed by string prefix", _files("sibling_prefix")),
    Row(2, "CVE-2025-54795", "substitution inside an allowed echo", _commands("substitution", "backticks")),
    Row(3, "CVE-2025-52882", "local WebSocket took any origin", (_PORT,)),
    Row(4, "CVE-2025-55284", "safe-command list read and sent out", _commands("pipe", "process_substitution")),
    Row(5, "CVE-2025-59041", "git configuration interpolated into a shell line", reason=_NO_GIT),
    Row(6, "CVE-2025-59536", "project hooks started before trust", (_UNTRUSTED,)),
    Row(7, "CVE-2025-59828, 65099", "a version query loaded repository plug-ins", _commands("package_version")),
    Row(8, "CVE-2025-64755", "sed's write command passed as read-only", _commands("sed_write")),
    Row(
        9,
        "CVE-2025-66032",
        "gaps of a parser of commands",
        _commands(
            "field_separator", "helper_of_sort", "abbreviated_option", "expansion_first", "configuration_on_the_line"
        ),
    ),
    Row(
        10,
        "CVE-2026-21852",
        "repository set the provider's address",
        (*_settings("address_of_the_provider"), _UNTRUSTED, f"{_TRUSTED}[address_of_the_provider]"),
    ),
    Row(11, "CVE-2026-24053", "clobbering redirection", _commands("clobber", "append", "both_outputs")),
    Row(12, "CVE-2026-24887", "find ran a program", _commands("exec_of_find_quoted", "fprint_of_find")),
    Row(
        13,
        "CVE-2026-25722, 25723",
        "cd and piped sed wrote to protected folders",
        _commands("change_of_folder", "pipe"),
    ),
    Row(14, "CVE-2026-25724", "deny rule matched the name, the link led elsewhere", _files("denied_alias")),
    Row(15, "CVE-2026-25725", "settings that were not there were not protected", _files("missing_settings")),
    Row(
        16,
        "CVE-2026-33068",
        "repository chose the mode without questions",
        (*_settings("preset_without_questions", "preset_for_edits"), f"{_TRUSTED}[preset_without_questions]"),
    ),
    Row(17, "CVE-2026-39861", "a planted link was followed by the writer", _files("link_to_outside")),
    Row(
        18,
        "CVE-2026-40068",
        "a worktree borrowed another's trust",
        ("test_trust.py::test_a_worktree_borrows_no_trust_of_another_folder",),
    ),
    Row(
        19,
        "CVE-2026-46406",
        "fixed temporary file, link followed",
        ("test_questions.py::test_a_document_of_ours_follows_no_link_that_waits_for_it",),
    ),
    Row(
        20,
        "CVE-2026-54316",
        "a whole public host was allowed beforehand",
        ("test_web_egress.py::test_row_20_an_allowed_part_of_a_host_is_no_way_out_through_the_rest_of_it", _INJECTED),
    ),
    Row(21, "CVE-2026-55607", "a worktree named .git", _files("worktree_named_git")),
    Row(22, "CVE-2026-47751", "server list of a pull request loaded", reason=_NO_SERVERS),
    Row(
        23,
        "SOCKS NUL bypass 2026",
        "host with a NUL passed a suffix test",
        ("test_web_egress.py::test_row_23_a_host_that_two_programs_read_differently_is_reached_by_neither",),
    ),
    Row(24, "50-subcommand cap 2026", "the checker gave up and asked less", _commands("many_parts")),
    Row(25, "CVE-2025-54130, 54135", "creation of dotfiles did not ask", _files("editor_settings", "outside_tools")),
    Row(26, "CVE-2025-54136", "trust bound to a name", (_CHANGED,)),
    Row(27, "CVE-2025-59944", "another case on a disk that folds it", _files("other_case")),
    Row(
        28,
        "CVE-2025-64107, 64108, 64110",
        "backslash, short names, ignore file",
        _files("backslash", "short_name", "ignore_file"),
    ),
    Row(29, "CVE-2025-54133, 64106", "a dialogue hid the arguments", (f"{_SHOWN}[padded]", f"{_SHOWN}[second_line]")),
    Row(30, "CVE-2025-54132, 61589", "image link carried data out", (_DRAWN,)),
    Row(31, "CVE-2025-49150, 53097", "written JSON with a remote schema", (_TAINT, _INJECTED)),
    Row(32, "CVE-2026-22708", "builtins poisoned the environment", _commands("builtin_first", "assignment_before")),
    Row(33, "CVE-2026-26268", "hidden repository ran hooks", _files("hidden_repository", "move_into_hooks")),
    Row(34, "CVE-2026-48124", "hook file of an agent written", _files("hook_of_another_agent")),
    Row(35, "CVE-2026-50548", "model-chosen folder joined the writable set", (_CWD,)),
    Row(36, "CVE-2026-50549", "canonicalisation failed, the raw path was used", _files("dangling_link")),
    Row(37, "CVE-2026-73217", "poisoned interpreter of an environment", _files("interpreter")),
    Row(38, "CVE-2026-73218", "Docker socket reachable", (_CONFINED,)),
    Row(
        39,
        "CVE-2025-53773",
        "auto-approve switch written into workspace settings",
        (*_files("editor_settings"), *_settings("preset_without_questions")),
    ),
    Row(40, "CVE-2026-21523", "race between check and use", (_SWAP,)),
    Row(
        41,
        "CVE-2026-45482, CVE-2025-66389",
        "traversal; fetch of a file URI",
        (*_files("traversal"), "test_web_egress.py::test_row_41_a_file_is_no_page"),
    ),
    Row(42, "CamoLeak", "image proxy with an address for each character", (_DRAWN,)),
    Row(43, "CVE-2025-59532", "model-supplied folder became the writable root", (_CWD,)),
    Row(44, "CVE-2025-55345", "link followed in the workspace", _files("link_to_outside", "relative_link_out")),
    Row(
        45,
        "CVE-2025-61260",
        "repository's .env moved the configuration",
        ("test_tightening.py::test_an_environment_file_in_a_workspace_is_nothing_to_the_daemon",),
    ),
    Row(
        46,
        "git show, external diff",
        "a safe subcommand ran a configured helper",
        _commands("option_that_writes", "assignment_before"),
    ),
    Row(47, "CVE-2026-48719", "branch name interpolated into a shell", _commands("ref_name")),
    Row(
        48,
        "GHSA-wpqr-6v78-jr5g, CVE-2026-12537",
        "headless runs trusted",
        ("../e2e/test_trust.py::test_without_a_terminal_nothing_is_trusted",),
    ),
    Row(
        49,
        "Tracebit 2025",
        "first word matched, the rest hidden by blanks",
        (*_commands("padding"), f"{_SHOWN}[padded]"),
    ),
    Row(
        50,
        "CVE-2025-54377, 57771, 58370, 65946",
        "newline, process substitution, expansion",
        _commands("newline", "process_substitution", "continuation", "here_document"),
    ),
    Row(
        51,
        "CVE-2025-53098, 53536, 58373, 58374",
        "own server list, editor settings, npm install",
        (*_files("own_server_list", "editor_settings", "link_to_outside"), *_commands("package_scripts")),
    ),
    Row(52, "CVE-2026-44211, 59723", "cross-origin WebSocket", (_PORT,)),
    Row(
        53,
        "CVE-2026-52025",
        "the model said that no approval was needed",
        ("test_files.py::test_words_of_the_model_that_no_approval_is_needed_are_no_arguments",),
    ),
    Row(
        54,
        "CVE-2025-62353, CVE-2026-30615",
        "traversal past a deny list; server list rewritten",
        _files("traversal", "outside_tools"),
    ),
    Row(55, "CVE-2026-22812, 22813", "local HTTP without authentication", (_PORT,)),
    Row(
        56,
        "CVE-2025-68432, 68433, 55012",
        "programs from project settings; agent allowed itself",
        (
            *_settings("rule_that_allows", "program_for_the_key"),
            f"{_TRUSTED}[program_for_the_key]",
            *_files("project_settings"),
        ),
    ),
    Row(57, "CVE-2026-25805", "prompt hid values", (_SHOWN,)),
    Row(
        58,
        "CVE-2026-27967, 44461-44466",
        "link escape, prefixes, expansions, git configuration",
        (
            *_files("link_to_outside", "git_configuration", "hard_link"),
            *_commands("assignment_before", "expansion_first"),
        ),
    ),
    Row(59, "CVE-2026-27800, 27976", "archive of an extension", reason="nothing unpacks archives"),
    Row(
        60,
        "CVE-2026-12957, 12958",
        "workspace's server inherited credentials; link",
        (
            *_files("link_to_outside"),
            "test_trust.py::test_a_link_out_of_the_workspace_sets_nothing_even_if_it_was_trusted",
        ),
    ),
    Row(
        61, "CVE-2025-8217", "wiper prompt in a release", reason="it is about how a release is signed, not what it does"
    ),
    Row(
        62,
        "CVE-2026-10591",
        "workspace's program found before the system's",
        reason="programs are found on the user's own PATH, to which a workspace adds nothing",
    ),
    Row(
        63,
        "CVE-2026-48703",
        "search tool built a shell line",
        ("test_commands.py::test_an_option_of_a_search_is_a_word_and_never_an_option",),
    ),
    Row(
        64,
        "CVE-2026-48721",
        "deny list passed by an assignment",
        ("test_commands.py::test_a_refusing_rule_is_not_passed_by_what_stands_before",),
    ),
    Row(65, "CVE-2026-8770", "list tool without the check of its siblings", (_READING,)),
    Row(
        66,
        "CVE-2026-72718",
        "core.fsmonitor in a repository",
        ("../permissions/test_read_only_commands.py::test_no_git_command_of_the_table_runs_what_a_repository_names",),
    ),
    Row(67, "CVE-2025-53109, 53110", "prefix match; link", _files("sibling_prefix", "link_to_outside")),
    Row(
        68,
        "CVE-2025-68143, 68144",
        "traversal and options of git",
        (*_files("traversal"), *_commands("option_that_writes")),
    ),
    Row(
        69,
        "CVE-2025-6514",
        "address run by the system's opener",
        ("test_web_egress.py::test_row_69_an_address_runs_nothing_here",),
    ),
    Row(70, "CVE-2025-49596", "local proxy without authentication", (_PORT,)),
    Row(71, "postmark-mcp, rug-pull", "server changed after approval", reason=_NO_SERVERS),
    Row(
        72,
        "CVE-2026-32898",
        "approval by the kind that a peer says",
        ("test_commands.py::test_the_kind_that_somebody_says_a_call_has_decides_nothing",),
    ),
    Row(
        73,
        "SymJack, GhostApproval",
        "prompt showed the alias, the target was written",
        (*_files("alias_of_hooks"), "test_questions.py::test_a_question_names_the_target_and_not_just_its_alias"),
    ),
    Row(
        74,
        "0DIN Fabricator",
        "edited history made an approval appear",
        ("test_questions.py::test_a_yes_in_the_history_is_no_yes",),
    ),
    Row(75, "0DIN clone-and-run", "set-up step fetched a record and ran it", (_CONFINED,)),
    Row(
        76,
        "Nx s1ngularity",
        "agents run with flags that skip permissions",
        ("test_tightening.py::test_no_flag_takes_the_questions_away_where_nothing_confines",),
    ),
    Row(
        77,
        "/proc/self/environ",
        "key taken from the environment",
        (_CONFINED, "test_web_secrets.py::test_row_77_the_key_is_not_in_the_environment_that_proc_shows"),
    ),
)
