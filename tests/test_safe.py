"""Model text made safe to show."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus import HOSTILE, ORDINARY, REWRITTEN, active, shown, structure
from xiantong_nb.safe import MarkdownFilter, TerminalFilter, markdown, terminal

FRAGMENTS = st.sampled_from(
    [
        *"`~$<>[](){}!\\#-*_|:\"'@& \nab0",
        "```",
        "~~~",
        "````",
        "$$",
        "\\[",
        "\\\\[",
        "\\begin{a}",
        "\\end{a}",
        "\n\n",
        "<b>",
        "<img src=x>",
        "![",
        "](",
        "](https://e.com)",
        "](javascript:x)",
        "[a]: ",
        "[^1]: ",
        "https://e.com/",
        "\n```html\n",
        "\n```mermaid\n",
        "\n  ```\n",
        "\n> ",
        "\n- ",
        "\n1. ",
        "\n    ",
        "| ",
        "|--|--|",
        "<br>",
        "\r",
        "\r\n",
        "\x00",
        "\x1b[1m",
        "\u202e",
        "�",
        "\\href{x}",
        "&#101;",
        "@@0@@",
        "<https://e.com>",
        "a@b.co",
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=30).map("".join) | st.text(max_size=60)


def in_pieces(text, size, kind=MarkdownFilter):
    """Feed a text in pieces of one size."""
    whole = kind()
    fed = [whole.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join(fed) + whole.end()


def test_the_audit_finds_what_it_looks_for():
    """A planted danger of each kind is seen, so that none found means something."""
    for planted in ("<b>y</b>", "<p onclick=x>", "![a](https://x)", "[x](javas:y)", "<!-- x -->", "\\href{x}", "<?x?>"):
        assert active(f"a {planted}")
    assert active("```mermaid\nx\n```")
    assert sum(bool(active(text)) for text in HOSTILE) > len(HOSTILE) * 0.5


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_every_renderer(text, size):
    """No tag, image, foreign link, drawing or active TeX, however the text arrives."""
    safe = in_pieces(text, size)
    safe.encode()
    assert safe == markdown(text)
    assert active(safe) == []
    assert active(markdown(safe)) == []


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text):
    """Answers with nothing dangerous in them are kept to the letter."""
    assert markdown(text) == text
    assert active(text) == []


@pytest.mark.parametrize("text", REWRITTEN)
def test_rewritten_text_reads_the_same(text):
    """What has to be written differently shows the same words, code and blocks."""
    safe = markdown(text)
    assert safe != text
    assert shown(safe) == shown(text)
    assert structure(safe) == structure(text)
    assert active(safe) == []


def test_code_at_the_margin_is_kept_to_the_letter():
    """What is copied out of a fence is what the model wrote."""
    code = "<b>&amp;</b> ![a](b) [c](d) `e` $$f$$\n\n\tindented \\href{x}\n    ``\n~~~\n"
    assert markdown(f"Text\n```js\n{code}```\nText") == f"Text\n\n```js\n{code}```\n\nText"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <b> c", "a &lt;b> c"),
        ("![a](https://x.y) ![](https://x.y)", "[image: a](https://x.y) [image](https://x.y)"),
        ("[![a](https://i.j)](https://x.y)", "[image: a](https://x.y)"),
        ("[a](b)", "[a]&#40;b)"),
        ("[a]: b", "[a]&#58; b"),
        ("$a<b$ and $n![x](y)$", "$a< b$ and $n! [x] (y)$"),
        ("<https://x.y> <z@x.y>", "[https://x.y](https://x.y) [z@x.y](mailto:z@x.y)"),
        ("[a](<https://x.y>)", "[a](https://x.y)"),
        ("\\<b> \\\\<b>", "&lt;b> \\\\&lt;b>"),
        ("`a<b>`", "<code>a&#60;b&#62;</code>"),
        ("```{note}\nx", "```text\nx\n```"),
        ("```mermaid\nx\n```\n", "```text\nx\n```\n"),
        ("- ```\n  <b>\n  ```", "- <pre><code>&#60;b&#62;</code></pre>"),
        ("\\href{a}{b}", "\\ href{a}{b}"),
        ("a\u202eb\x00\x1b[1mc\r\nd\re", "a⟨U+202E⟩b[1mc\nd\ne"),
        ("a&#8238;b&#x0202E;&#1;&#x7f;c", "a&#38;#8238;b&#38;#x0202E;&#38;#1;&#38;#x7f;c"),
        ("&#9; &#10; &#8217; &#128;", "&#9; &#10; &#8217; &#128;"),
        ("ftp://a.b sFTP://c", "ftp&#58;//a.b sFTP&#58;//c"),
        ("    \ta\tb<c>", "```\n    a\tb<c>\n```"),
        ("> ```\n> \ta\t<b>\n> ```", "> <pre><code>\ta\t&#60;b&#62;</code></pre>"),
        ("", ""),
    ],
)
def test_how_it_is_written(text, expected):
    """Each rule, once."""
    assert markdown(text) == expected


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(0, 80), max_size=6))
def test_pieces_make_no_difference(text, cuts):
    """Any split gives the same text, and at each piece what was given plus a peek is the text so far."""
    whole = MarkdownFilter()
    out, position = "", 0
    for cut in [*sorted(cuts), len(text)]:
        out += whole.feed(text[position:cut])
        position = max(position, cut)
        assert out + whole.peek() == markdown(text[:position])
    assert out + whole.end() == markdown(text)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_nothing_active_in_anything(text):
    """Texts made of all that means something, in any order."""
    safe = markdown(text)
    safe.encode()
    assert active(safe) == []


def test_time_grows_with_the_text():
    """A long stream with peeks, a line of a million characters, and runs of every opener end in time."""
    start = time.perf_counter()
    paragraph = "Some *text* with `code<T>`, a [link](https://x.y/z) and $a<b$.\n\n- item\n\n```\nx<y\n```\n\n"
    stream, fed = MarkdownFilter(), 0
    for at in range(0, 30_000, 4):
        stream.feed((paragraph * 400)[at : at + 4])
        fed += 4
        if fed % 400 == 0:
            stream.peek()
    for unit in (
        "x ",
        "`",
        "` ",
        "[",
        "![",
        "](",
        "<a",
        "$ ",
        "$$",
        "\\",
        "\\[",
        "\\begin{a}",
        "[^1]:",
        "https://",
        "![[a](",
    ):
        in_pieces(unit * (100_000 // len(unit)), 50_000)
    in_pieces("x " * 500_000, 64)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("\x1b]8;;https://x\x07link\x1b]8;;\x1b\\ y", "link y"),
        ("\x1b]52;c;aGk=\x07x\x1b]0;title\x9cy", "xy"),
        ("\x1bPq#0\x1b\\a\x1b_x\x1b\\b\x1b^x\x1b\\c\x1bXx\x1b\\d", "abcd"),
        ("\x9b2Ja\x9d0;t\x9cb\x90q\x9cc", "abc"),
        ("\x1bca\x1b(Bb\x1b=c\x1b7d", "abcd"),
        ("a\rb\r\nc\x08d\x00e\x7ff\x85g", "a\nb\ncdefg"),
        ("\x1b]0;no end\nshown", "\nshown"),
        ("\x1b]0;" + "x" * 300 + "y", "x" * 47 + "y"),
        ("\x1b[31\nshown", "\nshown"),
        ("\x1b[é \x1bé \x1b", "é é "),
        ("\x1b]0;a\x1b[31mb", "b"),
        ("a\u202eb\u2066c\u2069", "a⟨U+202E⟩b⟨U+2066⟩c⟨U+2069⟩"),
        ("\ud83d \udc00 🎉", "\ufffd \ufffd 🎉"),
        ("a javascript://%0ab JavaScript:\x00// vbscript:///", "a javascript:/ /%0ab JavaScript:/ / vbscript:/ //"),
        ("javascript:x https://a.b s3://c", "javascript:x https://a.b s3://c"),
    ],
)
def test_terminal_text(text, expected):
    """No sequence is obeyed, and one without an end takes no more than its line."""
    for size in (1, 2, 1000):
        assert in_pieces(text, size, TerminalFilter) == expected
    assert terminal(text) == expected


@settings(deadline=None)
@given(st.text(st.sampled_from([*"\x1b\x9b\x9d\x90[]();PX^_m\\\x07\x9c\r\n\t\x00 a1é\u202e\ud800"]), max_size=40))
def test_terminal_text_shows_no_control(text):
    """Whatever comes, what goes out has line feeds and tabs for controls, and pieces make no difference."""
    shown_text = terminal(text)
    assert all(character in "\n\t" or character.isprintable() for character in shown_text)
    shown_text.encode()
    assert in_pieces(text, 1, TerminalFilter) == shown_text
