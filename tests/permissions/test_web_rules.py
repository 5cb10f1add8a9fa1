"""What webAllow and webDeny cover, and what a yes to a page or a search is worth."""

from __future__ import annotations

import pytest

from agent_lsp.conversation.actions import Action, Choice, Fetch, ToolKind, WebSearch
from agent_lsp.permissions import Preset, Ruling, Verdict
from agent_lsp.permissions.approval import detail, title
from agent_lsp.permissions.policy import Policy, PolicyConfig, session_rule
from agent_lsp.permissions.web_rules import WebRules


def fetch(url: str) -> Action:
    return Action("web_fetch", ToolKind.FETCH, f"Fetch {url}", Fetch(url))


def find(query: str, via: str = "html.duckduckgo.com") -> Action:
    return Action("web_search", ToolKind.FETCH, f"Search {query}", WebSearch(query, via, 8))


RULES = WebRules(["docs.python.org/3", "example.org", "*.docs.rs:8443/a/"], ["example.org/private", "*.evil.example"])


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://docs.python.org/3", "docs.python.org/3"),
        ("https://docs.python.org/3/library/", "docs.python.org/3"),
        ("https://docs.python.org/30", ""),
        ("https://docs.python.org/3/..;/admin", ""),
        ("https://docs.python.org/3/..%3b/admin", ""),
        ("https://docs.python.org/3//admin", ""),
        ("https://docs.python.org/3/a,b", "docs.python.org/3"),
        ("https://docs.python.org/", ""),
        ("https://docs.python.org/3/?leak=1", ""),
        ("http://docs.python.org/3/", ""),
        ("https://docs.python.org/3/..%2f2", ""),
        ("https://docs.python.org/3/%252e", ""),
        ("https://docs.python.org:8443/3", ""),
        ("https://evildocs.python.org/3", ""),
        ("https://docs.python.org.evil.example/3", ""),
        ("https://example.org/any", "example.org"),
        ("https://docs.rs:8443/a", ""),
        ("https://crates.docs.rs:8443/a/b", "*.docs.rs:8443/a/"),
    ],
)
def test_an_allowance_covers_what_lies_beneath_its_path(url: str, rule: str) -> None:
    assert RULES.allowed_by(url) == rule


@pytest.mark.parametrize(
    ("url", "denied"),
    [
        ("https://example.org/private", True),
        ("http://example.org:8080/private/x", True),
        ("https://example.org/PRIVATE/x", True),
        ("https://example.org/%70rivate/x", True),
        ("https://example.org/%2570rivate/x", True),
        ("https://example.org/privately", False),
        ("https://a.evil.example/", True),
        ("https://evil.example/", False),
    ],
)
def test_a_denial_is_read_widely(url: str, denied: bool) -> None:
    assert bool(RULES.denied(url)) is denied


@pytest.mark.parametrize("path", ["//private/x", "/private//x", "//private", "/%2fprivate"])
def test_slashes_that_servers_take_for_one_do_not_pass_a_denial(path: str) -> None:
    assert RULES.denied(f"https://example.org{path}")
    assert not RULES.denied("https://example.org//public/private")


def test_a_denied_address_is_refused_with_its_rule_whatever_is_allowed() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM, web=RULES))
    policy.remember(fetch("https://example.org/"), Choice.ALLOW_SESSION, policy.roots)

    verdict = policy.decide(fetch("https://example.org/private/x"))

    assert (verdict.ruling, verdict.reason) == (Ruling.DENY, "your rule webDeny 'example.org/private' is against it")
    assert policy.decide(fetch("https://example.org/x")).ruling is Ruling.ALLOW


def test_what_the_users_rule_covers_is_not_asked_for_and_the_rule_is_named() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM, web=RULES))

    verdict = policy.decide(fetch("https://docs.python.org/3/library/"))

    assert (verdict.ruling, verdict.reason) == (Ruling.ALLOW, "your rule webAllow 'docs.python.org/3' covers it")
    assert policy.decide(fetch("https://docs.python.org/2/")).ruling is Ruling.ASK


def test_a_yes_for_the_session_covers_the_site_but_no_query() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM))
    action = fetch("https://example.com/a?b=1")
    policy.remember(action, Choice.ALLOW_SESSION, policy.roots)

    asked = ("https://example.com/a?b=1", "https://example.com/c?d", "http://example.com/", "https://example.com:8443/")
    assert session_rule(action) == "web_fetch: any page of https://example.com whose address has no query (?…)"
    assert policy.decide(fetch("https://example.com/x")).ruling is Ruling.ALLOW
    assert [policy.decide(fetch(url)).ruling for url in asked] == [Ruling.ASK] * 4
    assert policy.decide(find("x")).ruling is Ruling.ASK


def test_a_yes_for_the_session_covers_the_search_engine() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM))
    policy.remember(find("a"), Choice.ALLOW_SESSION, policy.roots)

    assert session_rule(find("a")) == "web_search: any query to html.duckduckgo.com"
    assert policy.decide(find("b")).ruling is Ruling.ALLOW
    assert policy.decide(find("b", "searx.example")).ruling is Ruling.ASK


def test_in_plan_what_goes_out_is_asked_for() -> None:
    policy = Policy(PolicyConfig(Preset.PLAN))

    assert {policy.decide(action) for action in (fetch("https://a.example/"), find("x"))} == {
        Verdict(Ruling.ASK, "the preset 'plan' asks before anything goes out to the web", standing=True)
    }


def test_the_whole_address_and_the_whole_query_are_shown() -> None:
    url = "https://example.org/" + "a" * 1_500 + "?key=%E2%80%AE"
    assert title(fetch(url)) == f"web_fetch: {url}"
    assert detail(fetch(url)).text == f"ask example.org for the page at\n  {url}\n"
    assert title(find("a\u202eb")) == "web_search: ask html.duckduckgo.com for a\\u202eb"
    assert detail(find("a\u202eb")).text == (
        "ask the search engine at html.duckduckgo.com for at most 8 results to\n  a\\u202eb\n"
    )


def test_another_address_or_query_has_another_digest() -> None:
    actions = [fetch("https://a.example/"), fetch("https://a.example/b"), find("a"), find("b"), find("a", "b.example")]
    assert len({action.digest for action in actions}) == len(actions)
