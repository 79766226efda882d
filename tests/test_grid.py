"""A comparison as the output that stays: readable as HTML, Markdown and text, and inert as each."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.corpus import HOSTILE, TAGS, Audit, active
from tests.test_bundle import EVIL, evil_reply
from tests.test_comparison import BUSY, MADE, answer
from xiantong_nb import bundle, grid, safe
from xiantong_nb.comparison import Comparison, LaneResult
from xiantong_nb.errors import Busy, IncompleteReply
from xiantong_nb.reply import Reply
from xiantong_nb.request import Text, Thinking, ToolUse

# What the sanitizer of JupyterLab 4.6 lets through, of what is used here: these properties, with plain values.
LETS_THROUGH = re.compile(
    r"(?:display: grid|grid-template-columns: repeat\(auto-fit, minmax\(\d+px, 1fr\)\)|gap: \d+px|min-width: 0"
    r"|padding: \d+px \d+px|margin: 0 0 1em|border: 1px solid rgba\(\d+, \d+, \d+, 0\.\d\)|overflow-wrap: break-word"
    r"|overflow-x: auto|font-size: \d+%|opacity: 0\.\d|background-color: rgba\(\d+, \d+, \d+, 0\.\d+\))(?:; |\Z)"
)
STYLES = rf"(?:{LETS_THROUGH.pattern})+"


def audited(html: str) -> Audit:
    audit = Audit(TAGS | {"details", "summary"}, STYLES)
    audit.feed(html)
    audit.close()
    return audit


def one(reply: Reply, error=None) -> Comparison:
    return Comparison("hi", (LaneResult("a:m", (), reply, error), LaneResult("b:m", (), answer("other"))))


def test_every_lane_is_a_section_with_its_figures():
    html, markdown, plain = grid.html(MADE), grid.markdown(MADE), grid.plain(MADE)
    for text in (re.sub("<[^>]+>", "", html), re.sub("<[^>]+>", "", markdown), plain):
        said = text.replace("&#58;", ":").replace("&#47;", "/").replace("&#35;", "#").replace("&#36;", "$")
        said = said.replace("&#40;", "(").replace("&#41;", ")").replace("&#91;", "[").replace("&#93;", "]")
        for words in (
            "a:m", "a:m#2", "b:m", "c:n", "one two three", "one two four",
            "complete · first word 0.50 s · 30 tokens/s · 10 tokens in, 30 out · $0.25 (x) · 1.50 s",
            "failed", "a is busy (529).", "at http://h", "Wait.", "ha", "[incomplete: cut]",
            "2 of 4 finished, 1 incomplete, 1 failed · chat default, 1 turn, about 5 tokens",
        ):  # fmt: skip
            assert words in said
    assert html.count("<h4>") == markdown.count("\n#### ") + 1 == plain.count("── ") == 4
    assert audited(html).found == []


def test_reasoning_is_folded_and_tools_are_listed():
    made = one(answer(blocks=(Thinking("why *so*", "s"), Text("so"), ToolUse("i", "f", '{"x": 1}'))))
    html = grid.html(made)
    assert re.search(r"<details[^>]*><summary>Thinking</summary>\n<p>why <em>so</em></p>\n</details>", html)
    assert "Tool call: <code>f</code>" in html
    assert "<details><summary>Thinking</summary>\n\nwhy *so*" in grid.markdown(made)
    assert "  | why *so*" in grid.plain(made)


def test_styles_are_attributes_that_a_sanitizer_knows():
    html = grid.html(MADE) + grid.html(one(answer("```python\nx\n```\n\n| a |\n|--:|\n| b |")))
    styles = set(re.findall(r'style="([^"]*)"', html))
    assert len(styles) >= 6
    assert [s for s in styles if not re.fullmatch(STYLES, s) and not s.startswith("text-align")] == []
    assert "<style" not in html
    assert "class=" not in html.replace('class="language-', "")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_columns(text):
    made = one(replace(answer(text), blocks=(Thinking(text, ""), Text(text))))
    audit = audited(grid.html(made))
    assert audit.found == []
    assert "other" in "".join(audit.text)


def test_what_an_endpoint_says_is_inert_everywhere():
    error = Busy(EVIL, where=EVIL, hint=EVIL)
    for state in (error, IncompleteReply(EVIL, hint=EVIL), None):
        made = Comparison(
            EVIL,
            (
                LaneResult(EVIL, (EVIL,), replace(evil_reply(), complete=state is None), state),
                LaneResult(EVIL, (), Reply(ended=EVIL, model=EVIL, connection=EVIL), error),
            ),
            (EVIL,),
        )
        data, metadata = grid.bundle(made)
        assert audited(data["text/html"]).found == []
        own = re.sub(r"</?(?:details|summary|sub|code)>", "", data["text/markdown"])
        assert active(own) == []
        assert all(c == "\n" or c.isprintable() for text in data.values() for c in text)
        json.dumps(metadata, allow_nan=False)


def test_a_command_of_math_is_broken_where_a_page_would_run_it():
    evil = r"$\href{javascript:alert(1)}{x}$ \(\href{y}{z}\)"
    made = one(Reply(model=evil), Busy(evil))
    for text in (grid.html(made), grid.markdown(made)):
        assert "&#92; href" in text
        assert "&#92;href" not in text
    assert "&#92;Users" in bundle.entities("C:\\Users"), "a path without math is left alone"


def test_metadata_is_that_of_each_lane():
    _, metadata = grid.bundle(MADE)
    told = metadata["xiantong"]
    assert told["complete"] is False
    assert [lane["label"] for lane in told["lanes"]] == list(MADE.labels)
    assert [lane["error"] for lane in told["lanes"]] == ["", "", BUSY.message, "cut"]
    assert told["lanes"][0]["cost"] == 0.25


def test_markdown_of_the_answers_is_the_filtered_one():
    text = "a <b>x</b>\n\n```mermaid\nx\n```\n\n![i](http://h/p)"
    assert safe.markdown(text).strip("\n") in grid.markdown(one(answer(text)))


def test_a_comparison_displays_as_this():
    assert MADE._repr_mimebundle_() == grid.bundle(MADE)


@pytest.mark.parametrize("kinds", [("text/html", "text/markdown", "text/plain"), ("text/markdown",), ("text/plain",)])
def test_nbconvert_shows_all_answers_in_any_form(kinds):
    data, metadata = grid.bundle(MADE)
    output = nbformat.v4.new_output("display_data", {kind: data[kind] for kind in kinds}, metadata=metadata)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%%ask a b", outputs=[output])])
    html, _ = HTMLExporter().from_notebook_node(book)
    for words in ("one two three", "one two four", "a is busy", "finished, 1 incomplete, 1 failed"):
        assert words in html
    if kinds[0] == "text/html":
        assert html.count("display: grid; grid-template-columns: repeat(auto-fit") == 1
