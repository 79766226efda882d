"""The output that stays: Markdown and plain text without anything foreign that acts."""

from __future__ import annotations

import json

import pytest

from xiantong_nb import bundle, safe
from xiantong_nb.events import Usage
from xiantong_nb.reply import Reply
from xiantong_nb.request import Text, Thinking, ToolUse

PLAIN = {
    "blocks": (Text("Hello **you**"),), "complete": True, "model": "m", "connection": "c", "seconds": 1.234,
    "first_token_seconds": 0.5, "usage": Usage(1200, 30, cache_read_tokens=34), "stop_reason": "end_turn",
}  # fmt: skip


def reply(**also) -> Reply:
    return Reply(**PLAIN | also)


EVIL = "<img src=x onerror=alert(1)> [x](javascript:a) ![y](http://h/z) `c` $x$ | a"
EVIL += "\n\n# heading\n\n    code\n\x1b]0;t\x07\x9b2J"


def evil_reply() -> Reply:
    return reply(
        blocks=(Text("ok"), ToolUse("i", EVIL, EVIL)), model=EVIL, connection=EVIL, notes=(EVIL,), cost=0.5,
        cost_source=EVIL, stop_reason="refusal", stop_detail=EVIL, request_id=EVIL,
        citations=({"title": EVIL, "url": EVIL}, {"title": EVIL, "url": "https://a.example/x"}, {"url": "http://[bad/"},
                   {"title": 3, "url": ["x"]}),
    )  # fmt: skip


def test_a_plain_answer():
    data, metadata = bundle.bundle(reply())
    assert data["text/markdown"].split("\n\n")[0] == "Hello **you**"
    footer = "m · c · 1,234 tokens in, 30 out · price unknown · 1.23 s (first word 0.50 s)"
    assert data["text/plain"] == f"Hello **you**\n\n{footer}"
    assert data["text/markdown"].endswith("</sub>")
    assert metadata["xiantong"] == {
        "connection": "c", "model": "m", "parameters": {}, "cost": None, "complete": True, "stop_reason": "end_turn",
        "usage": {"input_tokens": 1200, "output_tokens": 30, "cache_read_tokens": 34}, "request_id": None,
        "timing": {"seconds": 1.234, "first_token_seconds": 0.5},
    }  # fmt: skip


def test_reasoning_is_folded_and_tools_and_sources_are_listed():
    made = reply(
        blocks=(Thinking("why", "s"), Text("so"), ToolUse("i", "get_weather", '{"city": "Paris"}')),
        citations=(
            {"title": "A", "url": "https://a.example/x"},
            {"title": "A", "url": "https://a.example/x"},
            {"document_title": "B"},
        ),
    )
    markdown, plain = bundle.markdown(made), bundle.plain(made)
    assert markdown.startswith("<details><summary>Thinking</summary>\n\nwhy\n\n</details>\n\nso\n\n")
    assert "<code>get&#95;weather</code>" in markdown
    assert markdown.count("- [A](https://a.example/x)") == 1
    assert "- B" in markdown
    assert "  | why" in plain
    assert '[tool call] get_weather {"city": "Paris"}' in plain
    assert "  A https://a.example/x\n  B" in plain


@pytest.mark.parametrize(
    ("also", "says"),
    [
        ({"complete": False, "ended": "the stream was cut"}, "incomplete: the stream was cut"),
        ({"complete": False}, "incomplete: the stream ended early"),
        ({"stop_reason": "max_tokens"}, "cut at --max-tokens"),
        ({"stop_reason": "model_context_window_exceeded"}, "context is full"),
        ({"stop_reason": "refusal", "stop_detail": "not this"}, "the model refused: not this"),
        ({"stop_reason": "pause_turn"}, "paused by the provider"),
    ],
)
def test_what_is_not_simply_finished_is_marked(also, says):
    for text in (bundle.markdown(reply(**also)), bundle.plain(reply(**also))):
        assert says in text.replace("&#58;", ":").replace("&#45;", "-")
    assert "[" not in bundle.plain(reply())


def test_foreign_strings_act_nowhere():
    markdown, plain = bundle.markdown(evil_reply()), bundle.plain(evil_reply())
    assert "<img" not in markdown
    assert "](javascript" not in markdown
    assert "![" not in markdown
    assert "\n#" not in markdown
    assert "\n    code" not in markdown
    for line in markdown.replace("\n", " "), plain.replace("\n", " "):
        assert line.isprintable()
    own = ("<sub>", "</sub>", "<code>", "</code>")
    bare = markdown
    for tag in own:
        bare = bare.replace(tag, "")
    assert "<" not in bare
    assert bare.count("](") == 1, "the one good link"
    assert "\n# " not in plain


def test_metadata_is_strict_json():
    json.dumps(bundle.metadata(evil_reply()), allow_nan=False)


def test_the_text_is_the_filtered_text():
    text = "a <b>x</b>\n\n```mermaid\nx\n```\n\n![i](http://h/p)"
    assert bundle.markdown(reply(blocks=(Text(text),))).startswith(safe.markdown(text).strip("\n"))


@pytest.mark.parametrize(
    ("cost", "source", "says"),
    [
        (None, "", "price unknown"),
        (0.0, "a toy, free", "a toy, free"),
        (0.012345, "list price", "$0.012 (list price)"),
        (0.00012345, "list price", "$0.00012 (list price)"),
        (12.0, "x", "$12.00 (x)"),
    ],
)
def test_money(cost, source, says):
    assert bundle.money(reply(cost=cost, cost_source=source)) == says


def test_unknown_tokens_are_not_guessed():
    assert "? tokens in, ? out" in bundle.footer(reply(usage=Usage()))


def test_entities_leave_ordinary_words_alone():
    assert bundle.entities("toy-1 · café 42%") == "toy-1 · café 42%"
    assert bundle.entities("a\n\n\tb") == "a b"
