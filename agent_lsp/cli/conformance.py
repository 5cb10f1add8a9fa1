"""`agent-lsp conformance`: what an endpoint does wrong, and which of our tolerances carries it."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from agent_lsp import NAME
from agent_lsp.app.model_selection import access, surroundings
from agent_lsp.app.state_files import data_dir
from agent_lsp.conformance import Finding, ProbeVerdict
from agent_lsp.conformance.listing import is_local, listed_models, only_model
from agent_lsp.conformance.probes import judged
from agent_lsp.conformance.recording import Connection
from agent_lsp.conformance.trials import Purse, TrialPlan, planned, tried
from agent_lsp.models import BadRequest, ModelError, NoModel
from agent_lsp.models.model_factory import VENDORS, Access, endpoint_of, fetched_key, priced
from agent_lsp.models.pricing import Price, listed_window
from agent_lsp.settings.loading import load
from agent_lsp.settings.settings import Settings, SettingsError
from agent_lsp.text.visible import visible

_WIDTH = 80
_INDENT = 25
_MOST_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class ConformanceOptions:
    """What the command line asks for; `max_cost` in USD."""

    base_url: str
    protocol: str
    model: str | None
    max_cost: float
    as_json: bool


@dataclass(frozen=True, slots=True)
class _Case:
    """An endpoint, what is going to be asked of it, and from which purse."""

    line: Connection
    plan: TrialPlan
    purse: Purse

    @property
    def name(self) -> str:
        return f"{self.line.wire.protocol}:{self.line.model}"


def conformance(environment: Mapping[str, str], order: ConformanceOptions) -> int:
    """Prints what is going to be asked, then what was found; 0 where nothing is wrong, 1 where something is, else 2."""
    try:
        return asyncio.run(_run(load(environment).settings, environment, order))
    except (SettingsError, NoModel, BadRequest) as error:
        print(f"{NAME}: {visible(str(error))}", file=sys.stderr)
        return 2
    except ModelError as error:
        print(f"{NAME}: {visible(str(error))}", file=sys.stderr)
        return 1


async def _run(settings: Settings, environment: Mapping[str, str], order: ConformanceOptions) -> int:
    case = await _case(settings, environment, order)
    print("\n".join(_announced(case)), file=sys.stderr if order.as_json else sys.stdout, flush=True)
    record = await tried(case.plan, case.line, case.purse, announce=_announce)
    findings = judged(order.protocol, record)
    print(_json(case, findings) if order.as_json else "\n".join(_table(case, findings)))
    return int(any(finding.judgement.verdict is ProbeVerdict.WRONG for finding in findings))


async def _case(settings: Settings, environment: Mapping[str, str], order: ConformanceOptions) -> _Case:
    vendor = VENDORS[order.protocol]
    have = replace(access(settings, environment, data_dir()), base_url=order.base_url)
    if fetch := fetched_key(have, surroundings(settings, environment)):
        have = replace(have, key=await fetch())
    endpoint = endpoint_of(vendor, have)
    models = await listed_models(vendor.wire, endpoint)
    model = order.model or only_model(models, endpoint.host)
    told = next((one.window for one in models if one.name == model), None)
    price = _price(f"{order.protocol}:{model}", have, endpoint.host)
    window = settings.context_window or price.own_window or told or listed_window(model)
    most = min(order.max_cost, settings.max_cost, settings.max_cost_per_day)
    purse = Purse(price, most)
    return _Case(Connection(vendor.wire, endpoint, model), planned(vendor.wire, purse, window), purse)


def _price(name: str, have: Access, host: str) -> Price:
    """As in the tables; what is in none and runs on the user's own network costs nothing."""
    price = priced(name, have)
    return Price(price.model, free=True) if is_local(host) and not Purse(price, 0.0).knows_the_price else price


def _announced(case: _Case) -> Iterator[str]:
    window = f"{case.plan.window:,} tokens" if case.plan.window else "not known"
    yield from _wrapped(f"{case.name} at {case.line.endpoint.base_url}, window {window}", _WIDTH)
    yield from _wrapped(f"at most {len(case.plan.trials)} requests, {case.plan.tokens:,} tokens, {_most(case)}", _WIDTH)


def _most(case: _Case) -> str:
    if case.purse.price.free:
        return "free: your own network, no price known"
    if not case.purse.knows_the_price:
        return "of unknown price"
    return f"${case.plan.usd:.4f}; --max-cost lets it have ${case.purse.most:.4f}"


def _announce(trial: str) -> None:
    if sys.stderr.isatty():
        print(f"  {trial} …", file=sys.stderr, flush=True)


def _table(case: _Case, findings: Sequence[Finding]) -> Iterator[str]:
    yield ""
    for finding in findings:
        yield from _rows(finding)
    yield ""
    counts = {verdict: sum(one.judgement.verdict is verdict for one in findings) for verdict in ProbeVerdict}
    yield ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    yield f"used: {case.purse.requests} requests, {case.purse.tokens:,} tokens, {_used(case)}"


def _rows(finding: Finding) -> Iterator[str]:
    judgement = finding.judgement
    first, *rest = _wrapped(judgement.evidence, _WIDTH - _INDENT)
    yield f"{finding.probe:<15} {judgement.verdict:<8} {first}"
    if judgement.tolerance:
        rest += _wrapped(f"carried: {judgement.tolerance}", _WIDTH - _INDENT)
    if judgement.notice:
        rest += _wrapped(f"you will notice: {judgement.notice}", _WIDTH - _INDENT)
    yield from (" " * _INDENT + line for line in rest)


def _wrapped(text: str, width: int) -> list[str]:
    """The text as it may be shown, in lines; much of it is the endpoint's own words."""
    shown = visible(text[: _MOST_CHARACTERS + 1])
    shown = shown if len(shown) <= _MOST_CHARACTERS else f"{shown[:_MOST_CHARACTERS]}…"
    return textwrap.wrap(shown, width) or [""]


def _used(case: _Case) -> str:
    if case.purse.price.free:
        return "free"
    return f"${case.purse.spent:.4f}" if case.purse.knows_the_price else "of unknown price"


def _json(case: _Case, findings: Sequence[Finding]) -> str:
    priced = case.purse.knows_the_price
    told = {
        "model": case.name,
        "baseUrl": case.line.endpoint.base_url,
        "contextWindow": case.plan.window,
        "planned": {
            "requests": len(case.plan.trials),
            "tokens": case.plan.tokens,
            "usd": case.plan.usd if priced else None,
        },
        "used": {
            "requests": case.purse.requests,
            "tokens": case.purse.tokens,
            "usd": case.purse.spent if priced else None,
        },
        "findings": [{"probe": one.probe, "asks": one.asks, **asdict(one.judgement)} for one in findings],
    }
    return json.dumps(told, indent=2)
