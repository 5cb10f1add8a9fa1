"""What all trials of an endpoint brought, as the probes look at it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agent_lsp.conformance import Tolerance
from agent_lsp.conformance.facts import Facts, facts_of
from agent_lsp.conformance.recording import Exchange
from agent_lsp.conformance.trials import TrialRecord
from agent_lsp.conversation.messages import Thinking
from agent_lsp.models.wire import anthropic, openai_responses


@dataclass(frozen=True, slots=True)
class Observations:
    """Exchanges by the name of their trial; `promptly` is in seconds."""

    protocol: str
    record: TrialRecord
    promptly: float

    def __getitem__(self, name: str) -> Exchange:
        return self.record.exchanges[name]

    def get(self, name: str) -> Exchange | None:
        return self.record.exchanges.get(name)

    def facts(self, name: str) -> Facts:
        return facts_of(self.protocol, self[name])

    def more_cached_than_read(self, name: str) -> bool:
        """Whether cached tokens are not part of the input tokens, where the protocol says that they are."""
        given = self.facts(name).input_tokens
        apart = self.protocol == anthropic.WIRE.protocol
        return not apart and given is not None and self[name].usage.cache_read_tokens > given

    def thought_tolerance(self, thoughts: Sequence[Thinking]) -> Tolerance | None:
        """What carries thoughts that lack the seal which their protocol puts on them."""
        raws = [raw for thought in thoughts if thought.raw and isinstance(raw := json.loads(thought.raw), dict)]
        if self.protocol == anthropic.WIRE.protocol:
            unsigned = any(raw.get("type") == "thinking" and not raw.get("signature") for raw in raws)
            return Tolerance.THOUGHT_AS_IT_CAME if unsigned else None
        if self.protocol == openai_responses.WIRE.protocol:
            sealed = all(raw.get("encrypted_content") or raw.get("content") for raw in raws)
            return None if raws and sealed else Tolerance.THOUGHT_LEFT_OUT
        return None
