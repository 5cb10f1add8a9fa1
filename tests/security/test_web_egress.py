"""Rows 20, 23, 41 and 69 of the published failures: who is reached over the network, and who is not.

Each test comes in a pair: the attack fails here and the good neighbour works. A naive client lets the attack through.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import urllib.request
from pathlib import Path

import httpx
import pytest

from agent_lsp.conversation.actions import Action, Fetch, ToolKind
from agent_lsp.permissions import Preset, Ruling
from agent_lsp.permissions.policy import Policy, PolicyConfig
from agent_lsp.permissions.web_rules import WebRules
from agent_lsp.web import WebRefused
from agent_lsp.web.address import Address, not_public
from agent_lsp.web.broker import Broker
from agent_lsp.web.location import canonical
from tests.web.server import LOOPBACK, Server, answer, certificate, names, only, redirect, serving

SECRET = b"the cloud's credentials"
INTERNAL = {"/latest/meta-data/": answer(SECRET)}


async def naive(url: str, verify: ssl.SSLContext | bool = True) -> bytes:
    """What many agents do."""
    async with httpx.AsyncClient(follow_redirects=True, verify=verify, trust_env=False) as client:
        return (await client.get(url)).content


class Agent:
    """Policy and broker as the daemon joins them, and a user who refuses every question."""

    def __init__(self, allow: list[str], broker: Broker) -> None:
        self.policy = Policy(PolicyConfig(Preset.CONFIRM, web=WebRules(allow)))
        self.broker, self.asked = broker, list[str]()

    async def fetch(self, url: str) -> bytes:
        action = Action("web_fetch", ToolKind.FETCH, "Fetch", Fetch(canonical(url)))
        if self.policy.decide(action).ruling is not Ruling.ALLOW:
            self.asked.append(url)
            return b""
        return (await self.broker.fetch(canonical(url))).body


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path, "docs.test", "localhost")


@pytest.mark.parametrize(
    "attack",
    [
        "/collect?data=what+was+read",
        "/collect/what-was-read",
        "/guide/..%2fcollect/x",
        "/guide/../collect/x",
        "/guidex",
    ],
)
async def test_row_20_an_allowed_part_of_a_host_is_no_way_out_through_the_rest_of_it(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], attack: str
) -> None:
    async with serving({"/guide/page": answer(b"good")}, tls[0]) as server:
        agent = Agent(
            [f"docs.test:{server.port}/guide"],
            Broker(refuses=only(LOOPBACK), resolve=names(docs="127.0.0.1"), trusted=tls[1]),
        )
        good = await agent.fetch(server.url("/guide/page", "docs.test", "https"))
        await agent.fetch(server.url(attack, "docs.test", "https"))
        await agent.fetch(server.url("/guide/page?data=what+was+read", "docs.test", "https"))

        assert good == b"good"
        assert len(agent.asked) == 2
        assert server.paths == ["/guide/page"]

        await naive(server.url(attack, "localhost", "https"), tls[1])  # as a rule for the whole host lets it
        assert len(server.paths) == 2


@pytest.mark.parametrize("between", ["\0", "%00", "\\@", "#@"])
async def test_row_23_a_host_that_two_programs_read_differently_is_reached_by_neither(between: str) -> None:
    async with serving(INTERNAL | {"/": answer(SECRET)}) as server:
        attack = f"http://127.0.0.1:{server.port}{between}.good.test/"
        denying = WebRules(deny=["127.0.0.1"])
        broker = Broker(denied=denying.denied, refuses=only(LOOPBACK), resolve=names(**{"sub.good": "127.0.0.1"}))
        with pytest.raises(WebRefused):
            await broker.fetch(attack)
        assert server.asked == []

        assert (await broker.fetch(server.url("/", "sub.good.test"))).body == SECRET

        assert attack.rstrip("/").endswith(
            ".good.test"
        )  # a test of the suffix, and a resolver that stops at the oddity
        cut = attack.partition(between)[0]
        assert await naive(f"{cut}/") == SECRET


async def test_row_41_a_file_is_no_page(tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_bytes(SECRET)
    async with serving({"/page": answer(b"good"), "/away": redirect(file.as_uri())}) as server:
        broker = Broker(refuses=only(LOOPBACK), resolve=names(site="127.0.0.1"))
        for attack in (file.as_uri(), f"FILE://localhost{file}", server.url("/away"), str(file)):
            with pytest.raises(WebRefused):
                await broker.fetch(attack)

        assert (await broker.fetch(server.url("/page"))).body == b"good"

    assert await asyncio.to_thread(_opened, file.as_uri()) == SECRET


def _opened(url: str) -> object:
    """As a client does that takes every address for a page."""
    with urllib.request.urlopen(url) as naively:
        return naively.read()


async def test_row_69_an_address_runs_nothing_here(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    command = f"$(touch${{IFS}}{mark})"
    async with serving({"/page": answer(b"good"), "/away": redirect(f"/{command}")}) as server:
        broker = Broker(refuses=only(LOOPBACK), resolve=names(site="127.0.0.1"))
        for attack in (f"a:{command}", f"http://{command}/", server.url(f"/{command}"), server.url("/away")):
            with pytest.raises(WebRefused):
                await broker.fetch(attack)

        assert (await broker.fetch(server.url("/page"))).body == b"good"
    assert not mark.exists()

    subprocess.run(["sh", "-c", f"true http://site.test/{command}"], check=True)
    assert mark.exists()


INWARD = {
    "directly": "{internal}",
    "by a redirect": "{server}/redirect",
    "by a redirect from the same name": "{server}/up",
    "by a name": "{named}",
    "as a number": "http://2130706433:{port}/latest/meta-data/",
    "in octal": "http://0177.0.0.1:{port}/latest/meta-data/",
    "in short": "http://127.1:{port}/latest/meta-data/",
    "in IPv6": "http://[::ffff:127.0.0.1]:{port}/latest/meta-data/",
    "in another script": "http://１２７.０.０.１:{port}/latest/meta-data/",
    "with a user": "http://site.test@127.0.0.1:{port}/latest/meta-data/",
}


@pytest.mark.parametrize("way", INWARD)
async def test_no_way_leads_to_what_is_not_public(way: str) -> None:
    """The public server of this test is 127.0.0.2; for all else the real rule for addresses holds."""
    async with serving(INTERNAL) as internal, serving({"/page": answer(b"good")}, host="127.0.0.2") as server:
        path = "/latest/meta-data/"
        server.says |= {
            "/redirect": redirect(internal.url(path, "127.0.0.1")),
            "/up": redirect(internal.url(path, "site.test")),
        }
        attack = INWARD[way].format(
            internal=internal.url(path, "127.0.0.1"),
            named=internal.url(path, "inner.test"),
            server=server.url("", "site.test"),
            port=internal.port,
        )
        with pytest.raises(WebRefused):
            await _broker().fetch(attack)
        assert internal.asked == []

        assert (await _broker().fetch(server.url("/page"))).body == b"good"

        naively = attack.replace("site.test@", "").replace("site.test", "127.0.0.2").replace("inner.test", "127.0.0.1")
        if way in {"directly", "by a redirect", "by a name", "in IPv6", "with a user"}:
            assert await naive(naively) == SECRET


def _broker() -> Broker:
    public = only(LOOPBACK + 1)
    return Broker(
        refuses=lambda address: not_public(address) if public(address) else "",
        resolve=names(site="127.0.0.2", inner="127.0.0.1"),
    )


async def test_a_name_that_changes_its_address_between_two_looks_is_looked_up_once() -> None:
    async with (
        serving(INTERNAL) as internal,
        serving({"/latest/meta-data/": answer(b"good")}, host="127.0.0.2") as server,
    ):
        looked: list[str] = []

        async def rebinding(host: str, _: int) -> tuple[Address, ...]:
            looked.append(host)
            return (LOOPBACK + 1,) if len(looked) == 1 else (LOOPBACK,)

        broker = Broker(refuses=only(LOOPBACK + 1), resolve=rebinding)
        page = await broker.fetch(server.url("/latest/meta-data/", "site.test"))
        with pytest.raises(WebRefused):  # the second fetch is a look of its own, and its address is judged again
            await broker.fetch(internal.url("/latest/meta-data/", "site.test"))

        assert (page.body, looked, internal.asked) == (b"good", ["site.test"] * 2, [])


async def test_no_cookie_or_password_goes_along_or_comes_back() -> None:
    said = {
        "/in": answer(b"", status="302 Found", Location="/page", Set_Cookie="id=1; Path=/"),
        "/page": answer(b"good"),
    }
    async with serving(said) as server:
        broker = Broker(refuses=only(LOOPBACK), resolve=names(site="127.0.0.1"))
        assert (await broker.fetch(server.url("/in"))).body == b"good"
        await broker.fetch(server.url("/page"))
        assert not _tells(server)

        assert await naive(server.url("/in", "127.0.0.1")) == b"good"
        assert _tells(server)


def _tells(server: Server) -> bool:
    return any("cookie:" in head.lower() or "authorization:" in head.lower() for head in server.asked)
