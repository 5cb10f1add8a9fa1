"""Server-sent events, cut anywhere."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.models import BadResponse
from agent_lsp.models.wire.sse import SseDecoder


def decoded(*pieces: bytes) -> list[str]:
    decoder = SseDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.end()


@given(
    st.lists(st.text(alphabet='aé日🎉: {}"').filter(bool), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_events_come_out_whole_wherever_the_bytes_are_cut(events: list[str], end: str, cuts: list[int]) -> None:
    stream = "".join(f": ping{end}event: x{end}data: {event}{end}{end}" for event in events).encode()
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})

    assert decoded(*(stream[a:b] for a, b in pairwise(places))) == events


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_given_out_as_soon_as_its_empty_line_is_there(end: bytes) -> None:
    assert SseDecoder().feed(b"data: a" + end + end) == ["a"]


def test_several_data_lines_are_one_event() -> None:
    assert decoded(b"data: a\ndata:b\ndata\ndata:  c\n\n") == ["a\nb\n c"]


def test_the_end_of_the_stream_completes_the_last_event() -> None:
    assert decoded(b"data: a\n\ndata: b") == ["a", "b"]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(BadResponse, match="a line of more than 32 MB"):
        decoded(*[b"x" * (1 << 20)] * 40)


def test_a_long_line_in_many_pieces_takes_no_square_of_time() -> None:
    decoder, begun = SseDecoder(), time.process_time()
    for _ in range(4_000):
        decoder.feed(b"x" * 4096)

    assert time.process_time() - begun < 2


def test_an_event_without_end_is_refused() -> None:
    decoder, line = SseDecoder(), b"data: " + b"x" * ((1 << 20) - 1) + b"\n"
    assert [decoder.feed(line) for _ in range(32)] == [[]] * 32
    with pytest.raises(BadResponse, match="an event of more than 32 MB"):
        decoder.feed(line)


def test_events_that_are_large_together_are_taken() -> None:
    decoder, one = SseDecoder(), b"data: " + b"x" * (1 << 20) + b"\n\n"
    assert sum(len(decoder.feed(one)) for _ in range(40)) == 40
