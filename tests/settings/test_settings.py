"""Where each setting may come from, which source wins, and what is said about mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.app.state_files import state_dir
from agent_lsp.conversation.actions import Limits
from agent_lsp.models.pricing import OwnPrice
from agent_lsp.models.wire.http import Patience
from agent_lsp.permissions import Preset
from agent_lsp.permissions.rules import Rules, parsed
from agent_lsp.settings.loading import Loaded, load, problems_of_project
from agent_lsp.settings.row import Tighter, Who, variable
from agent_lsp.settings.settings import ROWS, Settings, SettingsError, secret, user_file
from agent_lsp.tools.all_tools import TOOLS
from agent_lsp.tools.names import NAMES

DEFAULTS = Settings.model_validate({})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def loaded(
    file: Path, text: str = "", *, editor: dict[str, Any] | None = None, flags: dict[str, Any] | None = None, **env: Any
) -> Loaded:
    file.write_text(text)
    return load(env, editor=editor, flags=flags, file=file)


def refusal(file: Path, text: str = "", *, flags: dict[str, Any] | None = None, **env: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(file, text, flags=flags, **env)
    return str(caught.value)


def test_without_any_source_the_defaults_stand(file: Path) -> None:
    settings = load({}, file=file).settings

    assert settings == DEFAULTS
    assert settings.limits == Limits(steps=50, tool_calls=200, tokens=500_000, seconds=1_800, cost=5)
    assert (settings.preset, settings.max_cost_per_day) == (Preset.CONFIRM, 25)


def test_each_source_wins_over_the_ones_before_it(file: Path) -> None:
    text, editor, flags = "maxSteps = 40", {"maxSteps": 30}, {"maxSteps": "10", "model": None}

    assert [
        loaded(file, text).settings.max_steps,
        loaded(file, text, editor=editor).settings.max_steps,
        loaded(file, text, editor=editor, AGENT_LSP_MAX_STEPS="20").settings.max_steps,
        loaded(file, text, editor=editor, flags=flags, AGENT_LSP_MAX_STEPS="20").settings.max_steps,
    ] == [40, 30, 20, 10]


def test_sources_are_merged_setting_by_setting(file: Path) -> None:
    settings = loaded(
        file,
        'baseUrl = "http://a.example/v1"\npreset = "plan"',
        editor={"maxTokens": 1_000},
        flags={"maxCost": 0.5},
        AGENT_LSP_MODEL="openai-chat:m",
    ).settings

    assert settings == Settings.model_validate(
        {
            "baseUrl": "http://a.example/v1",
            "preset": "plan",
            "maxTokens": 1_000,
            "maxCost": 0.5,
            "model": "openai-chat:m",
        }
    )


USER_VALUES = {
    "baseUrl": "http://evil.example",
    "apiKey": "k",
    "apiKeyCommand": "echo k",
    "prices": '{"m": {"input": 0, "output": 0}}',
    "localServers": "http://evil.example",
    "connectTimeoutSeconds": 1,
    "firstTokenTimeoutSeconds": 1,
    "tokenTimeoutSeconds": 1,
    "stateDir": "/tmp/x",
    "searchUrl": "http://evil.example/search",
    "webAllow": "evil.example",
    "contextWindow": 4_000,
    "approvalTimeoutSeconds": 1,
    "maxResultCharacters": 2_000,
    "unsandboxedCommands": True,
    "sandboxImage": "evil",
    "checkpointDays": 1,
    "checkpointMegabytes": 1,
    "model": "scripted:evil.yaml",
    "allow": '["run_command"]',
}


def test_every_setting_that_only_the_user_may_set_is_tried() -> None:
    assert set(USER_VALUES) == {name for name, row in ROWS.items() if row.mark.who is Who.USER} | {"model"}


@pytest.mark.parametrize("name", USER_VALUES)
def test_what_only_the_user_may_set_is_not_taken_from_the_editor(file: Path, name: str) -> None:
    found = loaded(file, editor={name: USER_VALUES[name]})

    assert found == Loaded(DEFAULTS, (f"the editor's '{name}' is ignored: {only_the_user(name)}",))


@pytest.mark.parametrize("name", USER_VALUES)
def test_what_only_the_user_may_set_is_not_taken_from_a_project(file: Path, name: str) -> None:
    project = f"{name} = {json.dumps(USER_VALUES[name])}\n".encode()
    found = load({}, file=file, projects={"/w/.agent/config.toml": project})

    assert found == Loaded(DEFAULTS, (f"/w/.agent/config.toml: '{name}' is ignored: {only_the_user(name)}",))


def only_the_user(name: str) -> str:
    return f"only the user may set it; set it in {user_file()} or as {variable(name)}"


@pytest.mark.parametrize("name", USER_VALUES)
def test_what_only_the_user_may_set_is_taken_from_the_environment(file: Path, name: str) -> None:
    found = loaded(file, **{variable(name): USER_VALUES[name]})  # type: ignore[arg-type]  # no key is named `editor`

    assert found != Loaded(DEFAULTS)


def test_an_editor_adds_to_what_is_never_fetched_and_takes_nothing_from_it(file: Path) -> None:
    in_file = loaded(file, 'webDeny = ["a.example"]', editor={"webDeny": ["b.example/c"]})
    in_environment = loaded(file, "", editor={"webDeny": ["b.example"]}, AGENT_LSP_WEB_DENY="a.example")

    assert in_file.settings.web_deny == ("a.example", "b.example/c")
    assert in_environment.settings.web_deny == ("a.example", "b.example")


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.mark.tighter is Tighter.LOWER])
def test_the_editor_may_lower_a_limit_and_not_raise_it(file: Path, name: str) -> None:
    same, tighter, looser = (loaded(file, f"{name} = 5", editor={name: value}) for value in (5, 4, 6))

    assert same == Loaded(Settings.model_validate({name: 5}))
    assert tighter == Loaded(Settings.model_validate({name: 4}))
    assert looser.settings == same.settings
    assert looser.ignored[0].startswith(f"the editor's '{name}' is ignored: 6 is more than 5; set it in ")


def test_a_limit_that_nobody_set_is_measured_against_its_default(file: Path) -> None:
    found = loaded(file, editor={"maxCost": 6, "maxSteps": 51, "maxCostPerSession": 1e9})

    assert found.settings == Settings.model_validate({"maxCostPerSession": 1e9})
    assert len(found.ignored) == 2


def test_a_limit_is_measured_against_what_the_user_set(file: Path) -> None:
    found = loaded(file, "maxSteps = 500\nmaxTokens = 100", editor={"maxSteps": 400, "maxTokens": 200})

    assert (found.settings.max_steps, found.settings.max_tokens) == (400, 100)
    assert len(found.ignored) == 1


def test_the_editor_may_choose_a_tighter_preset_and_no_looser_one(file: Path) -> None:
    tighter, looser = (loaded(file, editor={"preset": preset}) for preset in ("plan", "auto"))

    assert tighter == Loaded(Settings.model_validate({"preset": "plan"}))
    assert looser.settings.preset is Preset.CONFIRM
    assert "'auto' is looser than 'confirm'" in looser.ignored[0]


def test_the_editor_may_choose_a_model(file: Path) -> None:
    assert loaded(file, editor={"model": "bundled"}) == Loaded(Settings.model_validate({"model": "bundled"}))


def test_mistakes_of_the_editor_are_ignored_aloud(file: Path) -> None:
    editor = {"maxStep": 3, "maxSteps": "many", "preset": "yolo", "protocol": 1, "renders": [], "maxCost": None}

    found = loaded(file, editor=editor)

    assert found.settings == DEFAULTS
    assert found.ignored == (
        "the editor has 'maxStep', which is not a setting. Did you mean maxSteps?",
        "'maxSteps' in the editor is 'many', but should be: a whole number",
        "'preset' in the editor is 'yolo', but should be: plan, confirm, edits, auto",
    )


def test_nothing_that_is_no_number_can_lift_a_limit(file: Path) -> None:
    for value in (float("nan"), float("inf")):
        assert loaded(file, editor={"maxCost": value, "maxSeconds": value}).settings == DEFAULTS


@pytest.mark.parametrize("number", ["1" + "0" * 400, "0x" + "F" * 5_000, "1" + "0" * 5_000, "-0x" + "F" * 5_000])
@pytest.mark.parametrize("setting", ["maxSteps = {}", "maxCost = {}", "deny = [{}]", "maxRetries = {}"])
def test_a_number_too_large_for_anything_is_ignored_aloud(setting: str, number: str) -> None:
    assert len(problems_of_project({}, "/project/settings.toml", setting.format(number).encode())) == 1


def test_a_number_of_the_editor_too_large_for_anything_is_ignored_aloud(file: Path) -> None:
    found = loaded(file, editor={"maxSteps": 10**400})

    assert "'maxSteps' in the editor is" in found.ignored[0]
    assert found.settings.max_steps == DEFAULTS.max_steps


def test_typos_are_named_with_the_nearest_right_name(file: Path) -> None:
    assert refusal(file, "max_steps = 3") == (
        "the user's file has 'max_steps', which is not a setting. Did you mean maxSteps?"
    )
    assert refusal(file, AGENT_LSP_MAXSTEPS="3") == (
        "the environment has AGENT_LSP_MAXSTEPS, which is not a setting. Did you mean AGENT_LSP_MAX_STEPS?"
    )
    assert (
        refusal(file, flags={"modle": "x"})
        == "the command line has 'modle', which is not a setting. Did you mean model?"
    )
    assert "Settings are: allow, apiKey, apiKeyCommand, approvalTimeoutSeconds" in refusal(file, "zzzz = 3")


def test_bad_values_are_named_with_what_they_should_be(file: Path) -> None:
    assert refusal(file, "maxSteps = 0") == ("'maxSteps' in the user's file is 0, but should be: at least 1")
    assert refusal(file, AGENT_LSP_PRESET="yolo") == (
        "AGENT_LSP_PRESET is 'yolo', but should be: plan, confirm, edits, auto"
    )
    assert refusal(file, flags={"maxCost": "much"}).startswith("'maxCost' in the command line is 'much', but")
    assert "'maxCost' in the user's file is nan" in refusal(file, "maxCost = nan")
    for name in ("maxSteps", "maxCost"):
        assert refusal(file, f"{name} = true") == f"'{name}' in the user's file is True, but should be: a number"
    assert refusal(file, 'sandboxImage = ""') == "'sandboxImage' in the user's file is '', but should be: not empty"


def test_the_state_folder_may_lie_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert state_dir(DEFAULTS.model_copy(update={"state_dir": "~/state"})) == tmp_path / "state"
    assert state_dir(DEFAULTS.model_copy(update={"state_dir": str(tmp_path / "~x")})) == tmp_path / "~x"


def test_a_key_is_never_shown(file: Path) -> None:
    assert "12345" not in refusal(file, "apiKey = 12345")
    settings = loaded(file, AGENT_LSP_API_KEY="sk-12345").settings
    assert "12345" not in repr(settings)
    assert (secret(settings.api_key), secret(None)) == ("sk-12345", "")


@pytest.mark.parametrize("text", ["maxSteps = ", "[agent", "\x00"])
def test_a_file_that_is_no_toml_is_named(file: Path, text: str) -> None:
    assert refusal(file, text).startswith(f"{file} cannot be read: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"model = 'caf\xe9'")
    for file in (tmp_path, tmp_path / "latin"):
        with pytest.raises(SettingsError, match=f"{file} cannot be read: "):
            load({}, file=file)


def test_empty_and_foreign_variables_are_left_alone(file: Path) -> None:
    found = loaded(file, AGENT_LSP_MODEL="", AGENT_LSP_PROCESS="1.1", OPENAI_API_KEY="k", PATH="/bin")

    assert found == Loaded(DEFAULTS)


def test_the_users_own_prices_are_a_table_in_the_file_and_json_in_the_environment(file: Path) -> None:
    row = {"input": 1.5, "output": 6, "cacheRead": 0.1, "contextWindow": 32_000}
    table = loaded(file, '[prices."my/model"]\n' + "".join(f"{name} = {value}\n" for name, value in row.items()))

    assert table.settings.prices == {"my/model": OwnPrice.model_validate(row)}
    assert loaded(file, AGENT_LSP_PRICES=json.dumps({"my/model": row})) == table


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[prices."m"]\ninput = 1', "m.output: there, and is missing"),
        ('[prices."m"]\ninput = 1\noutput = -2', "m.output: at least 0"),
        ('[prices."m"]\ninput = inf\noutput = 2', "m.input: at most 1,000,000"),
        ('[prices."m"]\ninput = 1\noutput = nan', "m.output: at most 1,000,000"),
        (
            '[prices."m"]\ninput = 1\noutput = 1\ncacheRead = inf',
            "m.cacheRead: at most 1,000,000",
        ),
        ('[prices."m"]\ninput = 1\noutput = 2\ncache_read = 1', "m.cache_read: left out, for there is no such name"),
    ],
)
def test_a_mistake_in_the_price_table_is_named_with_its_place(file: Path, text: str, words: str) -> None:
    assert refusal(file, text).endswith(f"but should be: {words}")


def test_a_price_table_that_is_no_json_is_refused(file: Path) -> None:
    assert "AGENT_LSP_PRICES is '{', which cannot be used" in refusal(file, AGENT_LSP_PRICES="{")


def test_addresses_are_a_list_in_the_file_and_words_in_the_environment(file: Path) -> None:
    both = ("http://a.example/v1", "http://b.example/v1")

    assert loaded(file, f"localServers = {list(both)}").settings.local_servers == both
    assert loaded(file, AGENT_LSP_LOCAL_SERVERS=", ".join(both)).settings.local_servers == both
    assert loaded(file, AGENT_LSP_LOCAL_SERVERS=json.dumps(both)).settings.local_servers == both
    assert loaded(file, AGENT_LSP_LOCAL_SERVERS="[]").settings.local_servers == ()
    assert loaded(file, "localServers = []").settings.local_servers == ()


def test_the_users_patience_with_a_provider_is_theirs_to_set(file: Path) -> None:
    text = "connectTimeoutSeconds = 1\nfirstTokenTimeoutSeconds = 2\ntokenTimeoutSeconds = 3"

    assert (load({}, file=file).settings.patience, loaded(file, text).settings.patience) == (
        Patience(connect=10, first=300, between=120),
        Patience(connect=1, first=2, between=3),
    )


def test_rules_that_tighten_add_up_over_all_sources_and_the_editor_may_add_them(file: Path) -> None:
    text = 'deny = ["run_command(git push)"]\nask = ["web_fetch"]\nallow = ["run_command(npm *)"]'
    editor = {"deny": ["delete_file"], "ask": ["edit_file(a)"], "allow": ["run_command"]}
    found = loaded(file, text, editor=editor, AGENT_LSP_DENY='["move_file", "delete_file"]')

    assert found.settings.rules == Rules(
        deny=tuple(map(parsed, ("run_command(git push)", "move_file", "delete_file"))),
        ask=tuple(map(parsed, ("web_fetch", "edit_file(a)"))),
        allow=(parsed("run_command(npm *)"),),
    )
    assert found.ignored == (
        f"the editor's 'allow' is ignored: only the user may set it; set it in {user_file()} or as AGENT_LSP_ALLOW",
    )


def test_a_rule_that_is_none_is_told_with_its_place(file: Path) -> None:
    assert refusal(file, 'deny = ["run_command("]') == (
        "'deny' in the user's file is ['run_command('], which cannot be used: no rule: 'run_command(';"
        " write a tool's name, or a name and a pattern: run_command(npm test)"
    )
    assert loaded(file, editor={"deny": ["("]}).settings == DEFAULTS


@pytest.mark.parametrize("name", ["deny", "ask", "allow"])
def test_a_rule_for_a_tool_that_there_is_not_is_told_with_the_nearest_name(file: Path, name: str) -> None:
    assert refusal(file, f'{name} = ["run_comand(npm test)"]') == (
        f"'{name}' in the user's file is ['run_comand(npm test)'], which cannot be used: no tool 'run_comand':"
        " did you mean run_command?"
    )
    assert "no tool 'Bash': tools are: read_file, list_files" in refusal(file, f'{name} = ["Bash(ls)"]')
    assert loaded(file, f'{name} = ["*_file(a)", "*"]') != Loaded(DEFAULTS)


def test_a_wrong_rule_of_a_project_or_an_editor_leaves_its_neighbours_in_force(file: Path) -> None:
    data = b'deny = ["run_command(rm *)", "run_comand(x)", "delete_file"]'
    found = load({}, file=file, projects={"/w/.agent/config.toml": data}, editor={"ask": ["(", "edit_file"]})

    assert found.settings.deny == ("run_command(rm *)", "delete_file")
    assert found.settings.ask == ("edit_file",)
    assert len(found.ignored) == 2


def test_a_list_that_is_none_is_told_in_words(file: Path) -> None:
    assert "write a list: [" in refusal(file, 'deny = "x"')
    assert refusal(file, "deny = [3]").endswith('but should be: 0: a text, as "…"')
    assert refusal(file, AGENT_LSP_DENY='"edit_file"').endswith('but should be: a list, as ["…", "…"]')


def test_the_names_for_rules_are_those_of_the_tools(file: Path) -> None:
    assert set(NAMES) == {tool.name for tool in TOOLS} | {"model_server"}


@pytest.mark.parametrize("name", ["webAllow", "webDeny"])
@pytest.mark.parametrize("text", ["https://evil.example", "evil.example?q", "a b", "", "evil.*", "/path"])
def test_a_rule_for_the_web_that_could_cover_nothing_is_told(file: Path, name: str, text: str) -> None:
    assert f"'{name}' in the user's file is [{text!r}], which cannot be used: no host" in refusal(
        file, f'{name} = ["{text}"]'
    )


def test_rules_for_the_web_are_hosts_and_paths(file: Path) -> None:
    rules = (
        "a.example",
        "*.b.example",
        "c.example:8443/x/y%20z",
        "localhost",
        "127.0.0.1:8000/a",
        "[::1]:80/b",
        "b\u00fccher.example",
    )

    assert loaded(file, f"webDeny = {json.dumps(rules)}").settings.web_deny == rules
    assert loaded(file, AGENT_LSP_WEB_DENY="[::1]:80/b, a.example").settings.web_deny == ("[::1]:80/b", "a.example")
    assert loaded(file, editor={"webDeny": ["https://no", "a.example"]}).settings.web_deny == ("a.example",)
