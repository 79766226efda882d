"""What the page makes of model text while it comes, on a bare page: what the final output says, and nothing live."""

from __future__ import annotations

import html
import re

import pytest

from tests.browser.live_page import BUNDLE, LivePage
from tests.corpus import ANSWERS, HOSTILE, ORDINARY, REWRITTEN, shown
from xiantong_nb import safe

# Forms that are shown as typed until the final output, with a text of the corpus that has each.
AS_TYPED = {
    "math, whose source is shown": r"\$\$|\\frac|\\mid|\\begin\{align\}",
    "a fence of tildes": r"^~~~",
    "a fence in a quote": r"^> *```",
    "a table without outer bars": r"^[^|\n]+\|[^\n]*\n[-| :]+$",
    "link references": r"^\[\w+\]: ",
    "a heading that is underlined": r"^=+$",
    "a list numbered with brackets": r"^\d+\) ",
    "an address in angle brackets": r"<https?://",
}
TASKS = re.compile(r"^- \[[ x]\]", re.MULTILINE)  # boxes here, as in JupyterLab; brackets in the renderer of `shown`
ELEMENTS = {
    *("P", "H1", "H2", "H3", "H4", "H5", "H6", "A", "EM", "STRONG", "S", "UL", "OL", "LI", "BLOCKQUOTE", "PRE", "CODE"),
    *("TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "HR", "BR", "INPUT", "XT-MATH"),
}
ATTRIBUTES = {"href", "target", "rel", "data-lm-suppress-shortcuts", "start", "type", "checked", "disabled"}


@pytest.fixture(scope="module")
def page(browser):
    made = LivePage(browser)
    yield made
    made.close()


def plain(text: str) -> str:
    return "".join(html.unescape(text).replace("$", "").split())


def as_typed(text: str) -> bool:
    return any(re.search(pattern, text, re.MULTILINE) for pattern in AS_TYPED.values()) or bool(TASKS.search(text))


def test_every_form_that_is_shown_as_typed_is_in_the_corpus():
    whole = "\n".join((*ORDINARY, *REWRITTEN, *ANSWERS))
    assert [name for name, pattern in AS_TYPED.items() if not re.search(pattern, whole, re.MULTILINE)] == []


@pytest.mark.parametrize("text", [*ORDINARY, *REWRITTEN, *ANSWERS])
def test_what_is_read_is_what_the_final_output_says(page, text):
    drawn = {page.text([text[at : at + size] for at in range(0, len(text), size)]) for size in (1, 2, 7, 10_000)}
    assert len(drawn) == 1, "however it is cut"
    words = plain(drawn.pop())
    if as_typed(text):
        assert words, "something is shown"
    else:
        assert words == plain(shown(safe.markdown(text)))


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_nothing_hostile_becomes_more_than_text(page, size):
    for hostile in HOSTILE:
        text = "".join(c for c in hostile if not "\ud800" <= c <= "\udfff")
        page.text([text[at : at + size] for at in range(0, len(text), size)])
        elements = page.elements()
        assert {name for name, _ in elements} <= ELEMENTS, text
        for name, attributes in elements:
            assert set(attributes) <= ATTRIBUTES, (text, attributes)
            assert re.match("https?://|mailto:", attributes.get("href", "https://"), re.IGNORECASE), (text, attributes)
            assert name != "INPUT" or attributes["type"] == "checkbox"
    assert page.strangers() == []
    assert page.said == []


def test_the_checks_for_hostile_text_find_what_they_look_for(page):
    """An element and an attribute that act, planted beside the text."""
    page.text(["well"])
    page.page.evaluate("() => document.querySelector('.xt-live-text').append(document.createElement('img'))")
    assert {name for name, _ in page.elements()} - ELEMENTS == {"IMG"}


HALVES = {
    "an open fence": ("Code:\n\n```python\nx = 1", "<p>Code:</p><pre><code>x = 1</code></pre>"),
    "half a fence": ("Code:\n\n``", "<p>Code:</p>"),
    "the head of a table": ("| a | b |", "<table><thead><tr><th> a </th><th> b </th></tr></thead></table>"),
    "half a row": (
        "| a |\n|---|\n| 1",
        "<table><thead><tr><th> a </th></tr></thead><tbody><tr><td> 1</td></tr></tbody></table>",
    ),
    "half a link": ("See [the docs](https://exa", "<p>See <a>the docs</a></p>"),
    "half bold": ("It is **stab", "<p>It is <strong>stab</strong></p>"),
    "a dash below a line": ("Text\n-", "<p>Text</p>"),
    "a word that has not ended": ("Hello wor", "<p>Hello wor</p>"),
    "half an entity": ("AT&am", "<p>AT</p>"),
}


@pytest.mark.parametrize("half", HALVES)
def test_what_has_not_ended_looks_sane(page, half):
    text, wanted = HALVES[half]
    for pieces in ([text], list(text)):
        page.draw(pieces)
        assert page.html() == wanted


def test_what_turns_out_to_be_no_markup_is_put_back(page):
    assert page.text(["items[0] and [1, 2) of 5*3 and `a"]) == "items[0] and [1, 2) of 5*3 and `a"
    assert page.text(["f](x) [x](no end\nof it"]) == "f](x) [x](no end\nof it"
    assert page.text(["read_csv, max_rows and __init__ of snake_case_"]) == "read_csv, max_rows and init of snake_case_"


def test_text_that_nests_deeper_than_anybody_reads_goes_on_as_it_was_typed(page):
    text = "> " * 40 + "deep\n\nand on"
    assert "and on" in page.text([text[:60], text[60:]])
    assert page.said == []


def test_a_gap_stops_a_part_and_nothing_else(page):
    page.begin(["demo:a", "demo:b"])
    for lane, piece in ((0, [0, "one "]), (0, [9, "lost"]), (1, [0, "two"])):
        page.hear({"lanes": {str(lane): {"t": piece}}})
    assert page.page.locator(".xt-live-text").nth(1).inner_text() == "one"
    assert page.page.get_by_text("two").count() == 1


def test_a_selection_lasts_while_text_comes(page):
    page.draw(["The first *line* of it.\n\nThe second"])
    page.page.evaluate("() => getSelection().selectAllChildren(document.querySelector('.xt-live p'))")
    for at in range(50):
        page.more(f" word {at}")
    assert page.page.evaluate("() => String(getSelection())") == "The first line of it."


def test_twenty_kilobytes_are_drawn_piece_by_piece_without_making_anything_anew(page):
    whole = "\n\n".join(t for t in (*ORDINARY, *REWRITTEN, *ANSWERS) if not as_typed(t)) * 2
    assert len(whole) > 20_000
    page.draw([whole[:100]])
    page.page.evaluate("() => { window.first = document.querySelector('.xt-live-text').firstChild; }")
    page.more_of([whole[at : at + 40] for at in range(100, len(whole), 40)])
    assert page.page.evaluate("() => window.first === document.querySelector('.xt-live-text').firstChild")
    assert plain(page.drawn()) == plain(shown(safe.markdown(whole)))


def test_buttons_appear_when_they_are_heard_and_say_what_to_stop(page):
    page.begin(["demo:a", "demo:b"])
    stop = page.page.get_by_role("button", name="Stop demo:b")
    assert stop.count() == 0, "the kernel has not said that it hears"
    page.wait_said({"hello": 7})
    page.answer({"hello": 7})
    stop.click()
    page.page.get_by_role("button", name="Stop all answers").click()
    assert page.page.get_by_role("button", name="Stop demo:a").count() == 1
    assert [said for said in page.told() if "stop" in said] == [{"stop": 7, "lane": 1}, {"stop": 7, "lane": None}]
    assert stop.is_disabled()


def test_a_sheet_that_missed_the_first_says_so_and_takes_all_of_it_anew(page):
    page.begin(["demo:a"], [{"lanes": {"0": {"t": [5, "lost its beginning"]}}}])
    page.wait_said({"hello": 7, "missed": True})
    assert page.drawn() == "", "rather nothing than text with a hole in it"
    page.hear({"lanes": {"0": {"a": True, "t": [0, "Well: "]}}, "first": True})
    page.hear({"lanes": {"0": {"t": [6, "what was lost.\n\n\n\n"]}}})
    assert page.drawn() == "Well: what was lost."


def test_thinking_folds_away_unless_the_reader_has_a_hand_in_it(page):
    for opened_by_hand in (False, True):
        page.begin(["demo:a"])
        details = page.page.locator(".xt-live details")
        assert not details.is_visible()
        page.hear({"lanes": {"0": {"k": [0, "Let me see."]}}})
        assert details.get_attribute("open") is not None
        if opened_by_hand:
            details.locator("summary").click()
            details.locator("summary").click()
        page.hear({"lanes": {"0": {"t": [0, "Well:"]}}})
        assert (details.get_attribute("open") is not None) is opened_by_hand


def test_the_state_of_each_is_told_and_of_all_in_one_polite_line(page):
    page.begin(["demo:a", "demo:b"])
    status = {"state": "failed", "said": "failed", "told": ["It broke.", "Mend it."]}
    page.hear({"lanes": {"1": {"s": status}}, "said": "0 of 2 finished, 1 failed"})
    region = page.page.get_by_role("status")
    assert (region.count(), region.inner_text()) == (1, "0 of 2 finished, 1 failed")
    assert region.get_attribute("aria-live") == "polite"
    lane = page.page.get_by_role("region", name="demo:b")
    assert lane.inner_text().split("\n\n") == ["demo:b", "failed", "It broke.", "Mend it."]


def test_the_licence_of_what_is_in_the_bundle_goes_with_it():
    bundle = (BUNDLE / "live.js").read_text("utf-8")
    assert "MIT License, Copyright (c) 2024 Damian Tarnawski" in bundle
    assert "Permission is hereby granted" in (BUNDLE / "streaming-markdown.txt").read_text("utf-8")
    assert len(bundle.encode()) <= 20_000
