"""The real llama.cpp server of the bundled model, as the probes find it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent_lsp.conformance import ProbeVerdict, Tolerance
from agent_lsp.conformance.listing import listed_models, only_model
from agent_lsp.conformance.probes import judged
from agent_lsp.conformance.recording import Connection
from agent_lsp.conformance.trials import Purse, planned, tried
from agent_lsp.models.bundled.llama_server import LlamaServer
from agent_lsp.models.pricing import Price
from agent_lsp.models.wire.http import Endpoint
from agent_lsp.processes.run import Processes
from tests.models.test_llama_wires import forwarded
from tests.models.wires import RESPONSES

WINDOW = 2_048
OF_TOOLS = {"call", "demanded call", "parallel", "result"}
"""So small a model calls none, at length."""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("one_core")
async def test_llama_cpp_is_found_to_call_a_cut_answer_complete(model_file: Path, tmp_path: Path) -> None:
    server = LlamaServer(model_file, tmp_path, WINDOW, Processes())
    try:
        _ = [event async for event in server.events({"messages": [{"role": "user", "content": "a"}], "max_tokens": 1})]
        assert server.running
        async with forwarded(server.running.socket) as url:
            endpoint = Endpoint(f"{url}/v1", {"authorization": f"Bearer {server.running.key}"})
            name = only_model(await listed_models(RESPONSES.wire, endpoint), endpoint.host)
            purse = Purse(Price(name, free=True), 0.0)
            plan = planned(RESPONSES.wire, purse, WINDOW)
            plan = replace(plan, trials=tuple(trial for trial in plan.trials if trial.name not in OF_TOOLS))
            record = await tried(plan, Connection(RESPONSES.wire, endpoint, name), purse)
            record.skipped.update(dict.fromkeys(OF_TOOLS, "so small a model"))
    finally:
        await server.close()

    found = {one.probe: one.judgement for one in judged(RESPONSES.wire.protocol, record)}
    assert {probe: one.verdict for probe, one in found.items() if one.verdict is not ProbeVerdict.OK} == {
        **dict.fromkeys(("tool call", "arguments", "parallel calls", "tool result"), ProbeVerdict.UNKNOWN),
        "thinking": ProbeVerdict.NOT_APPLICABLE,
        "unknown model": ProbeVerdict.NOT_APPLICABLE,
        "output limit": ProbeVerdict.CARRIED,
    }
    assert found["output limit"].tolerance is Tolerance.LIMIT_BY_COUNT
    assert "exceeds the available context size" in found["overflow"].evidence
