"""Filtered Markdown as HTML: nothing in it acts, and it says what Markdown says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from tests.corpus import HOSTILE, ORDINARY, REWRITTEN, Audit, shown, structure
from tests.test_safe import TEXTS
from xiantong_nb import safe
from xiantong_nb.rendered import html

CODE = r"margin: 0 0 1em; padding: 4px 8px; background-color: rgba\([\d., ]+\)"


def audited(text: str) -> Audit:
    audit = Audit(styles=CODE)
    audit.feed(html(safe.markdown(text)))
    audit.close()
    return audit


@pytest.mark.parametrize(
    "planted",
    ["<b>y</b>", "<p onclick=x>", "<p style='color: red'>", "<img src=x>", '<a href="javas:y">x</a>', "<script>"],
)
def test_the_audit_finds_what_it_looks_for(planted):
    audit = Audit(styles=CODE)
    audit.feed(planted)
    assert audit.found


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text):
    assert audited(text).found == []


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_nothing_active_in_anything(text):
    assert audited(text).found == []


@pytest.mark.parametrize("text", HOSTILE)
def test_unfiltered_text_makes_no_tag_of_its_own_either(text):
    """A second wall: even without the filter before it, no HTML and no image passes, and no link that runs."""
    made = html(text)
    assert not re.search(
        r"<(?:script|img|iframe|svg|video|audio|object|embed|form|meta|link|style)\b", made, re.IGNORECASE
    )
    assert not re.search(r"href=\"\s*(?:javascript|vbscript|data):", made, re.IGNORECASE)
    assert not re.search(r"<[^>]*\son\w+=", made)


@pytest.mark.parametrize("text", ORDINARY + REWRITTEN)
def test_it_says_what_markdown_says(text):
    made = html(safe.markdown(text))
    audit = Audit(styles=CODE)
    audit.feed(made)
    audit.close()
    said, expected = (re.sub(r"[\s\\]", "", words) for words in ("".join(audit.text), shown(safe.markdown(text))))
    assert said == expected
    ours = re.findall(r"<(/?(?!code|pre)[a-z0-9]+)", made)
    assert [tag for tag in ours if tag not in ("em", "/em")] == [
        tag for tag in structure(safe.markdown(text)) if tag not in ("em", "/em")
    ], "but for emphasis, which math is kept from"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*a* `b` ~~c~~", "<p><em>a</em> <code>b</code> <s>c</s></p>"),
        ("`a<b>`", "<p><code>a&#60;b&#62;</code></p>"),
        ("a<br>b", "<p>a<br>b</p>"),
        ("<b>", "<p>&lt;b&gt;</p>"),
        ("![a](https://x.y)", '<p><a href="https://x.y">image: a</a></p>'),
        ("$a_1 b_2$ and $5", "<p>$a_1 b_2$ and $5</p>"),
        ("$$a_1 < b_2$$", "<p>$$a_1 &lt; b_2$$</p>"),
        (r"\\(a_1 b_2\\) \\[c_1 d_2\\]", r"<p>\(a_1 b_2\) \[c_1 d_2\]</p>"),
        ("- ```\n  <b>\n  ```", f'<ul>\n<li>\n<pre style="{CODE}"><code>&#60;b&#62;</code></pre>\n</li>\n</ul>'),
        ("\\begin{a}\nx_1 &= y_1 \\\\\n\\end{a}", "<p>\\begin{a}\nx_1 &amp;= y_1 \\\\\n\\end{a}</p>"),
        ("| a |\n|--:|\n| b |", '<th style="text-align:right">a</th>'),
    ],
)
def test_how_it_is_written(text, expected):
    if CODE in expected:
        assert re.sub(CODE, "…", html(safe.markdown(text))).strip() == expected.replace(CODE, "…")
    else:
        assert expected in html(safe.markdown(text))


def test_time_grows_with_the_text():
    """Runs of every opener end in time."""
    for unit in ("[", "![", "](", "$ ", "$$", r"\\(", r"\\[", r"\begin{a}", "_a", "**a", "<code>", "> ", "| "):
        html(safe.markdown(unit * (100_000 // len(unit))))
