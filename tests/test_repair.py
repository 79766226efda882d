"""An unfinished last line, made presentable."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings

from tests.corpus import HOSTILE, ORDINARY, REWRITTEN, active, shown
from tests.test_safe import TEXTS
from xiantong_nb.notebook.repair import repair
from xiantong_nb.safe import CleanFilter, MarkdownFilter, markdown


def live(text):
    """What a live paint shows of a text so far."""
    stream = MarkdownFilter()
    return stream.feed(text) + stream.peek(repair)


@pytest.mark.parametrize(
    ("so_far", "painted"),
    [
        ("```py\nx = 1", "```py\nx = 1\n```"),
        ("```py\nx = 1\n``", "```py\nx = 1\n```\n"),
        ("Text\n\n``", "Text\n\n"),
        ("Text\n\n| a | b |", "Text\n\n"),
        ("| a | b |\n|--", ""),
        ("| a |\n|---|\n| 1 |\n| 2", "| a |\n|---|\n| 1 |\n"),
        ("| a |\n|---|\n| 1 |\n", "| a |\n|---|\n| 1 |\n"),
        ("quite **stable", "quite **stable**"),
        ("quite **stable*", "quite **stable**"),
        ("quite **stable** and *so", "quite **stable** and *so*"),
        ("quite **", "quite"),
        ("**a *b* c", "**a *b* c**"),
        ("***both", "***both***"),
        ("a **b *", "a **b**"),
        ("a **`", "a"),
        ("a ** $x", "a"),
        ("~~old", "~~old~~"),
        ("snake_case_name", "snake_case_name"),
        ("- **item", "- **item**"),
        ("see [text](http://par", "see text"),
        ('see [text](https://x.y "ti', "see text"),
        ("see [text", "see [text"),
        ("a `code", "a `code`"),
        ("a ``co`de", "a ``co`de``"),
        ("a `x<y", "a <code>x&#60;y</code>"),
        ("a ![chart](https://x.y/z.p", "a image: chart"),
        ("let $\\rho", "let"),
        ("let $\\rho$ be", "let $\\rho$ be"),
        ("it costs $5 and", "it costs $5 and"),
        ("so\n\n$$\nx = ", "so\n\n"),
        ("so \\[ x", "so"),
        ("so \\\\[ x", "so"),
        ("so \\begin{align} x", "so"),
        ("Text\n-", "Text\n"),
        ("Text\n=", "Text\n"),
        ("Text\n12.", "Text\n"),
        ("- a\n  ```\n  x", "- a\n  ```\n  x\n  ```"),
        ("done.\n\nAlso **done**.\n", "done.\n\nAlso **done**.\n"),
        ("", ""),
    ],
)
def test_unfinished_states(so_far, painted):
    """Each half state a reader would see."""
    assert live(so_far) == painted


@pytest.mark.parametrize("text", [*ORDINARY, *REWRITTEN])
def test_every_prefix_is_presentable(text):
    """No prefix breaks a renderer, shows half bold, or loses a finished block."""
    for end in range(len(text) + 1):
        painted = live(text[:end])
        assert active(painted) == []
        above = text[:end].rpartition("\n\n")[0]
        if "`" not in text and "$" not in text and "    " not in text:
            assert shown(painted).startswith(shown(above.rpartition("\n\n")[0]))
            assert not re.search(r"\*\*\w[^*]*\Z", shown(painted))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_prefixes_stay_inert(text):
    """What repair adds or holds back wakes nothing."""
    for end in range(max(0, len(text) - 60), len(text) + 1):
        assert active(live(text[:end])) == []


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_anything_repaired_stays_inert(text):
    """The same, for texts of all that means something."""
    assert active(live(text)) == []


def as_wholes(so_far):
    """What a live paint shows, and what the filter makes of whole texts that end so; held back may be a fence's end."""
    ends = []

    def kept(block):
        ends.append((block, repair(block)))
        return ends[-1][1]

    stream, clean = MarkdownFilter(), CleanFilter().feed(so_far)
    painted = stream.feed(so_far) + stream.peek(kept)
    block, repaired = ends[-1] if ends else ("", "")
    assert clean.endswith(block)
    whole = clean.removesuffix(block) + repaired
    return painted.rstrip("\n"), [markdown(text).rstrip("\n") for text in (whole, re.sub(r"\n[`~ ]+\Z", "\n", whole))]


@pytest.mark.parametrize("text", [*ORDINARY, *REWRITTEN, *HOSTILE])
def test_what_is_painted_is_what_the_filter_makes_of_a_whole_text(text):
    """Nothing is added to filtered text, and nothing taken from it: what is safe when it stays is safe before."""
    for end in range(len(text) + 1):
        painted, wholes = as_wholes(text[:end])
        assert painted in wholes


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_so_it_is_for_anything(text):
    """The same, for texts of all that means something."""
    painted, wholes = as_wholes(text)
    assert painted in wholes


def test_time_grows_with_the_tail_only():
    """A long text above costs a scan, a long tail no more than its length."""
    start = time.perf_counter()
    repair("Some text.\n\n" * 50_000 + "**end")
    for unit in ("*a ", "`a", "_", "[a](", "$1 ", "**", "| a |\n", "~~a"):
        repair(unit * 20_000)
    assert time.perf_counter() - start < 10
