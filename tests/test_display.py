"""What painters leave: JSON that any front end can be sent, and in a terminal what an answer has beside its text."""

from __future__ import annotations

import pytest
from jupyter_client.session import json_packer

from xiantong_nb.events import TextDelta
from xiantong_nb.notebook.display import TerminalPainter, as_json, final
from xiantong_nb.reply import Reply
from xiantong_nb.request import Text, Thinking, ToolUse


def reply(text: str, **also) -> Reply:
    return Reply(blocks=(Text(text),), complete=True, model="m", connection="c", stop_reason="end_turn", **also)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('{"a": [1, true, null, "x"]}', {"a": [1, True, None, "x"]}),
        ('```json\n["fenced"]\n```', ["fenced"]),
        ('{"a": "\\ud800", "b": "\\ud83d\\udc3c"}', {"a": "\ufffd", "b": "🐼"}),
        ('{"\\u001b]0;t\\u0007k": "<b> \\u202e\\u0000"}', {"k": "<b> ⟨U+202E⟩"}),
        ('{"a": NaN}', None),
        ('{"a": 1e999}', None),
        ("[" * 900 + "]" * 900, None),
        ("[" * 100_000, None),
        ("no JSON", None),
        ('"only text"', None),
    ],
)
def test_json_is_shown_as_far_as_it_can_be_sent(text, tree):
    data = as_json(reply(text))
    assert data.get("application/json") == tree
    assert all(character == "\n" or character.isprintable() for character in data["text/plain"])
    assert json_packer(data)


def test_what_is_no_json_says_so():
    assert as_json(reply("no JSON"))["text/plain"] == "no JSON\n\n[this answer is not JSON]"
    assert as_json(reply('"only text"'))["text/plain"] == '"only text"'


BESIDE = {
    "blocks": (Thinking("why", "s"), Text("so"), ToolUse("i", "get\x1b[31m", '{"city": "\x1b]0;t\x07"}')),
    "citations": ({"title": "A", "url": "https://a.example/x"},), "complete": True, "stop_reason": "refusal",
    "stop_detail": "not\x1b[2J this",
}  # fmt: skip


@pytest.mark.parametrize("form", ["md", "code", "text", "raw", "json"])
def test_a_terminal_is_told_of_tool_calls_sources_and_refusals(capsys, form):
    painter = TerminalPainter(form=form)
    painter.take([TextDelta(0, "so")])
    painter.finish(Reply(**BESIDE))
    told = capsys.readouterr().out
    assert "[the model refused: not this]" in told
    assert ("[tool call] get {" in told) == (form in ("md", "code"))
    assert ("A https://a.example/x" in told) == (form in ("md", "code"))
    assert "\x1b" not in told


@pytest.mark.parametrize("form", ["text", "raw"])
def test_the_plain_forms_obey_nothing(form):
    assert "\x1b" not in final(Reply(**BESIDE), form)[0]["text/plain"]
