"""Server-sent events: WHATWG HTML 9.2, and what streams met in the wild add to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb import sse
from xiantong_nb.errors import BadReply
from xiantong_nb.sse import Parser


def parse(*chunks: bytes) -> list[bytes]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


# the examples of 9.2.6, in order; what `id` and `retry` do is left out, since nothing here reconnects
SPEC = [
    (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
    (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        [b"first event", b"second event", b" third event"],
    ),
    (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
    (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
    (b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", [b"73857293", b"2153"]),
]  # fmt: skip

ODD = [
    pytest.param(b"\xef\xbb\xbfdata: a\n\n", [b"a"], id="BOM first"),
    pytest.param(b"data: a\r\rdata: b\r\r", [b"a", b"b"], id="CR only"),
    pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"], id="CRLF"),
    pytest.param(b"data: a\rdata: b\n\n", [b"a\nb"], id="CR and LF mixed"),
    pytest.param(b"data: a\n", [], id="no blank line, no event"),
    pytest.param(b": one\n\n: two\n\n", [], id="comments only"),
    pytest.param(b"event: x\n\ndata: a\n\n", [b"a"], id="a name without data is forgotten"),
    pytest.param(b"nonsense\nfield: 1\ndata: a\n\n", [b"a"], id="unknown fields"),
    pytest.param("data: \u2028\u0085 é\n\n".encode(), ["\u2028\u0085 é".encode()], id="no other line ends"),
    pytest.param(b"data: \xff\xfe\n\n", [b"\xff\xfe"], id="invalid UTF-8 is passed on"),
]


@pytest.mark.parametrize(("stream", "events"), SPEC)
def test_examples_of_the_specification(stream, events):
    assert parse(stream) == events


@pytest.mark.parametrize(("stream", "events"), ODD)
def test_streams_met_in_the_wild(stream, events):
    assert parse(stream) == events


@pytest.mark.parametrize("stream", [s for s, _ in SPEC] + [p.values[0] for p in ODD])
def test_one_byte_at_a_time_says_the_same(stream):
    assert parse(*(bytes([b]) for b in stream)) == parse(stream)


@given(
    st.lists(st.sampled_from([b"data: a", b"event: x", b":", b"\n", b"\r", b"\r\n", b"data", "é仙".encode(), b"\xef"])),
    st.data(),
)
def test_any_split_says_the_same(pieces, data):
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert parse(*chunks) == parse(stream)


@pytest.mark.parametrize("split", [1, 1000, None])
def test_a_line_without_end_is_refused_at_the_limit(split, monkeypatch):
    monkeypatch.setattr(sse, "MAX_LINE", 10_000)
    stream = b"data: " + b"x" * 20_000
    parser = Parser()
    with pytest.raises(BadReply, match="more than"):
        for at in range(0, len(stream), split or len(stream)):
            parser.feed(stream[at : at + (split or len(stream))])


def test_an_event_of_endless_lines_is_refused_at_the_limit(monkeypatch):
    monkeypatch.setattr(sse, "MAX_EVENT", 10_000)
    parser = Parser()
    with pytest.raises(BadReply):
        for _ in range(20):
            parser.feed(b"data: " + b"x" * 1000 + b"\n")
