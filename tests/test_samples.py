"""Golden streams of both wires: recorded from llama.cpp, llmock and aimock, or made from the documented shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decoding import CHAT, MESSAGES, PLACE, decoded, described
from xiantong_nb.reply import Fold
from xiantong_nb.sse import Parser
from xiantong_nb.wires import WIRES

SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.sse"))
WHOLE = [s for s in SAMPLES if json.loads(s.with_suffix(".json").read_text("utf-8"))["complete"]]


def wire_of(sample):
    return CHAT if sample.stem.startswith("chat-") else MESSAGES


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.stem)
def test_a_sample_means_what_its_description_says(sample):
    wanted = json.loads(sample.with_suffix(".json").read_text("utf-8"))
    assert described(*decoded(wire_of(sample), sample.read_bytes()), wanted) == wanted


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.stem)
def test_one_byte_at_a_time_means_the_same(sample):
    data = sample.read_bytes()
    assert decoded(wire_of(sample), *(bytes([b]) for b in data))[0] == decoded(wire_of(sample), data)[0]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_chunks_mean_the_same(data):
    """H3: cuts inside characters, line ends and events leave no trace."""
    sample = data.draw(st.sampled_from(SAMPLES))
    stream = sample.read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=40)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decoded(wire_of(sample), *chunks)[0] == decoded(wire_of(sample), stream)[0]


@pytest.mark.parametrize("sample", WHOLE, ids=lambda s: s.stem)
def test_a_stream_cut_after_any_byte_is_complete_only_after_its_end(sample):
    """H2 at the decoder: `message_stop` makes a reply complete, or a reason to finish on the other wire."""
    stream, wire = sample.read_bytes(), wire_of(sample)
    full = decoded(wire, stream)[0].text
    parser, decoder, fold, complete_from = Parser(), WIRES[wire].decoder(PLACE), Fold(), None
    for at, byte in enumerate(stream):
        for sent in parser.feed(bytes([byte])):
            for event in decoder.feed(sent):
                fold.add(event)
        ended = decoder.end()
        assert ended.complete is decoder.told_all
        assert (ended.error is None) is ended.complete
        if complete_from is None and ended.complete:
            complete_from = at + 1
            assert fold.reply().text == full
        assert full.startswith(fold.reply().text) or "out-of-order" in sample.stem
    assert complete_from is not None
    last = stream[:complete_from].rstrip().splitlines()[-1]
    assert b'"message_stop"' in last if wire == MESSAGES else b'"finish_reason"' in last
    assert b'"finish_reason":null' not in last.replace(b" ", b"")
