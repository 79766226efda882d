"""Ordinary answers mean the same after the filter: the same elements, addresses and words as rendered."""

from __future__ import annotations

import pytest

from tests.corpus import ANSWERS
from tests.meaning import REFERENCE, RENDERER, of_html
from xiantong_nb.rendered import html as grid
from xiantong_nb.safe import markdown

WAYS = {
    "as it is": lambda text: text,
    "between others": lambda text: f"Text before, with `code`:\n\n{text}\n\nText behind it, with <b>.\n\n- a list",
    "in a quote": lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    "in a list": lambda text: "- first\n\n- " + "\n".join(f"  {line}" if line else "" for line in text.split("\n"))[2:],
    "in a numbered list": lambda text: "1. " + "\n".join(f"   {line}" if line else "" for line in text.split("\n"))[3:],
}
# Code by indentation alone inside a list or a quote: renderers differ on whether it is code, so `<` becomes an entity.
DIFFERS = {("Usage: `tool", way) for way in ("in a quote", "in a list", "in a numbered list")}


def test_there_are_answers_of_many_kinds():
    everything = "\n".join(ANSWERS)
    assert len(ANSWERS) >= 100
    assert len({line[3:] for line in everything.split("\n") if line.startswith("```") and line[3:].isalpha()}) >= 20
    for piece in ("$$", "|---", "[^1]", "- [x]", "مرحبا", "你好", "🎉", "> ", "\\begin{align}", "<div>", "</li>", "@@"):
        assert piece in everything


@pytest.mark.parametrize("way", WAYS)
def test_an_ordinary_answer_means_the_same(way):
    changed = []
    for text in map(WAYS[way], ANSWERS):
        wanted, filtered = REFERENCE.render(text), markdown(text)
        same = of_html(RENDERER.render(filtered)) == of_html(wanted)
        same_in_columns = of_html(grid(filtered), math=True) == of_html(wanted, math=True)
        if not (same and same_in_columns) and not any(w == way and start in text for start, w in DIFFERS):
            changed.append(text)
    assert changed == []


def test_one_after_the_other_they_mean_the_same():
    """What one answer leaves open does not change the next."""
    changed = []
    for first, second in zip(ANSWERS, [*ANSWERS[1:], ANSWERS[0]], strict=True):
        text = f"{first}\n\n{second}"
        if of_html(RENDERER.render(markdown(text))) != of_html(REFERENCE.render(text)):
            changed.append(text)
    assert changed == []


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("![a cat](https://x.y/c.png) ![](https://x.y)", "[image: a cat](https://x.y/c.png) [image](https://x.y)"),
        ("![a][r]\n\n[r]: https://x.y", "[image: a](https://x.y)"),
        ("[a](javascript:x) [b](../c) [d](ftp://x.y)", "\\[a](javascript:x) \\[b](../c) \\[d](ftp://x.y)"),
        ("[a]\n\n[a]: file:///etc/passwd", "[a]\n\n\\[a]: file:///etc/passwd"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("$a<b$ \\href{x}{y}", "$a< b$ \\ href{x}{y}"),
        ("    a<b\n\n> x\n>\n>     a<b", "    a<b\n\n> x\n>\n>     a&lt;b"),
    ],
)
def test_what_is_changed_is_this(text, reads):
    """Images are links, other links are text, what turns text round is named; HTML is text in the reference, too."""
    assert of_html(RENDERER.render(markdown(text))) == of_html(REFERENCE.render(reads))


def test_a_changed_meaning_would_be_seen():
    wanted = of_html(REFERENCE.render("- a *b*\n- [c](https://d.e)"))
    for changed in (
        "- a b\n- [c](https://d.e)",
        "- a *b*\n\n- [c](https://d.e)",
        "- a *b*\n- [c](https://d.f)",
        "- a *b*",
    ):
        assert of_html(RENDERER.render(changed)) != wanted
