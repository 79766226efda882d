"""The fold and the value that it ends in."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb.errors import IncompleteReply
from xiantong_nb.events import (
    Answered,
    BlockStop,
    Citation,
    Finished,
    OpaqueBlock,
    Signature,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    Usage,
    UsageUpdate,
    Waiting,
)
from xiantong_nb.reply import Fold, Reply
from xiantong_nb.request import Opaque, Redacted, Text, Thinking, ToolUse


def folded(*events) -> Reply:
    fold = Fold()
    for event in events:
        fold.add(event)
    return fold.reply()


def test_overlapping_blocks_are_kept_apart_by_index():
    reply = folded(
        ThinkingDelta(0, "hm"), TextDelta(1, "a"), ThinkingDelta(0, "m"), TextDelta(1, "b"), Signature(0, "S"),
        BlockStop(0), BlockStop(1), Finished(complete=True, stop_reason="end_turn"),
    )  # fmt: skip
    assert reply.blocks == (Thinking("hmm", "S"), Text("ab"))
    assert (reply.text, reply.thinking, reply.complete, reply.stop_reason) == ("ab", "hmm", True, "end_turn")


def test_blocks_of_several_kinds_under_one_index_do_not_mix():
    reply = folded(TextDelta(0, "a"), ToolDelta(0, "i", "f"), ToolDelta(0, arguments="{}"), TextDelta(0, "b"))
    assert reply.blocks == (Text("ab"), ToolUse("i", "f", "{}"))


def test_every_event_has_its_place():
    reply = folded(
        Answered("req"), Started("m", "id"), Signature(0, "R", redacted=True), OpaqueBlock(1, "k", "{}"),
        ToolDelta(1, arguments='{"the input": "of the block before"}'), ToolDelta(2, "i", "f"),
        Citation(3, {"url": "u"}), UsageUpdate(Usage(1, 2)), UsageUpdate(Usage(output_tokens=5)),
        Finished(complete=True, stop_sequence="END", detail="why", ignored=3),
    )  # fmt: skip
    assert reply.blocks == (Redacted("R"), Opaque("k", "{}"), ToolUse("i", "f", "{}"))
    assert reply.tool_calls == (ToolUse("i", "f", "{}"),)
    assert (reply.request_id, reply.model, reply.message_id) == ("req", "m", "id")
    assert reply.usage == Usage(1, 5)
    assert (reply.stop_sequence, reply.stop_detail, reply.ignored_events) == ("END", "why", 3)
    assert reply.citations == ({"url": "u"},)


def test_a_new_attempt_begins_afresh():
    reply = folded(
        Started("m", "first"), Signature(0, "old"), UsageUpdate(Usage(9, 9)), Waiting(0.5, "busy", 1),
        Started("m", "second"), Signature(0, "new"), UsageUpdate(Usage(input_tokens=1)),
    )  # fmt: skip
    assert reply.blocks == (Thinking("", "new"),)
    assert (reply.usage, reply.message_id) == (Usage(input_tokens=1), "second")


def test_the_first_end_counts_and_nothing_after_it():
    reply = folded(TextDelta(0, "a"), Finished(complete=True), TextDelta(0, "b"), Finished(complete=False))
    assert (reply.text, reply.complete) == ("a", True)


def test_without_an_end_a_reply_is_incomplete():
    assert folded(TextDelta(0, "a")).complete is False
    cut = folded(TextDelta(0, "a"), Finished(complete=False, error=IncompleteReply("It was cut.")))
    assert (cut.complete, cut.ended) == (False, "It was cut.")


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=4)), max_size=20))
def test_the_sizes_of_deltas_leave_no_trace(pieces):
    joined: dict[int, str] = {}
    for index, piece in pieces:
        joined[index] = joined.get(index, "") + piece
    by_letter = [TextDelta(i, letter) for i, piece in pieces for letter in (piece or [""])]
    assert folded(*by_letter) == folded(*(TextDelta(i, t) for i, t in joined.items()))


def test_a_reply_can_not_be_changed_and_can_be_kept_anywhere():
    reply = folded(TextDelta(0, "a"), UsageUpdate(Usage(1, 2)), Citation(0, {"url": "u"}), Finished(complete=True))
    with pytest.raises(dataclasses.FrozenInstanceError):
        reply.complete = False
    assert pickle.loads(pickle.dumps(reply)) == reply
    assert {reply: 1}[reply] == 1


FENCED = [
    ("```python\nx = 1\n```", [("python", "x = 1\n")]),
    ("a\n\n```\nx\n```\nb\n~~~sh\ny\n~~~\n", [("", "x\n"), ("sh", "y\n")]),
    ("````md\n```py\nx\n```\n````", [("md", "```py\nx\n```\n")]),
    ("```py title=a\nx", [("py", "x")]),
    ("```\nx\n~~~\n```", [("", "x\n~~~\n")]),
    ("- item\n\n  ```py\n  if x:\n      y\n  ```\n", [("py", "if x:\n    y\n")]),
    ("```py\n    indented = True\n```", [("py", "    indented = True\n")]),
    ("```py\r\nx\r\n```\r\n", [("py", "x\r\n")]),
    ("inline ```x``` and `y`", []),
    ("```not `a` fence\nx\n```", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "blocks"), FENCED)
def test_code_blocks(text, blocks):
    reply = Reply(blocks=(Text(text),))
    assert list(reply.code_blocks) == blocks
    assert reply.code == (blocks[0][1] if blocks else "")


@pytest.mark.parametrize(
    "text", ["`" * 300_000, "```\n" * 30_000 + "x", " " * 300_000 + "`", "```" + " " * 300_000, "~" * 9 + "`" * 300_000]
)
def test_hostile_text_is_searched_for_code_in_no_time(text):
    """A search that goes back over itself would take hours here: the suite's own time-out is the guard."""
    assert isinstance(Reply(blocks=(Text(text),)).code_blocks, tuple)


def test_repr_is_one_short_printable_line():
    reply = Reply(
        blocks=(Text("word \x1b[31m" * 100_000),), connection="demo", model="m\x1b]0;x\x07\n", ended="a\nb\x9b"
    )
    assert repr(reply).isprintable()
    assert len(repr(reply)) < 250
    assert "incomplete: a b" in repr(reply)
    assert "javascript://" not in repr([Reply(blocks=(Text("javascript://%0aalert(1)"),))])
    assert "incomplete" not in repr(Reply(complete=True))
