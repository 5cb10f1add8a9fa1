"""Messages of a conversation and the parts they are made of."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum

from agent_lsp.conversation.fences import fenced


class StopReason(StrEnum):
    """Why a turn ended (wire values of `stopReason`)."""

    END_TURN = "end_turn"
    MAX_TOKENS = "max_tokens"
    REFUSAL = "refusal"
    CANCELLED = "cancelled"
    BUDGET_SPENT = "budget_spent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used: tokens as the provider counted them, and calls and steps as we did.

    `input_tokens` are those neither read from nor written to a cache; `reasoning_tokens` are part of
    `output_tokens`.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    tool_calls: int = 0
    steps: int = 0

    def __add__(self, other: Usage) -> Usage:
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        return Usage(**sums)

    @property
    def tokens(self) -> int:
        """All tokens in and out, cached ones included."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Text:
    """Words for the reader. `raw` is JSON with what else their provider wants back with them, for their model only."""

    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought aloud before it answered.

    `raw` is the provider's own JSON of it (signatures, encrypted text), for the model that wrote it only.
    """

    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A request of the model. `arguments` is the JSON text exactly as the model wrote it.

    `raw` is JSON with what else its provider wants back with it, for the model that wrote it only.
    """

    id: str
    tool: str
    arguments: str
    raw: str = ""


class ResultStatus(StrEnum):
    """How a tool call ended."""

    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, `width` × `height` pixels; `base64` is the file's bytes as journal and providers write them."""

    media_type: str
    width: int
    height: int
    base64: str

    @property
    def size(self) -> int:
        """The file's bytes."""
        return len(self.base64.rstrip("=")) * 3 // 4


class Provenance(StrEnum):
    """Who may have written a text.

    OWN are the words of the daemon and the user. PROJECT is the user's own project: it orders nothing, and as much as
    the preset allows may be done after it was read. All others are untrusted. Of UNKNOWN nobody kept a record.
    """

    OWN = "own"
    PROJECT = "project"
    FOREIGN = "foreign"
    WEB = "web"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"

    @property
    def trusted(self) -> bool:
        return self in {Provenance.OWN, Provenance.PROJECT}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text comes from, and in words its `source`."""

    provenance: Provenance
    source: str = ""


OWN = Origin(Provenance.OWN)
"""What the daemon and the user say."""
UNKNOWN = Origin(Provenance.UNKNOWN, "a result whose origin was not kept")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told about one of its calls. `text` says what `images` are, for models that see none.

    `remark` is what daemon and user say to it. `mark` is the random word of its fence, empty where there is none.
    """

    call_id: str
    text: str
    status: ResultStatus = ResultStatus.DONE
    images: tuple[Image, ...] = ()
    origin: Origin = UNKNOWN
    remark: str = ""
    mark: str = ""

    @property
    def shown(self) -> str:
        """The text as people read it, with the remark."""
        return f"{self.text.rstrip()}\n{self.remark}" if self.remark and self.text else self.text + self.remark

    @property
    def fenced(self) -> str:
        """The text as providers get it: what others may have written stands between marks, so that it is no order."""
        if not self.mark or self.origin.provenance is Provenance.OWN:
            shown = self.text or ("" if self.remark else "(empty)")
        else:
            shown = fenced(self.text, source=self.origin.source or self.origin.provenance, mark=self.mark)
        return f"{shown}\n{self.remark}" if self.remark and shown else shown + self.remark

    def with_images(self, images: tuple[Image, ...], note: str) -> ToolResult:
        """The result with these of its images; where they are not all of them, `note` tells the model."""
        if len(images) == len(self.images):
            return self
        return replace(self, text=f"{self.text}\n{note}", images=images)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class UserMessage:
    """A prompt, or words that joined a running turn; `context` is what the editor showed with it."""

    text: str
    context: str = ""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class AssistantMessage:
    """One answer of a model, with what it used and why it stopped."""

    parts: tuple[Text | Thinking | ToolCall, ...]
    model: str
    usage: Usage = Usage()
    stop: StopReason = StopReason.END_TURN

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ToolMessage:
    """The results of one assistant message's calls, in the order of the calls."""

    results: tuple[ToolResult, ...]

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(image for result in self.results for image in result.images)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Notice:
    """What the workspace tells before a step: the user said none of it."""

    text: str

    @property
    def marked(self) -> str:
        """The text as providers, which know no such role, get it in a user's message."""
        return f"[The workspace, not the user: {self.text}]"


Message = UserMessage | AssistantMessage | ToolMessage | Notice
