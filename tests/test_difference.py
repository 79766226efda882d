"""What changed between two texts, word by word, and that showing it shows nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import HOSTILE, RENDERERS, Audit
from xiantong_nb.difference import Difference
from xiantong_nb.safe import terminal


def pieces(old, new):
    return list(Difference("a", "b", old, new).pieces())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("same words", "same words", [("=", "same words")]),
        ("", "all new", [("+", "all new")]),
        ("all old", "", [("-", "all old")]),
        ("a b c d", "a b x d", [("=", "a b "), ("-", "c "), ("+", "x "), ("=", "d")]),
        ("a b\nc d", "a  b c\n\td", [("=", "a  b c\n\td")]),
        # one word alone between two changes is an accident
        ("w x y z end", "a x b c end", [("-", "w x y z "), ("+", "a x b c "), ("=", "end")]),
        ("w x y z", "a x y b", [("-", "w "), ("+", "a "), ("=", "x y "), ("-", "z"), ("+", "b")]),
    ],
)
def test_the_pieces(old, new, expected):
    assert pieces(old, new) == expected


@given(st.text("ab \n", max_size=40), st.text("ab \n", max_size=40))
def test_both_texts_are_all_there(old, new):
    """The new one to the letter, but for a blank where the old one goes on behind its end; the old one's words."""
    found = pieces(old, new)
    both = "".join(words for kind, words in found if kind in "=+")
    assert both == new or both.rstrip() == new
    assert "".join(words for kind, words in found if kind in "=-").split() == old.split()


@pytest.mark.parametrize("times", [10, 80, 2000])
def test_words_that_come_often_are_compared_too(times):
    body = "yes no maybe " * times
    made = Difference("a", "b", f"First: {body}", f"Second: {body}")
    assert list(made.pieces()) == [("-", "First: "), ("+", "Second: "), ("=", body)]
    assert made.ratio == pytest.approx(3 * times / (3 * times + 1))


def test_words_that_come_often_are_compared_between_changes_at_both_ends():
    body = "yes no maybe " * 150
    assert pieces(f"One: {body}.", f"Two: {body}!") == [
        ("-", "One: "), ("+", "Two: "), ("=", body), ("-", "."), ("+", "!"),
    ]  # fmt: skip


def test_what_would_take_long_to_compare_is_compared_roughly():
    """The same word between others each time: word by word, 3 s for 1,000 words and eight times that for 2,000."""
    one, two, three = ("".join(f"- {letter}{n}\n" for n in range(2000)) for letter in "abc")
    assert Difference("a", "b", one, two).ratio < 0.1
    found = pieces(f"{one}{three}{one}", f"{two}{three}{two}")
    assert any(kind == "=" and words.startswith(three) for kind, words in found), "words of its own are enough"


def test_how_it_is_shown():
    made = Difference("a:m", "b:m", "one two three", "one two <b>")
    data = made._repr_mimebundle_()
    assert data["text/plain"] == "[-a:m-] {+b:m+}\n\none two [-three-]{+<b>+}"
    assert data["text/html"] == data["text/markdown"]
    assert re.sub(r' style="[^"]*"', "", data["text/html"]) == (
        "<pre><del>a&#58;m</del> <ins>b&#58;m</ins>\n\none two <del>three</del><ins>&#60;b&#62;</ins></pre>"
    )
    assert 0.5 < made.ratio < 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text):
    made = Difference(text, "b", text, f"{text}\nmore {text[:9]}")
    html = made._repr_mimebundle_()["text/html"]
    for render in (str, *RENDERERS.values()):
        audit = Audit(
            tags={"pre", "del", "ins", "p", "code"}, styles=r"white-space: pre-wrap|background-color: rgba\(.*\)"
        )
        audit.feed(render(html))
        audit.close()
        assert audit.found == []
        assert " ".join(terminal(text).split()) in " ".join("".join(audit.text).split())
    assert all(c in "\n\t" or c.isprintable() for c in repr(made))
